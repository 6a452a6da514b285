"""The tray icon, its menu, and how the app starts and ends."""

import signal
import threading
import unittest

from selenium.webdriver.common.keys import Keys

from desktop import APP, Desktop, element, elements, kill, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import connection_page

ENTRIES = ["On this computer", "Open WebChat", "Recent chats", "Copy WebChat address", "Pause new runs", "Restart gateway",
           "Start at login", "Settings", "Diagnostics", "Open logs", "Quit"]


class Tray(unittest.TestCase):
    def desktop(self, **options):
        desktop = self.enterContext(Desktop(**options))
        desktop.configure("http://127.0.0.1:9/v1")
        return desktop

    def test_starts_into_the_tray_without_a_window(self):
        for arguments in ([], ["--hidden"]):
            with self.subTest(arguments=arguments):
                desktop = self.desktop()
                desktop.start(*arguments)
                desktop.wait_ready()
                labels = [entry["label"] for entry in desktop.menu()]
                self.assertEqual([label for label in labels[1:] if label], ENTRIES)
                self.assertEqual(desktop.status(), "Ready on 127.0.0.1:%d" % desktop.port)
                self.assertFalse(desktop.menu()[0]["enabled"])
                self.assertEqual(desktop.windows(), [])
                self.assertEqual(desktop.web_processes(), [])
                self.assertIn("Ready on", desktop.item()["ToolTip"][1])

    def test_open_argument_shows_the_window(self):
        desktop = self.desktop()
        desktop.start("--open")
        desktop.wait_window()

    def test_menu_entry_opens_a_window(self):
        desktop = self.desktop()
        desktop.start("--hidden")
        desktop.click("Open WebChat")
        desktop.wait_window()
        until(lambda: len(desktop.windows()) == 1, 5, "one window, and only one")

    def test_menu_entries_open_the_logs_and_the_pages(self):
        desktop = self.desktop()
        opened = desktop.root / "opened"
        desktop.program("xdg-open", 'printf "%%s\\n" "$1" >> "%s"\n' % opened)
        desktop.start("--hidden")
        desktop.wait_ready()
        desktop.click("Open logs")
        until(opened.exists, 15, "the file manager")
        self.assertEqual(opened.read_text().strip(), str(desktop.home / ".clawdbot/logs"))
        desktop.click("Diagnostics")
        page = desktop.page_when_open()
        element(page, "diagnostics", 20)
        desktop.click("Settings")
        element(page, "settings-general", 20)

    def test_left_click_opens_a_window(self):
        desktop = self.desktop()
        desktop.start("--hidden")
        desktop.left_click()
        desktop.wait_window()

    def test_icon_follows_the_state(self):
        desktop = self.desktop()
        desktop.start("--hidden")
        desktop.wait_ready()
        ready = desktop.item()["IconDigest"]
        desktop.write_config("{ this is not a configuration")
        desktop.click("Restart gateway")
        until(lambda: desktop.status().startswith("Cannot start"), 10, "the error")
        self.assertNotEqual(desktop.item()["IconDigest"], ready)
        self.assertIsNone(desktop.app.poll())

    def test_appears_in_a_panel_that_starts_later(self):
        desktop = self.desktop(watcher=False)
        desktop.start("--hidden", wait=False)
        until(lambda: "no tray yet" in desktop.log(), 5, "the missing tray in the log")
        desktop.start_watcher()
        desktop.item(timeout=8)
        self.assertEqual(desktop.windows(), [])

    def test_without_a_tray_the_window_opens(self):
        desktop = self.desktop(watcher=False)
        desktop.start(wait=False)
        desktop.wait_window()

    def test_the_first_start_from_the_applications_menu_shows_its_questions(self):
        desktop = self.desktop()
        desktop.start(first_run=True)
        element(desktop.page_when_open(), "first-run", 20)

    def test_without_a_tray_the_app_ends_with_its_window(self):
        desktop = self.desktop(watcher=False)
        desktop.start(wait=False)
        desktop.close_window()
        self.assertEqual(desktop.app.wait(30), 0)

    def test_a_tray_that_comes_later_keeps_the_app_without_a_window(self):
        desktop = self.desktop(watcher=False)
        desktop.start(wait=False)
        desktop.wait_window()
        desktop.start_watcher()
        desktop.item(timeout=20)
        desktop.wait_ready()
        desktop.close_window()
        desktop.click("Open WebChat")
        desktop.wait_window()
        self.assertIsNone(desktop.app.poll())

    def test_speaks_french_and_spanish(self):
        for language, label in (("fr_FR.UTF-8", "Ouvrir WebChat"), ("es_ES.UTF-8", "Abrir WebChat")):
            with self.subTest(language=language):
                desktop = self.desktop(language=language)
                desktop.start("--hidden")
                self.assertIsNotNone(desktop.entry(label))

    def test_start_at_login_writes_the_entry_and_takes_it_back(self):
        desktop = self.desktop()
        desktop.start("--hidden")
        entry = desktop.home / ".config/autostart/Clawdbot.desktop"

        def ticked():
            return desktop.entry("Start at login")["checked"]

        self.assertFalse(ticked())
        desktop.click("Start at login")
        until(lambda: ticked() and entry.exists(), 5, "the login entry")
        lines = entry.read_text().splitlines()
        self.assertIn("Exec=%s --hidden" % APP, lines)
        desktop.click("Start at login")
        until(lambda: not ticked() and not entry.exists(), 5, "its removal")

    def test_tick_shows_what_the_system_did(self):
        desktop = self.desktop()
        (desktop.home / ".config").write_text("not a directory")
        desktop.start("--hidden")
        desktop.click("Start at login")
        until(lambda: "start at login was not changed" in desktop.log(), 5, "the failure")
        until(lambda: not desktop.entry("Start at login")["checked"], 5, "an empty tick")


    def test_comes_back_when_the_panel_restarts(self):
        desktop = self.desktop(watcher=False)
        panel = desktop.start_watcher()
        desktop.start("--hidden")
        desktop.wait_ready()
        kill(panel.pid)
        panel.wait()
        desktop.forget_panel()
        desktop.start_watcher()
        desktop.item(timeout=8)
        desktop.click("Open WebChat")
        desktop.wait_window()

    def test_no_tray_gives_a_window_and_ends_with_it(self):
        desktop = self.desktop()
        desktop.start("--no-tray", wait=False)
        desktop.wait_window()
        self.assertFalse(desktop.has_item())
        desktop.close_window()
        self.assertEqual(desktop.app.wait(30), 0)


