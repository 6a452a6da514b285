"""Notifications, as the desktop's own notification server receives them."""

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
        with open(self.shown, "wb") as log:
            desktop.run("dunst", "-print", stdout=log)
        until(lambda: "true" in desktop.output(
            "gdbus", "call", "--session", "-d", "org.freedesktop.DBus", "-o", "/org/freedesktop/DBus",
            "-m", "org.freedesktop.DBus.NameHasOwner", "org.freedesktop.Notifications"), 5, "dunst")
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
        desktop = self.desktop(Answer(chunks=["First."], delay=0.1), Answer(chunks=["Second."], delay=2))
        desktop.start("--hidden")
        page = desktop.open_page()
        say(page, "One")
        wait_answer(page, "First.")
        say(page, "Two")
        # The second one is announced, so a notification for the first would be there by now.
        desktop.leave(page)
        desktop.close_window()
        until(lambda: "Second." in self.text(), 15, "the second notification")
        self.assertNotIn("First.", self.text())

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
