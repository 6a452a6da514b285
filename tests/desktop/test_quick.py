"""The small prompt on a shortcut."""

import unittest

from desktop import Desktop, element, until, wait_answer
from fake_model import Answer, FakeModel
from far import TOKEN, Wire, far_gateway

QUICK = "Clawdbot quick chat"


class Quick(unittest.TestCase):
    def desktop(self, settings=None):
        self.model = self.enterContext(FakeModel(Answer(chunks=["**Forty**", "-two."], delay=0.2)))
        desktop = self.enterContext(Desktop())
        desktop.configure(self.model.url)
        if settings:
            desktop.write_settings(settings)
        desktop.start("--hidden")
        desktop.wait_ready()
        return desktop

    def far_desktop(self, answer):
        """One whose gateway is elsewhere, and the way there."""
        self.model = self.enterContext(FakeModel(answer))
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        far = far_gateway(desktop, self.model.url)
        wire = self.enterContext(Wire(far))
        desktop.write_config({"gateway": {"mode": "remote", "port": desktop.port, "remote": {
            "transport": "direct", "url": "ws://127.0.0.1:%d" % wire.port, "token": TOKEN}}})
        desktop.start("--hidden")
        desktop.wait_ready()
        return desktop, wire

    def prompts(self, desktop):
        return desktop.windows(QUICK)

    def press(self, desktop, keys):
        """Presses the shortcut until it is listened to; true once the prompt has the keyboard."""
        def opened():
            if not self.prompts(desktop):
                desktop.output("xdotool", "key", keys)
            return desktop.active_window() in self.prompts(desktop)

        until(opened, 20, "the small prompt")

    def ready_page(self, desktop):
        page = desktop.page()
        until(lambda: page.execute_script("return document.documentElement.dataset.ready"), 15,
              "the prompt's page")
        until(lambda: element(page, "quick-status").text == "", 15, "the connection")
        return page

    def test_a_change_of_the_layout_leaves_the_shortcut(self):
        desktop = self.desktop({"firstRunDone": True, "quickChat": "CmdOrCtrl+Shift+K"})
        for layout in ("us", "ru", "us"):
            desktop.output("setxkbmap", layout)
            # The key is in the same place, whatever is printed on it.
            self.press(desktop, "ctrl+shift+45")

            def closed():
                # Its page listens a moment after the window has the keyboard.
                if self.prompts(desktop):
                    desktop.output("xdotool", "key", "Escape")
                return not self.prompts(desktop)

            until(closed, 20, "the closed prompt")

    def test_what_waits_is_told_over_the_prompt_which_does_not_show_it(self):
        self.model = self.enterContext(FakeModel(Answer()))
        desktop = self.enterContext(Desktop())
        desktop.configure(self.model.url)
        shown = desktop.root / "dunst.log"
        desktop.start_dunst(shown)
        desktop.start("--hidden")
        desktop.wait_ready()
        self.press(desktop, "ctrl+shift+k")
        desktop.ask_to_run("echo asked")
        until(lambda: "echo asked" in shown.read_text(errors="replace"), 20, "the notification")
        self.assertIn(desktop.active_window(), self.prompts(desktop))

    def test_a_question_is_answered_and_goes_on_in_webchat(self):
        desktop = self.desktop()
        self.press(desktop, "ctrl+shift+k")
        page = self.ready_page(desktop)
        desktop.output("xdotool", "type", "What is it?")
        desktop.output("xdotool", "key", "Return")
        until(lambda: element(page, "quick-answer").text == "Forty-two.", 15, "the answer")
        self.assertEqual(len(page.find_elements("css selector", "#answer strong")), 1)
        self.assertEqual(page.find_element("id", "question").get_property("textContent"), "What is it?")
        desktop.picture("quick")
        self.assertEqual(element(page, "quick-prompt").get_attribute("value"), "")
        state = desktop.output("xprop", "-id", self.prompts(desktop)[0], "_NET_WM_STATE")
        self.assertIn("ABOVE", state)
        desktop.leave(page)
        desktop.output("xdotool", "key", "Escape")
        until(lambda: not self.prompts(desktop), 15, "the closed prompt")
        until(lambda: not desktop.window_process(), 10, "the end of its process")
        self.assertEqual(desktop.windows(), [])
        wait_answer(desktop.open_page(), "Forty-two.")

    def test_what_was_typed_is_there_again_after_it_was_put_away(self):
        desktop = self.desktop()
        self.press(desktop, "ctrl+shift+k")
        page = self.ready_page(desktop)
        desktop.output("xdotool", "type", "Half a question")
        until(lambda: element(page, "quick-prompt").get_property("value") == "Half a question", 15, "the words")
        desktop.leave(page)
        desktop.output("xdotool", "key", "Escape")
        until(lambda: not self.prompts(desktop), 15, "the end of the prompt")
        self.press(desktop, "ctrl+shift+k")
        page = self.ready_page(desktop)
        self.assertEqual(element(page, "quick-prompt").get_property("value"), "Half a question")

    def test_a_connection_lost_in_the_middle_costs_nothing_of_the_answer(self):
        words = ["word-%d " % at for at in range(60)]
        desktop, wire = self.far_desktop(Answer(chunks=words, delay=0.1))
        self.press(desktop, "ctrl+shift+k")
        page = self.ready_page(desktop)
        desktop.output("xdotool", "type", "Count")
        desktop.output("xdotool", "key", "Return")
        shown = lambda: element(page, "quick-answer").text
        until(lambda: "word-5 " in shown(), 30, "the beginning")
        wire.cut()
        until(lambda: element(page, "quick-status").text not in ("", "Working…"), 20, "the loss")
        desktop.picture("quick-lost")
        until(lambda: shown().split() == "".join(words).split(), 60, "the whole answer")
        until(lambda: element(page, "quick-status").text == "", 30, "its end")
        desktop.picture("quick-back")
        self.assertEqual(len(self.model.requests), 1)

    def test_a_gateway_that_cannot_start_is_told_and_looked_for_again_with_enter(self):
        desktop = self.desktop()
        good = (desktop.home / ".clawdbot/clawdbot.json").read_text()
        desktop.write_config("{ this is not a configuration")
        desktop.click("Restart gateway")
        until(lambda: desktop.status().startswith("Cannot start"), 15, "the failure")
        self.press(desktop, "ctrl+shift+k")
        page = desktop.page()
        until(lambda: "clawdbot.json cannot be used" in element(page, "quick-status").text, 20, "the reason")
        desktop.picture("quick-failed")
        desktop.output("xdotool", "type", "What is it?")
        desktop.write_config(good)
        desktop.click("Restart gateway")
        desktop.wait_ready()

        def answered():
            desktop.output("xdotool", "key", "Return")
            return element(page, "quick-answer").text == "Forty-two."

        until(answered, 30, "the answer")
        self.assertEqual(len(self.model.requests), 1)

    def test_a_question_sent_again_after_a_failure_runs_once(self):
        desktop, wire = self.far_desktop(Answer(chunks=["Forty", "-two."], delay=0))
        self.press(desktop, "ctrl+shift+k")
        page = self.ready_page(desktop)
        status = lambda: element(page, "quick-status").text
        # The gateway takes the question, but the prompt never hears of it.
        wire.keep_back(rb'"status":"started"')
        desktop.output("xdotool", "type", "What is it?")
        desktop.output("xdotool", "key", "Return")
        until(lambda: self.model.requests and wire.kept, 30, "the question at the model")
        # Nor does it hear what has become of the question, once it is connected again.
        wire.keep_back(rb'"messages":')
        wire.cut()
        until(lambda: "No answer came" in status(), 30, "the failure")
        until(lambda: wire.kept, 30, "the next connection")
        self.assertEqual(element(page, "quick-prompt").get_property("value"), "What is it?")
        desktop.picture("quick-again")
        desktop.output("xdotool", "key", "Return")
        until(lambda: status() == "Working…", 15, "the second sending")
        wire.let_go()
        until(lambda: element(page, "quick-answer").text == "Forty-two.", 30, "the answer")
        until(lambda: element(page, "quick-prompt").get_property("value") == "", 15, "the empty prompt")
        self.assertEqual(len(self.model.requests), 1)

    def test_a_shortcut_that_is_taken_says_so_and_another_one_works_at_once(self):
        # The window manager has this one.
        desktop = self.desktop({"firstRunDone": True, "quickChat": "Alt+Tab"})
        page = desktop.open_page()
        element(page, "settings-button").click()
        element(page, "settings-shortcuts").click()
        until(lambda: "Another program" in element(page, "shortcut-trouble").text, 15, "why it does nothing")
        desktop.picture("shortcut-taken")
        element(page, "shortcut-record").click()
        desktop.output("xdotool", "key", "ctrl+alt+j")
        until(lambda: element(page, "shortcut").text == "Ctrl Alt J", 15, "the new shortcut")
        until(lambda: not page.find_elements("css selector", "[data-testid=shortcut-trouble]"), 15, "no trouble")
        desktop.leave(page)
        self.press(desktop, "ctrl+alt+j")

    def test_the_shortcut_is_where_the_keyboard_has_its_letter(self):
        desktop = self.desktop({"firstRunDone": True, "quickChat": "CmdOrCtrl+Alt+Q"})
        self.press(desktop, "ctrl+alt+q")
        desktop.leave(self.ready_page(desktop))
        desktop.output("xdotool", "key", "Escape")
        until(lambda: not self.prompts(desktop), 15, "the closed prompt")
        desktop.output("setxkbmap", "fr")
        self.press(desktop, "ctrl+alt+q")

    def test_the_shortcut_works_with_num_lock_and_caps_lock(self):
        desktop = self.desktop()
        desktop.output("xdotool", "key", "Num_Lock", "key", "Caps_Lock")
        self.press(desktop, "ctrl+shift+k")


if __name__ == "__main__":
    unittest.main()
