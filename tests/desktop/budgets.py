"""What WebChat costs in the real window, beside its budgets; the page's side is e2e/budgets/probes.js.

    CLAWDBOT_BIN=... CLAWDBOT_DESKTOP_BIN=... tests/desktop/run.sh budgets

Not a test: the numbers belong to the machine they were taken on.
"""

import os
import time
import unittest
from pathlib import Path

from desktop import Desktop, HERE, answer, say, until
from fake_model import Answer, FakeModel

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


class Budgets(unittest.TestCase):
    def row(self, what, value, budget, unit):
        mark = "" if value <= budget else "  over"
        print("%-42s %8.1f %-3s (budget %g)%s" % (what, value, unit, budget, mark), flush=True)

    def busy(self, pid, seconds):
        before = processor_seconds(pid)
        time.sleep(seconds)
        return 100 * (processor_seconds(pid) - before) / seconds

    def test_budgets(self):
        model = self.enterContext(FakeModel(Answer(chunks=WORDS, delay=0.01)))
        desktop = self.enterContext(Desktop())
        desktop.configure(model.url)
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
