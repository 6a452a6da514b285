"""Notifications, as the desktop's own notification server receives them."""

import json
import socket
import unittest

from desktop import Desktop, free_port, say, until, wait_answer
from fake_model import Answer, FakeModel


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


if __name__ == "__main__":
    unittest.main()
