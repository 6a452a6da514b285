"""The window process: crashes, empty windows, and what is left of it afterwards."""

import os
import signal
import threading
import unittest
from pathlib import Path

from selenium.common.exceptions import WebDriverException

from desktop import Desktop, children, element, elements, kill, say, until, wait_answer
from fake_model import Answer, FakeModel


def environment(pid):
    return Path("/proc/%d/environ" % pid).read_bytes().decode(errors="replace").split("\0")


class WindowProcess(unittest.TestCase):
    def desktop(self, *answers):
        model = self.enterContext(FakeModel(*answers or [Answer()]))
        desktop = self.enterContext(Desktop())
        desktop.configure(model.url)
        desktop.start("--hidden")
        desktop.wait_ready()
        return desktop

    def test_nothing_is_left_of_a_closed_window(self):
        desktop = self.desktop()
        for _ in range(3):
            desktop.click("Open WebChat")
            desktop.wait_window()
            until(desktop.web_processes, 5, "the page")
            desktop.close_window()
            until(lambda: not children(desktop.app.pid), 5, "the end of every process of it")

    def test_only_the_window_process_loads_what_windows_are_drawn_with(self):
        desktop = self.desktop()
        desktop.click("Open WebChat")
        desktop.wait_window()
        loaded = [Path("/proc/%d/maps" % pid).read_text() for pid in (desktop.app.pid, desktop.window_process())]
        drivers = r"libGLX_|libEGL_|libgallium|_dri\.so"
        self.assertNotRegex(loaded[0], drivers)
        self.assertRegex(loaded[1], drivers)
        given = [line for line in environment(desktop.window_process()) if line.startswith("GDK_GL")]
        self.assertEqual(given, [])

    def test_opening_while_the_window_closes_opens_it(self):
        desktop = self.desktop()
        for _ in range(3):
            desktop.click("Open WebChat")
            desktop.output("wmctrl", "-i", "-c", desktop.wait_window())
            # It is out of sight at once, and its page saves for a moment longer.
            until(lambda: not desktop.windows(), 5, "the closing window")
            desktop.click("Open WebChat")
            desktop.wait_window()
            desktop.close_window()

    def test_a_crash_of_the_page_leaves_the_answer_and_offers_to_load_it_again(self):
        desktop = self.desktop(Answer(chunks=["One ", "two ", "three ", "four."], delay=0.7))
        page = desktop.open_page()
        say(page, "Count")
        wait_answer(page, "One")
        desktop.leave(page)
        broken = desktop.web_processes()
        kill(broken[0])
        until(lambda: set(desktop.web_processes()) - set(broken), 15, "a new page")
        page = until(lambda: self.offer(desktop), 20, "the offer to load it again")
        desktop.picture("page-stopped")
        element(page, "page-reload").click()
        wait_answer(page, "One two three four.")
        self.assertIsNone(desktop.app.poll())
        self.assertIn("the page's process ended", desktop.log())

    def test_a_crash_of_the_window_leaves_the_gateway(self):
        desktop = self.desktop()
        desktop.click("Open WebChat")
        self.break_window(desktop)
        self.assertTrue(desktop.status().startswith("Ready on"))
        page = desktop.page_when_open()
        say(page, "Still there?")
        wait_answer(page, "Hello from the model.")

    def break_window(self, desktop):
        """Ends the window process; it comes again by itself."""
        page = desktop.page_when_open()
        element(page, "composer", 20)
        desktop.leave(page)
        broken = desktop.window_process()
        kill(broken)
        until(lambda: desktop.window_process() not in (broken, None), 20, "another window process")
        until(lambda: "the window process broke" in desktop.log(), 15, "the word in the log")

    def test_without_a_tray_a_broken_window_comes_again(self):
        desktop = self.enterContext(Desktop(watcher=False))
        desktop.configure("http://127.0.0.1:9/v1")
        desktop.start("--no-tray", wait=False)
        self.break_window(desktop)
        element(desktop.page_when_open(), "composer", 20)

    def test_a_killed_app_takes_its_window_with_it(self):
        desktop = self.desktop()
        desktop.click("Open WebChat")
        desktop.wait_window()
        below = list(children(desktop.app.pid))
        desktop.app.kill()
        desktop.app.wait()
        until(lambda: not any(os.path.exists("/proc/%d" % pid) for pid in below), 20,
              "the end of all of it")

    def test_an_empty_window_is_drawn_in_another_way(self):
        desktop = self.desktop()
        first = self.stopped_page(desktop)
        before = self.drawing(desktop)
        until(lambda: "drawing it in another way" in desktop.log(), 25, "another way")
        kill(first)
        page = desktop.page_when_open()
        self.assertGreater(self.drawing(desktop), before)
        say(page, "Hello")
        wait_answer(page, "Hello from the model.")

    def test_without_a_graphics_card_nothing_is_drawn_with_opengl(self):
        desktop = self.desktop()
        page = desktop.open_page()
        say(page, "Hello")
        wait_answer(page, "Hello from the model.")
        with_card = any(os.access(card, os.R_OK | os.W_OK) for card in Path("/dev/dri").glob("renderD*"))
        self.assertEqual(self.drawing(desktop), set() if with_card else {"WEBKIT_DISABLE_DMABUF_RENDERER=1"})
        # The threads on which OpenGL runs where there is no card.
        threads = [task.read_text() for task in Path("/proc/%d/task" % desktop.web_processes()[0]).glob("*/comm")]
        self.assertEqual([name for name in threads if name.startswith("llvmpipe")], [])

    def drawing(self, desktop):
        """What the window process was told about how to draw."""
        return {line for line in environment(desktop.window_process()) if line.startswith("WEBKIT_DISABLE_")}

    def offer(self, desktop):
        """A driver for the page that offers that, once there is one to talk to."""
        page = desktop.page()
        try:
            if elements(page, "page-reload"):
                return page
        except WebDriverException:
            pass  # it is between two pages
        desktop.leave(page)
        return None

    def stopped_page(self, desktop):
        """Opens a window whose page stands still before it has drawn anything."""
        found = []

        def stop():
            found.append(until(desktop.web_processes, 10, "a page")[0])
            os.kill(found[0], signal.SIGSTOP)

        stopper = threading.Thread(target=stop)
        stopper.start()
        desktop.click("Open WebChat")
        stopper.join()
        return found[0]


if __name__ == "__main__":
    unittest.main()