class Waiting(unittest.TestCase):
    """What waits for a person, what is under way, and the menu's answers to it."""

    def desktop(self, *answers):
        self.model = self.enterContext(FakeModel(*answers))
        desktop = self.enterContext(Desktop())
        desktop.configure(self.model.url)
        desktop.start("--hidden")
        desktop.wait_ready()
        return desktop

    def test_a_command_is_allowed_or_denied_in_the_menu(self):
        desktop = self.desktop(Answer())
        ready = desktop.item()["IconDigest"]
        for answer, decision in (("Allow once", "allow-once"), ("Deny", "deny")):
            with self.subTest(answer=answer):
                asking = desktop.ask_to_run("make install && echo done")
                question = "Run? make install && echo done"
                desktop.wait_entry(question, answer)
                self.assertEqual(desktop.status(), "Waiting for you: 1 command")
                self.assertNotEqual(desktop.item()["IconDigest"], ready)
                desktop.click(question, answer)
                self.assertIn('"decision": "%s"' % decision, asking.communicate(timeout=15)[0])
                until(lambda: not desktop.entry(question), 5, "the question's end")
        until(lambda: desktop.item()["IconDigest"] == ready, 5, "the usual icon")

    def test_a_command_that_is_not_seen_whole_is_not_allowed_in_the_menu(self):  # EXE-07
        desktop = self.desktop(Answer())
        asking = desktop.ask_to_run("echo " + "a" * 90 + "; rm -rf /")
        question = until(lambda: next((entry["label"] for entry in desktop.menu() if entry["label"].startswith("Run? ")), None),
                         15, "the question")
        self.assertIsNotNone(desktop.entry(question, "See all of it in WebChat"))
        self.assertIsNone(desktop.entry(question, "Allow once"))
        desktop.click(question, "See all of it in WebChat")
        page = desktop.page_when_open()
        self.assertIn("rm -rf /", element(page, "approval").text)
        desktop.click(question, "Deny")
        self.assertIn('"decision": "deny"', asking.communicate(timeout=15)[0])

    def test_recent_chats_are_in_the_menu_and_open(self):
        desktop = self.desktop(Answer(chunks=["Done."], delay=0))
        self.assertIsNotNone(desktop.entry("Recent chats", "No chats yet"))
        page = desktop.open_page()
        say(page, "Plan a & b_c")
        wait_answer(page, "Done.")
        desktop.leave(page)
        desktop.close_window()
        desktop.wait_entry("Recent chats", "Plan a & b_c")
        desktop.click("Recent chats", "Plan a & b_c")
        desktop.wait_window()

    def test_a_pause_holds_new_messages_until_it_ends(self):
        desktop = self.desktop(Answer(chunks=["Here it is."], delay=0))
        desktop.click("Pause new runs")
        until(lambda: desktop.status() == "Paused: new messages wait", 5, "the pause")
        self.assertTrue(desktop.entry("Pause new runs")["checked"])
        page = desktop.open_page()
        say(page, "Later, please")
        until(lambda: desktop.entry("Quit and stop 1 run"), 5, "the waiting run")
        self.assertEqual(self.model.requests, [])
        desktop.click("Pause new runs")
        wait_answer(page, "Here it is.")
        until(lambda: desktop.status().startswith("Ready on"), 5, "the end of the pause")

    def test_without_a_tray_a_run_is_finished_before_the_app_ends(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        model = self.enterContext(FakeModel(Answer(chunks=["Done."], delay=0, hold=hold)))
        desktop = self.enterContext(Desktop(watcher=False))
        desktop.configure(model.url)
        shown = desktop.root / "dunst.log"
        desktop.start_dunst(shown)
        desktop.start(wait=False)
        page = desktop.page_when_open()
        say(page, "Take your time")
        until(lambda: model.requests, 20, "the run")
        desktop.leave(page)
        desktop.close_window()
        until(lambda: "Clawdbot ends when 1 run is done" in shown.read_text(errors="replace"), 20, "the notification")
        self.assertIsNone(desktop.app.poll())
        hold.set()
        self.assertEqual(desktop.app.wait(30), 0)

    def test_restart_quit_and_a_switch_say_what_they_stop(self):
        held = [threading.Event(), threading.Event()]
        for hold in held:
            self.addCleanup(hold.set)
        desktop = self.desktop(*[Answer(hold=hold) for hold in held])
        page = desktop.open_page()
        say(page, "Count")
        desktop.wait_entry("Restart gateway and stop 1 run", timeout=20)
        connection_page(desktop, page)
        element(page, "mode-direct", 15).click()
        stops = lambda: [hint.text for hint in elements(page, "connection-stops")]
        until(lambda: stops() == ["1 run is under way here. Switching stops it and keeps what it has written so far."], 15,
              "what a switch stops")
        page.execute_script("arguments[0].scrollIntoView()", element(page, "connection-stops"))
        desktop.picture("switch-stops")
        desktop.click("Restart gateway and stop 1 run")
        desktop.wait_entry("Restart gateway", timeout=20)
        desktop.wait_ready()
        until(lambda: not stops(), 15, "the end of the warning")
        element(page, "settings-connection").send_keys(Keys.ESCAPE)
        say(page, "Again")
        desktop.wait_entry("Quit and stop 1 run", timeout=20)
        desktop.click("Quit and stop 1 run")
        self.assertEqual(desktop.app.wait(10), 0)


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.desktop = self.enterContext(Desktop())
        self.desktop.configure("http://127.0.0.1:9/v1")
        self.desktop.start("--hidden")
        self.desktop.wait_ready()

    def test_quit_ends_with_0(self):
        self.desktop.click("Quit")
        self.assertEqual(self.desktop.app.wait(8), 0)
        until(lambda: not self.desktop.has_item(), 5, "the item's end")

    def test_quit_ends_with_0_while_the_window_is_open(self):
        self.desktop.click("Open WebChat")
        self.desktop.wait_window()
        self.desktop.click("Quit")
        self.assertEqual(self.desktop.app.wait(8), 0)

    def test_signals_end_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number.name):
                if self.desktop.app.poll() is not None:
                    self.desktop.start("--hidden")
                    self.desktop.wait_ready()
                self.desktop.app.send_signal(number)
                self.assertEqual(self.desktop.app.wait(8), 0)
                self.assertIn(number.name, self.desktop.log())

    def test_second_start_shows_the_window_of_the_first(self):
        first = self.desktop.app
        for arguments in ([], ["--open"]):
            with self.subTest(arguments=arguments):
                second = self.desktop.run(APP, *arguments)
                self.assertEqual(second.wait(5), 0)
                self.desktop.wait_window()
                self.desktop.close_window()
        self.assertIsNone(first.poll())

    def test_second_start_focuses_the_window_of_the_first(self):
        self.desktop.click("Open WebChat")
        window = self.desktop.wait_window()
        self.desktop.output("xdotool", "windowminimize", "--sync", window)
        until(lambda: "HIDDEN" in self.desktop.output("xprop", "-id", window, "_NET_WM_STATE"), 5,
              "a minimised window")
        self.assertEqual(self.desktop.run(APP).wait(5), 0)
        until(lambda: self.desktop.active_window() == window, 5, "the focus")
        self.assertEqual(self.desktop.windows(), [window])

    def test_second_hidden_start_does_nothing(self):
        self.assertEqual(self.desktop.run(APP, "--hidden").wait(5), 0)
        self.assertEqual(self.desktop.windows(), [])
        self.assertIsNone(self.desktop.app.poll())

    def test_size_and_place_come_back(self):
        def geometry():
            window = self.desktop.wait_window()
            lines = self.desktop.output("xdotool", "getwindowgeometry", "--shell",
                                        window).splitlines()
            values = dict(line.split("=") for line in lines)
            return [int(values[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")]

        self.desktop.click("Open WebChat")
        window = self.desktop.wait_window()
        self.desktop.output("xdotool", "windowsize", "--sync", window, "640", "560")
        self.desktop.output("xdotool", "windowmove", "--sync", window, "210", "90")
        until(lambda: geometry()[2:] == [640, 560], 5, "the new size")
        before = geometry()
        self.desktop.close_window()
        # Not even a crash afterwards loses it.
        self.desktop.app.kill()
        self.desktop.app.wait()
        self.desktop.start("--open")
        self.desktop.wait_window()
        until(lambda: geometry()[2:] == before[2:], 5, "the old size")
        until(lambda: max(abs(a - b) for a, b in zip(geometry(), before)) < 40, 5, "the old place")


if __name__ == "__main__":
    unittest.main()
