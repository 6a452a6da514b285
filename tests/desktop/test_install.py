"""The app as it is installed: beside the clawdbot command, at any path."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from desktop import APP, CLI, Desktop, element, free_port, until


class FirstStart(unittest.TestCase):
    def test_needs_no_configuration_and_keeps_everything_private(self):
        desktop = self.enterContext(Desktop())
        port = free_port()
        desktop.env["CLAWDBOT_GATEWAY_PORT"] = str(port)
        desktop.start("--open", umask=0)
        until(lambda: desktop.status() == "Ready on 127.0.0.1:%d" % port, 20, "the gateway")
        desktop.wait_window()
        element(desktop.page(), "composer")
        state, web = desktop.home / ".clawdbot", desktop.home / ".local/share/com.clawdbot.desktop/webview"
        self.assertEqual(web.stat().st_mode & 0o777, 0o700)
        files = [state, *state.rglob("*")]
        self.assertGreater(len(files), 4)
        open_files = [str(file) for file in files if file.stat().st_mode & 0o077]
        self.assertEqual(open_files, [])
        self.assertEqual((desktop.home / "clawd").stat().st_mode & 0o777, 0o700)
        desktop.click("Start at login")
        entries = desktop.home / ".config/autostart"
        until((entries / "Clawdbot.desktop").exists, 10, "the login entry")
        self.assertEqual(entries.stat().st_mode & 0o777, 0o700)


class CommandLine(unittest.TestCase):
    def ask(self, *arguments):
        # Without a display, as in a session over SSH.
        env = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        home = self.enterContext(tempfile.TemporaryDirectory())
        asked = subprocess.run([APP, *arguments], env=env | {"HOME": home, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"},
                               capture_output=True, text=True, timeout=30)
        return asked.returncode, asked.stdout, asked.stderr

    def test_questions_are_answered_and_what_cannot_be_is_said(self):
        code, said, _ = self.ask("--version")
        self.assertEqual(code, 0)
        self.assertRegex(said, r"^clawdbot-desktop \d+\.\d+\.\d+\n$")
        code, said, _ = self.ask("--help")
        self.assertEqual(code, 0)
        self.assertIn("--no-tray", said)
        code, said, problem = self.ask("--nonsense")
        self.assertEqual((code, said), (2, ""))
        self.assertIn('does not know "--nonsense"', problem)
        code, said, problem = self.ask()
        self.assertEqual((code, said), (1, ""))
        self.assertIn("There is no display here", problem)
        self.assertIn("clawdbot gateway", problem)


class Install(unittest.TestCase):
    def install(self, desktop, command=None, place="a place with $space"):
        """Copies the app, and a `clawdbot` beside it, to a new directory."""
        directory = desktop.root / place
        directory.mkdir()
        app = directory / "clawdbot-desktop"
        shutil.copy2(APP, app)
        if command is not None:
            (directory / "clawdbot").write_text("#!/bin/sh\n" + command)
            (directory / "clawdbot").chmod(0o755)
        return str(app)

    def started(self, command=None):
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        app = self.install(desktop, command)
        desktop.start("--hidden", program=app)
        desktop.wait_ready()
        return desktop

    def tooltip(self, desktop):
        return desktop.item()["ToolTip"][1]

    def test_missing_command_is_named(self):
        desktop = self.started()
        until(lambda: "command is missing" in self.tooltip(desktop), 10, "the note")

    def test_another_version_is_named(self):
        desktop = self.started('[ "$*" = --version ] && echo clawdbot 99.1.0\n')
        until(lambda: "version 99.1.0" in self.tooltip(desktop), 10, "the note")

    def test_the_real_command_fits(self):
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        app = self.install(desktop)
        done = desktop.root / "asked"
        # The real command, leaving a trace of its end.
        beside = Path(app).with_name("clawdbot")
        beside.write_text('#!/bin/sh\n"%s" "$@"; echo $? > "%s"\n' % (CLI, done))
        beside.chmod(0o755)
        desktop.start("--hidden", program=app)
        desktop.wait_ready()
        until(done.exists, 10, "the question for the version")
        self.assertEqual(done.read_text().strip(), "0")
        self.assertEqual(self.tooltip(desktop), desktop.status())
        self.assertNotIn("command cannot be used", desktop.log())

    def test_login_entry_is_where_the_session_looks(self):
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        desktop.env["XDG_CONFIG_HOME"] = str(desktop.home / "settings")
        desktop.start("--hidden")
        desktop.wait_ready()
        entry = desktop.home / "settings/autostart/Clawdbot.desktop"
        desktop.click("Start at login")
        until(lambda: desktop.entry("Start at login")["checked"] and entry.exists(), 10, "the entry")
        self.assertIn("--hidden", entry.read_text())
        self.assertFalse((desktop.home / ".config/autostart/Clawdbot.desktop").exists())
        desktop.click("Start at login")
        until(lambda: not desktop.entry("Start at login")["checked"] and not entry.exists(), 10, "its end")

    def test_login_entry_starts_the_app_from_any_path(self):
        desktop = self.started()
        desktop.click("Start at login")
        entry = desktop.home / ".config/autostart/Clawdbot.desktop"
        until(lambda: desktop.entry("Start at login")["checked"] and entry.exists(), 5, "the entry")
        desktop.click("Quit")
        self.assertEqual(desktop.app.wait(8), 0)
        until(lambda: not desktop.has_item(), 5, "the item's end")
        # What a session does with the entry at login.
        desktop.run("gio", "launch", str(entry))
        desktop.item(timeout=10)
        self.assertEqual(desktop.windows(), [])
        desktop.click("Quit")
        until(lambda: not desktop.has_item(), 5, "the item's end")


if __name__ == "__main__":
    unittest.main()
