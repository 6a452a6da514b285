"""Notifications, as the desktop's own notification server receives them."""

import json
import socket
import subprocess
import threading
import time
import unittest

from desktop import CLI, Desktop, element, free_port, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import TOKEN, Wire, far_gateway


class Notifications(unittest.TestCase):
    def desktop(self, *answers, port=None):
        model = self.enterContext(FakeModel(*answers))
        desktop = self.enterContext(Desktop())
        desktop.configure(model.url, port)
        self.shown = desktop.root / "dunst.log"
        desktop.start_dunst(self.shown)
        return desktop

    def text(self):
        return self.shown.read_text(errors="replace")

    def test_an_answer_nobody_sees_is_announced_and_a_click_opens_it(self):
        words = ["Done: ", "<b>bold</b> ", "& <img src=x> ", "finished. ", "x" * 200]
        desktop = self.desktop(Answer(chunks=words, delay=0.6))
        desktop.start("--hidden")
        page = desktop.open_page()
        say(page, "Plan my trip")
        wait_answer(page, "Done:")
        desktop.leave(page)
        desktop.close_window()
        until(lambda: "finished." in self.text(), 15, "the notification")
        self.assertIn("Plan my trip", self.text())
        self.assertIn("appname: 'Clawdbot'", self.text())
        self.assertIn("Done: &lt;b&gt;bold&lt;/b&gt; &amp; &lt;img src=x&gt; finished.", self.text())
        self.assertIn("x…", self.text())
        self.assertNotIn("x" * 120, self.text())
        desktop.picture("notification")
        self.assertEqual(desktop.windows(), [])
        desktop.output("dunstctl", "action")
        desktop.wait_window()

    def test_an_answer_on_screen_is_not_announced(self):
        desktop = self.desktop(Answer(chunks=["First."]), Answer(chunks=["Second."]),
                               Answer(chunks=["Third."], delay=2))
        desktop.start("--hidden")
        page = desktop.open_page()
        # Its words are on the screen a little before the first answer is finished; the second one
        # begins after that.
        for question, words in (("One", "First."), ("Two", "Second.")):
            say(page, question)
            wait_answer(page, words)
        say(page, "Three")
        # This one is announced, so a notification for the first would be there by now.
        desktop.leave(page)
        desktop.close_window()
        until(lambda: "Third." in self.text(), 15, "the third notification")
        self.assertNotIn("First.", self.text())

    def test_a_command_is_allowed_or_denied_in_its_notification(self):
        desktop = self.desktop(Answer())
        desktop.start("--hidden")
        desktop.wait_ready()
        for button, decision in (("Allow once", "allow-once"), ("Deny", "deny")):
            with self.subTest(decision=decision):
                asking = desktop.ask_to_run("rm -r <b>%s</b>" % decision)
                until(lambda: "rm -r &lt;b&gt;%s" % decision in self.text(), 10, "the notification")
                desktop.picture("notification-approval")
                desktop.answer_notification(button)
                self.assertIn('"decision": "%s"' % decision, asking.communicate(timeout=15)[0])
        self.assertIn("May Clawdbot run this command?", self.text())

    def test_a_command_decided_elsewhere_asks_no_longer(self):
        desktop = self.desktop(Answer())
        desktop.start("--hidden")
        desktop.wait_ready()
        asking = desktop.ask_to_run("true")
        until(lambda: desktop.output("dunstctl", "count", "displayed") == "1", 10, "the notification")
        desktop.wait_entry("Run? true", "Deny")
        desktop.click("Run? true", "Deny")
        asking.communicate(timeout=15)
        until(lambda: desktop.output("dunstctl", "count", "displayed") == "0", 5, "its end")

    def test_each_kind_has_its_switch(self):
        desktop = self.desktop(Answer())
        switches = {"notifications": {"approvals": False}}
        (desktop.home / ".clawdbot/desktop.json").write_text(json.dumps(switches))
        desktop.start("--hidden")
        desktop.wait_ready()
        desktop.ask_to_run("true")
        desktop.wait_entry("Run? true")
        # A node that knocks is told afterwards, so a notification for the command would be there.
        desktop.call("node.pair.request", {"nodeId": "n1", "displayName": "Kitchen", "platform": "linux"})
        until(lambda: "Kitchen, linux waits until you let it in" in self.text(), 10, "the knock")
        self.assertNotIn("May Clawdbot", self.text())

    def test_a_taken_port_is_announced_once(self):
        with socket.create_server(("127.0.0.1", free_port())) as taken:
            port = taken.getsockname()[1]
            desktop = self.desktop(Answer(), port=port)
            desktop.start("--hidden")
            until(lambda: "Port %d is used by" % port in self.text(), 10, "the notification")
            page = desktop.open_page()
            say(page, "Hello")
            wait_answer(page, "Hello from the model.")
            self.assertEqual(self.text().count("summary: 'Port"), 1)
            page.execute_script("window.sameDocument = true")
        # Its program is gone.
        until(lambda: desktop.status() == "Ready on 127.0.0.1:%d" % port, 30, "the port after all")
        self.assertTrue(page.execute_script("return window.sameDocument"), "the page was never reloaded")


