"""A conversation in the real window, and what survives closing, crashing and a taken port."""

import base64
import os
import socket
import unittest

from selenium.webdriver.common.keys import Keys

from desktop import Desktop, answer, element, elements, free_port, say, until, wait_answer
from fake_model import Answer, FakeModel

STORY = Answer(chunks=["Once ", "upon ", "a ", "time, ", "the end."], delay=0.15)
SLOW = Answer(chunks=["Word %d. " % n for n in range(400)], delay=0.1)
LONG = Answer(chunks=["Paragraph %d of a long answer.\n\n" % n for n in range(120)], delay=0)


class Chat(unittest.TestCase):
    def desktop(self, *answers, port=None):
        self.model = self.enterContext(FakeModel(*answers))
        desktop = self.enterContext(Desktop())
        desktop.configure(self.model.url, port)
        return desktop

    def test_an_answer_streams_into_the_window(self):
        desktop = self.desktop(STORY)
        desktop.start("--hidden")
        page = desktop.open_page()
        say(page, "Tell me a story")
        parts = set()

        def done():
            parts.add(answer(page))
            return "the end." in answer(page)

        until(done, 20, "the whole answer")
        self.assertGreater(len(parts - {""}), 2, "it came piece by piece: %r" % parts)
        self.assertIn("Once upon a time, the end.", answer(page))
        self.assertIn("Tell me a story", str(self.model.requests[-1]["messages"][-1]))
        until(lambda: desktop.status().startswith("Ready"), 5, "the end of the run in the tray")
        desktop.picture("chat")

    def test_a_message_with_a_file_is_changed_and_keeps_the_file(self):
        desktop = self.desktop(STORY)
        desktop.start("--hidden")
        page = desktop.open_page()
        picture = desktop.root / "dot.png"
        desktop.output("convert", "-size", "4x4", "xc:red", str(picture))
        until(lambda: page.execute_script("return document.documentElement.dataset.ready"), 15, "a ready page")
        page.execute_script("""
            const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
            const chosen = new DataTransfer();
            chosen.items.add(new File([bytes], "dot.png", {type: "image/png"}));
            const input = document.querySelector("[data-testid=attach-input]");
            input.files = chosen.files;
            input.dispatchEvent(new Event("change", {bubbles: true}));""",
            base64.b64encode(picture.read_bytes()).decode())
        element(page, "attachment-chip")
        say(page, "What colour is this?")
        wait_answer(page, "the end.")
        until(lambda: not elements(page, "stop"), 10, "the end of the run")
        page.execute_script("document.querySelector('[data-testid=edit-message]').click()")
        field = element(page, "message-editor").find_element("tag name", "textarea")
        field.send_keys(" And the shape?")
        field.send_keys(Keys.CONTROL, Keys.ENTER)
        until(lambda: len(self.model.requests) == 2, 15, "the changed message")
        last = str(self.model.requests[-1]["messages"][-1])
        self.assertIn("And the shape?", last)
        self.assertIn("An image was left out", last, "the file went along, to a model that reads text")

    def test_large_frames_arrive_whole_both_ways(self):
        desktop = self.desktop(Answer(chunks=["%05d " % n for n in range(20_000)], delay=0))
        desktop.start("--hidden")
        page = desktop.open_page()
        question = "".join("<%05d>" % n for n in range(40_000))
        element(page, "composer")
        page.execute_script("""
            const box = document.querySelector('[data-testid=composer]');
            box.value = arguments[0];
            box.dispatchEvent(new Event('input', {bubbles: true}));""", question)
        element(page, "send").click()
        wait_answer(page, "19999", timeout=40)
        self.assertIn(question, str(self.model.requests[-1]["messages"][-1]))
        words = answer(page).split()
        self.assertEqual([word for word in words if len(word) == 5][:20_000],
                         ["%05d" % n for n in range(20_000)])

    def test_tray_shows_work(self):
        desktop = self.desktop(SLOW)
        desktop.start("--hidden")
        desktop.wait_ready()
        ready = desktop.item()["IconDigest"]
        page = desktop.open_page()
        say(page, "Go on")
        until(lambda: desktop.status() == "Working: 1 run", 10, "the run in the tray")
        self.assertNotEqual(desktop.item()["IconDigest"], ready)

    def test_closing_frees_the_page_and_opening_brings_everything_back(self):
        desktop = self.desktop(LONG)
        desktop.start("--hidden")
        page = desktop.open_page()
        say(page, "A long one please")
        wait_answer(page, "Paragraph 119")
        element(page, "composer").send_keys("half a thou")
        scroll = "const t = document.querySelector('[role=log]').closest('.scroll, [data-testid=transcript]')" \
                 " ?? document.querySelector('[role=log]'); "
        page.execute_script(scroll + "t.dispatchEvent(new WheelEvent('wheel', {deltaY: -600, bubbles: true}));"
                                     "t.scrollTop = Math.round(t.scrollHeight / 3)")
        where = page.execute_script(scroll + "return t.scrollTop")
        self.assertGreater(where, 100)
        # Typed at the very last moment before closing.
        element(page, "composer").send_keys("ght")
        desktop.leave(page)
        desktop.close_window()
        until(lambda: not desktop.web_processes(), 5, "the end of the web process")
        self.assertIsNone(desktop.app.poll())

        page = desktop.open_page()
        wait_answer(page, "Paragraph 119")
        self.assertEqual(element(page, "composer").get_property("value"), "half a thought")
        until(lambda: abs(page.execute_script(scroll + "return t.scrollTop") - where) < 60, 5,
              "the old place")

    def test_a_crash_in_the_middle_keeps_what_was_seen(self):
        desktop = self.desktop(SLOW)
        app = desktop.start("--hidden")
        page = desktop.open_page()
        say(page, "Go on")
        wait_answer(page, "Word 12.")
        seen = answer(page)
        app.kill()
        app.wait()
        desktop.start("--hidden")
        page = desktop.open_page()
        wait_answer(page, "Word 9.")
        kept = answer(page)
        self.assertTrue(kept.split("Word 10.")[0] in seen or seen.startswith(kept[:40]))
        marks = ("Interrupted", "Stopped", "interrupted", "stopped")
        until(lambda: any(mark in page.find_element("css selector", "main").text for mark in marks),
              5, "a mark on the partial answer")
        desktop.picture("crash")

    def test_ending_in_the_middle_is_clean_and_keeps_what_was_seen(self):
        desktop = self.desktop(SLOW)
        app = desktop.start("--hidden")
        page = desktop.open_page()
        say(page, "Go on")
        wait_answer(page, "Word 5.")
        element(page, "composer").send_keys("never lost")
        desktop.leave(page)
        app.terminate()
        self.assertEqual(app.wait(10), 0)
        desktop.start("--open")
        desktop.wait_window()
        page = desktop.page()
        wait_answer(page, "Word 5.")
        self.assertEqual(element(page, "composer").get_property("value"), "never lost")

    def test_chat_works_while_another_program_has_the_port(self):
        with socket.create_server(("127.0.0.1", free_port())) as taken:
            port = taken.getsockname()[1]
            desktop = self.desktop(STORY, port=port)
            desktop.start("--hidden")
            until(lambda: str(os.getpid()) in desktop.status(), 10, "the holder in the menu")
            self.assertIn("Port %d is used by python" % port, desktop.status())
            self.assertFalse(desktop.entry("Copy WebChat address")["enabled"])
            page = desktop.open_page()
            say(page, "Still there?")
            wait_answer(page, "the end.")
            desktop.picture("port-taken")
        # The program ends; one click later the port is ours.
        desktop.click("Restart gateway")
        until(lambda: desktop.status() == "Ready on 127.0.0.1:%d" % port, 15, "the port")
        say(page, "And now?")
        until(lambda: len(elements(page, "assistant-message")) == 2, 20, "an answer after the restart")
        wait_answer(page, "the end.")

    def test_a_broken_configuration_is_named_and_its_repair_noticed(self):
        desktop = self.desktop(STORY)
        desktop.write_config('{ "gateway": { "port": "not a number" } }')
        desktop.start("--hidden")
        until(lambda: desktop.status().startswith("Cannot start"), 10, "the cause in the menu")
        page = desktop.open_page()
        until(lambda: "gateway.port" in page.find_element("css selector", "body").text, 15,
              "the cause in the window")
        desktop.picture("broken-config")
        desktop.configure(self.model.url)
        desktop.click("Restart gateway")
        desktop.wait_ready()
        until(lambda: elements(page, "composer"), 20, "a page that came back by itself")
        say(page, "Hello again")
        wait_answer(page, "the end.")

    def test_copied_address_is_the_gateway_and_nothing_else(self):  # LOC-02
        desktop = self.desktop(STORY)
        desktop.start("--hidden")
        desktop.wait_ready()
        page = desktop.open_page()
        desktop.click("Copy WebChat address")
        composer = element(page, "composer")
        expected = "http://127.0.0.1:%d/" % desktop.port

        def pasted():
            composer.clear()
            composer.send_keys("\ue009v\ue009")  # Ctrl+V
            return composer.get_property("value") == expected

        until(pasted, 5, "the address in the clipboard")


if __name__ == "__main__":
    unittest.main()
