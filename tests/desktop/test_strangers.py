"""Other users and other programs of this computer, as far as they can reach the app."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from desktop import CLI, Desktop, answers, children, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import TOKEN, call, far_gateway

NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
SECOND_START = ("com.clawdbot.desktop.SingleInstance", "/com/clawdbot/desktop/SingleInstance",
                "org.SingleInstance.DBus.ExecuteCallback")


def second_start(desktop, *arguments, **options):
    """What a second start says to the first one, or something like it."""
    name, path, method = SECOND_START
    return subprocess.run(["gdbus", "call", "--session", "-d", name, "-o", path, "-m", method, *arguments],
                          env=desktop.env, capture_output=True, text=True, timeout=30, **options)


@unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
class Users(unittest.TestCase):
    def test_a_gateway_of_another_user_on_the_port_is_told_nothing(self):  # SSH-05
        model = self.enterContext(FakeModel(Answer(chunks=["Here ", "all the same."], delay=0)))
        desktop = self.enterContext(Desktop())
        port = desktop.configure(model.url)
        theirs = Path(tempfile.mkdtemp(prefix="clawdbot-theirs-"))
        self.addCleanup(shutil.rmtree, theirs)
        shutil.copy(CLI, theirs / "clawdbot")
        shutil.chown(theirs, NOBODY["user"])
        gateway = subprocess.Popen(
            [theirs / "clawdbot", "gateway", "--port", str(port), "--allow-unconfigured"],
            cwd=theirs, env={"HOME": str(theirs), "CLAWDBOT_GATEWAY_TOKEN": "theirs"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **NOBODY)
        self.addCleanup(gateway.wait)
        self.addCleanup(gateway.kill)
        until(lambda: answers(port), 20, "the gateway of somebody else")
        desktop.start("--hidden")
        taken = "Port %d is used by clawdbot (pid %d)" % (port, gateway.pid)
        until(lambda: desktop.status() == taken, 20, taken)
        page = desktop.open_page()
        page.set_script_timeout(20)
        self.assertIs(call(page, "connection_read")["attached"], False)
        say(page, "Do you hear me?")
        wait_answer(page, "Here all the same.")
        # It says whom it does not let in.
        self.assertNotIn("connect refused", (theirs / ".clawdbot/logs/gateway.log").read_text())

    def test_another_user_cannot_make_the_app_do_anything(self):  # APP-08
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        desktop.start("--hidden")
        desktop.wait_ready()
        asked = second_start(desktop, "['clawdbot-desktop']", "'/'", **NOBODY)
        self.assertNotEqual(asked.returncode, 0, asked.stdout)
        # The same from this user is heard, and is the first thing that was.
        self.assertEqual(desktop.windows(), [])
        self.assertEqual(second_start(desktop, "['clawdbot-desktop']", "'/'").returncode, 0)
        desktop.wait_window()


class Programs(unittest.TestCase):
    def test_a_second_start_can_open_the_window_and_nothing_else(self):  # APP-08
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        desktop.start("--hidden")
        desktop.wait_ready()
        config = (desktop.home / ".clawdbot/clawdbot.json").read_text()
        for junk in (["1", "2"], ["'x'", "'/'"], ["['a', 1]", "'/'"], ["@as []"], []):
            self.assertNotEqual(second_start(desktop, *junk).returncode, 0, junk)
        # Of the right shape, and not what it could be after.
        long = "'clawdbot://message?text=%s'" % ("a" * 100_000)
        for arguments in ("['x', '--hidden', '--uninstall']", "['x', '--hidden', '--quit', '../../etc']",
                          "['x', '--hidden', 'file:///etc/passwd']", "['x', '--hidden', %s]" % long):
            self.assertEqual(second_start(desktop, arguments, "'/nowhere'").returncode, 0, arguments[:60])
        # What is asked after all of that is still done, by the same app.
        self.assertEqual(second_start(desktop, "['clawdbot-desktop']", "'/'").returncode, 0)
        desktop.wait_window()
        self.assertIsNone(desktop.app.poll())
        self.assertTrue(desktop.status().startswith("Ready on"), desktop.status())
        self.assertEqual((desktop.home / ".clawdbot/clawdbot.json").read_text(), config)
        self.assertTrue((desktop.home / ".clawdbot/desktop.json").exists())


class Traces(unittest.TestCase):
    """What the app leaves where others could look."""

    def test_every_file_is_the_persons_alone(self):  # LOC-01
        model = self.enterContext(FakeModel(Answer(chunks=["Noted."], delay=0)))
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        far = far_gateway(desktop, model.url)
        # The worst there is; files must not rely on it.
        desktop.start("--hidden", umask=0)
        desktop.wait_ready()
        page = desktop.open_page()
        page.set_script_timeout(20)
        call(page, "settings_write", patch={"notifications": {"answers": False}, "autostart": True})
        call(page, "connection_use", target={"mode": "direct", "url": "ws://127.0.0.1:%d" % far},
             credential={"token": TOKEN})
        say(page, "A secret plan")
        wait_answer(page, "Noted.")
        desktop.leave(page)
        desktop.close_window()
        until(lambda: not desktop.window_process(), 15, "the end of the windows")
        state = desktop.home / ".clawdbot"
        mode = lambda path: path.lstat().st_mode & 0o777
        loose = {str(path): oct(mode(path)) for path in [state, *state.rglob("*")]
                 if mode(path) != (0o700 if path.is_dir() else 0o600)}
        self.assertEqual(loose, {})
        for name in ("desktop.json", "remote-secrets.json", "logs/gateway.log", "clawdbot.sqlite"):
            self.assertTrue((state / name).exists(), name)
        # Elsewhere it is enough that nobody gets in, and that nobody can change what is started.
        def exposed(path):
            within = [path, *path.parents][:len(path.relative_to(desktop.home).parts)]
            return path.is_file() and not any(mode(part) & 0o077 == 0 for part in within)
        open_files = {path for path in desktop.home.rglob("*") if exposed(path)}
        for path in open_files:
            self.assertEqual(mode(path) & 0o022, 0, "%s can be changed by others" % path)
            self.assertNotIn(b"A secret plan", path.read_bytes(), path)
            self.assertNotIn(TOKEN.encode(), path.read_bytes(), path)

    def test_secrets_are_in_no_process_of_a_page_and_in_no_log(self):  # LOC-02
        model = self.enterContext(FakeModel(Answer(chunks=["Noted."], delay=0)))
        desktop = self.enterContext(Desktop())
        desktop.configure(model.url)
        secrets = {"CLAWDBOT_GATEWAY_TOKEN": "canary-of-the-gateway", "ANTHROPIC_API_KEY": "canary-of-a-model"}
        known = [*secrets.values(), "desktop-test-token", "test-key"]
        desktop.env.update(secrets)
        opened = desktop.root / "opened"
        desktop.program("xdg-open", '{ echo "$1"; env; } > "%s.new"; mv "%s.new" "%s"\n' % (opened, opened, opened))
        desktop.start("--hidden")
        desktop.wait_ready()
        page = desktop.open_page()
        say(page, "Hello")
        wait_answer(page, "Noted.")
        told = lambda pid: b"".join(Path("/proc/%d/%s" % (pid, what)).read_bytes() for what in ("environ", "cmdline"))
        for secret in secrets.values():
            self.assertIn(secret.encode(), told(desktop.app.pid), "the search finds what is there")
        processes = children(desktop.app.pid)
        self.assertTrue(any(name.startswith("WebKitWebProces") for name in processes.values()), processes)
        for pid, name in processes.items():
            for secret in known:
                self.assertNotIn(secret.encode(), told(pid), name)
        # Nor does the browser get them.
        page.set_script_timeout(20)
        call(page, "open_external", url="https://example.org/page")
        until(opened.exists, 15, "the browser")
        heard = opened.read_text()
        self.assertIn("https://example.org/page", heard)
        self.assertIn("HOME=%s" % desktop.home, heard)
        for secret in known:
            self.assertNotIn(secret, heard)
        shown = page.execute_script("return document.documentElement.outerHTML + JSON.stringify({...localStorage})")
        for secret in known:
            self.assertNotIn(secret, shown)
            self.assertNotIn(secret, desktop.log())
        self.assertIn("ready", desktop.log())


if __name__ == "__main__":
    unittest.main()