class NeverUp(unittest.TestCase):
    def test_what_needs_a_person_is_announced_although_it_never_came_up(self):
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        far = far_gateway(desktop, "http://127.0.0.1:9/v1")
        desktop.write_config({"gateway": {"mode": "remote", "port": desktop.port, "remote": {
            "transport": "direct", "url": "ws://127.0.0.1:%d" % far, "token": "not-the-token"}}})
        shown = desktop.root / "dunst.log"
        desktop.start_dunst(shown)
        desktop.start("--hidden")
        read = lambda: shown.read_text(errors="replace")
        until(lambda: "Cannot connect" in read(), 30, "the notification")
        self.assertIn("does not accept the token", read())
        page = desktop.open_page()
        foot = lambda: element(page, "status").get_attribute("textContent")
        until(lambda: foot() == "Not connected", 20, "the words at the foot of the list")
        self.assertEqual(read().count("summary: 'Cannot connect'"), 1)


class Elsewhere(unittest.TestCase):
    """The gateway is elsewhere, and the way there can be cut."""

    def setUp(self):
        self.hold = threading.Event()
        self.addCleanup(self.hold.set)
        model = self.enterContext(FakeModel(Answer(hold=self.hold)))
        desktop = self.desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        self.far = far_gateway(desktop, model.url)
        self.wire = self.enterContext(Wire(self.far))
        desktop.write_config({"gateway": {"mode": "remote", "port": desktop.port, "remote": {
            "transport": "direct", "url": "ws://127.0.0.1:%d" % self.wire.port, "token": TOKEN}}})
        self.shown = desktop.root / "dunst.log"
        desktop.start_dunst(self.shown)
        desktop.start("--hidden")
        desktop.wait_ready()

    def text(self):
        return self.shown.read_text(errors="replace")

    def call(self, method, params):
        """Asks the far gateway, past the way that can be cut."""
        return self.desktop.run(CLI, "gateway", "call", method, "--params", json.dumps(params), "--timeout", "90000",
                                "--url", "ws://127.0.0.1:%d" % self.far, "--token", TOKEN,
                                stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        """A command that waits, and whose notification is on the screen."""
        params = {"command": command, "host": "gateway", "timeoutMs": 90_000}
        asking = self.call("exec.approval.request", params)
        self.desktop.wait_entry("Run? " + command, timeout=20)
        until(lambda: command in self.text(), 15, "the notification")
        return asking

    def away(self):
        """Cuts the way; whoever comes back gets no word of the gateway."""
        self.wire.keep_back(rb"connect\.challenge")
        self.wire.cut()
        until(lambda: not self.desktop.status().startswith(("Ready", "Waiting")), 20, "the loss")

    def click(self, button, command):
        """Answers the notification of that command, which may not be the only one."""
        closed = lambda: command in self.desktop.output("dunstctl", "history")
        for _ in range(5):
            self.desktop.answer_notification(button)
            for _ in range(50):
                if closed():
                    return
                time.sleep(0.1)
        self.fail("the notification did not take the click")

    def test_the_tray_says_what_the_gateway_does_and_offers_only_what_it_can(self):
        desktop, ready = self.desktop, self.desktop.item()["IconDigest"]
        self.assertFalse(desktop.entry("Pause new runs")["enabled"])
        self.call("agent", {"message": "Hello", "sessionKey": "main", "idempotencyKey": "k1"})
        until(lambda: desktop.status() == "Working: 1 run", 30, "the run")
        until(lambda: desktop.item()["IconDigest"] != ready, 15, "the icon")
        # Quitting stops nothing there.
        self.assertIsNotNone(desktop.entry("Quit"))
        self.hold.set()
        until(lambda: desktop.status().startswith("Ready on"), 30, "the end of the run")
        before = self.wire.taken
        desktop.click("Connect again")
        until(lambda: self.wire.taken > before, 30, "another connection")
        desktop.wait_ready()

    def test_a_decision_without_a_connection_is_kept_until_there_is_one(self):
        asking = self.ask("echo kept")
        self.away()
        self.click("Allow once", "echo kept")
        self.wire.let_go()
        self.assertIn('"decision": "allow-once"', asking.communicate(timeout=80)[0])
        until(lambda: self.desktop.status().startswith("Ready"), 30, "the connection")
        self.assertNotIn("no longer waited", self.text())

    def test_what_came_or_ended_without_a_connection_is_told_or_taken_back(self):
        listed = lambda: self.call("exec.approval.list", {}).communicate(timeout=30)[0]
        asking = self.ask("echo ended")
        ended = json.loads(listed())[0]["id"]
        # This one is on its way when the connection breaks.
        self.wire.keep_back(rb"echo came")
        self.call("exec.approval.request", {"command": "echo came", "host": "gateway", "timeoutMs": 90_000})
        until(lambda: "echo came" in listed(), 30, "the other command")
        self.away()
        self.call("exec.approval.resolve", {"id": ended, "decision": "deny"}).wait(30)
        asking.communicate(timeout=30)
        self.assertNotIn("echo came", self.text())
        self.wire.let_go()
        until(lambda: "echo came" in self.text(), 60, "its notification")
        until(lambda: "echo ended" in self.desktop.output("dunstctl", "history"), 30, "the end of the first one")

    def test_a_decision_that_comes_too_late_is_said_to(self):
        asking = self.ask("echo late")
        waiting = json.loads(self.call("exec.approval.list", {}).communicate(timeout=30)[0])
        self.away()
        self.call("exec.approval.resolve", {"id": waiting[0]["id"], "decision": "deny"}).wait(30)
        self.assertIn('"decision": "deny"', asking.communicate(timeout=30)[0])
        self.click("Allow once", "echo late")
        self.wire.let_go()
        until(lambda: "The command no longer waited for you" in self.text(), 60, "the notification")


if __name__ == "__main__":
    unittest.main()
