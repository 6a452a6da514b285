"""The small prompt on a shortcut."""

import unittest

from desktop import Desktop, element, until, wait_answer
from fake_model import Answer, FakeModel

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

    def test_the_shortcut_follows_the_settings(self):
        desktop = self.desktop({"firstRunDone": True, "quickChat": "CmdOrCtrl+Alt+J"})
        self.press(desktop, "ctrl+alt+j")
        self.ready_page(desktop)


if __name__ == "__main__":
    unittest.main()
