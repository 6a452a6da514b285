"""What the app and WebChat in its window cost, beside their budgets; the page's side is
e2e/budgets/probes.js.

    CLAWDBOT_BIN=... CLAWDBOT_DESKTOP_BIN=... tests/desktop/run.sh budgets

Not a test: the numbers belong to the machine they were taken on.
"""

import math
import os
import statistics
import time
import unittest
from pathlib import Path

from desktop import Desktop, HERE, answer, children, say, until
from fake_model import Answer, FakeModel
from far import TOKEN, Sshd, challenged, far_gateway

PROBES = (HERE.parent / "e2e/budgets/probes.js").read_text()
TICKS = os.sysconf("SC_CLK_TCK")
# 3,000 words, a hundred a second, with the Markdown of a usual answer.
WORDS = [("**word%d** " % n if n % 12 == 0 else "\n\n## Part %d\n\n" % n if n % 90 == 89 else "lorem ")
         for n in range(3000)]


def processor_seconds(pid):
    fields = Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def pss_mb(pid):
    rollup = Path("/proc/%d/smaps_rollup" % pid).read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024


def family_mb(pid):
    """Memory of a program and of all it started."""
    return sum(pss_mb(member) for member in (pid, *children(pid)))


def connected(desktop):
    """How many pages have said hello so far."""
    return desktop.log().count("mode=ui")


class Budgets(unittest.TestCase):
    def row(self, what, value, budget, unit):
        mark = "" if value <= budget else "  over"
        print("%-42s %8.1f %-3s (budget %g)%s" % (what, value, unit, budget, mark), flush=True)

    def busy(self, pid, seconds):
        before = processor_seconds(pid)
        time.sleep(seconds)
        return 100 * (processor_seconds(pid) - before) / seconds

    def configured(self):
        model = self.enterContext(FakeModel(Answer(chunks=WORDS, delay=0.01)))
        desktop = self.enterContext(Desktop())
        desktop.configure(model.url)
        return desktop

    def test_app(self):
        desktop = self.configured()
        print()
        started = time.monotonic()
        desktop.start("--hidden")
        self.row("start to tray", 1000 * (time.monotonic() - started), 150, "ms")
        desktop.wait_ready()
        time.sleep(5)
        app = desktop.app.pid
        self.row("app before a window (PSS)", family_mb(app), 60, "MB")
        self.row("app without a window", self.busy(app, 60), 0.1, "%")
        times, usable, largest = [], [], 0
        for _ in range(5):
            before = connected(desktop)
            clicked = time.monotonic()
            desktop.click("Open WebChat")
            desktop.wait_window()
            times.append(1000 * (time.monotonic() - clicked))
            while connected(desktop) == before:
                time.sleep(0.01)
            usable.append(1000 * (time.monotonic() - clicked))
            time.sleep(3)
            largest = max(largest, family_mb(app))
            desktop.close_window()
            until(lambda: not children(app), 10, "the end of the window")
        print("%-42s %8.1f ms" % ("click to window, median of five", statistics.median(times)))
        self.row("click to a page that is connected, median", statistics.median(usable), 500, "ms")
        print("%-42s %8.1f MB" % ("app with a window (PSS), the largest", largest))
        time.sleep(3)
        self.row("app after five windows (PSS)", family_mb(app), 80, "MB")

    def test_reconnect(self):
        """From the end of a tunnel that had lived for a minute until the gateway is reached again through
        the front door. Several apps live through their minutes at once; only one of them is disturbed at a time."""
        apps = [self.app_over_ssh() for _ in range(5)]
        times = []
        for _ in range(4):
            time.sleep(62)
            for desktop, sshd in apps:
                dropped = time.monotonic()
                self.assertGreater(sshd.drop_sessions(), 0)
                until(lambda: challenged(desktop.port), 40, "the gateway")
                times.append(1000 * (time.monotonic() - dropped))
                desktop.wait_ready()
        print()
        times.sort()
        self.row("reconnect after a drop, p50 of %d" % len(times), statistics.median(times), 500, "ms")
        self.row("reconnect after a drop, p95", times[math.ceil(0.95 * len(times)) - 1], 1000, "ms")

    def app_over_ssh(self):
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        sshd = Sshd(desktop)
        sshd.trust()
        far = far_gateway(desktop, "http://127.0.0.1:9/v1")
        desktop.write_config({"gateway": {"mode": "remote", "port": desktop.port, "remote": {
            "transport": "ssh", "sshTarget": "far", "remotePort": far, "token": TOKEN}}})
        desktop.start("--hidden")
        desktop.wait_ready()
        return desktop, sshd

    def test_page(self):
        desktop = self.configured()
        desktop.start("--hidden")
        desktop.wait_ready()
        page = desktop.open_page()
        page.execute_script(PROBES)
        web = desktop.web_processes()[0]
        until(lambda: page.execute_script("return document.documentElement.dataset.ready"), 15, "a page")
        time.sleep(3)
        print()
        self.row("web process, idle", self.busy(web, 10), 0.5, "%")
        self.row("web process memory (PSS)", pss_mb(web), 110, "MB")
        say(page, "A long answer, please")
        until(lambda: "word24" in answer(page), 20, "the answer's start")
        self.row("web process while an answer streams", self.busy(web, 8), 15, "%")
        page.set_script_timeout(30)
        keys = page.execute_async_script(
            "const done = arguments[0]; probes.keystrokes(40).then(done)")
        self.row("keystroke to paint meanwhile, p95", sorted(keys)[37], 32, "ms")
