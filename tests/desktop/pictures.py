"""The pictures in docs/pictures, of the real app, in light and dark.

    CLAWDBOT_BIN=... CLAWDBOT_DESKTOP_BIN=... tests/desktop/run.sh pictures

Not a test. The tray needs xfce4-panel; without it, its pictures stay as they are.
"""

import shutil
import time
import unittest

from desktop import HERE, Desktop, element, elements, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import TOKEN, Sshd, far_gateway

DOCS = HERE.parent.parent / "docs/pictures"
THEMES = {"light": "Adwaita", "dark": "Adwaita:dark"}
SIZE = (900, 700)
QUESTION = "I have leeks, potatoes and half a litre of milk. What can I cook in half an hour?"
ANSWER = """**Leek and potato soup**, for two:

1. Cut two leeks into rings and wash them well.
2. Soften them in butter for five minutes, without colour.
3. Add three diced potatoes and just enough water to cover them; simmer for 15 minutes.
4. Blend, stir in the milk, season, and warm it once more.

| | minutes |
|---|---|
| Cutting | 8 |
| Cooking | 20 |

A little nutmeg goes well with it. Shall I put a reminder in your calendar for tonight?"""
PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
"""


class Pictures(unittest.TestCase):
    def started(self, theme, first_run=False, **options):
        self.desktop = self.enterContext(Desktop(**options))
        self.desktop.env["GTK_THEME"] = THEMES[theme]
        pieces = [piece + " " for piece in ANSWER.split(" ")]
        self.model = self.enterContext(FakeModel(Answer(chunks=pieces, delay=0)))
        self.desktop.configure(self.model.url)
        self.theme = theme
        # The app looks for ssh when it starts.
        self.sshd = Sshd(self.desktop)
        self.desktop.start("--hidden", first_run=first_run, wait=options.get("watcher", True))
        self.desktop.wait_ready()

    def window(self):
        page = self.desktop.open_page()
        self.desktop.output("xdotool", "windowsize", "--sync", self.desktop.wait_window(), *map(str, SIZE))
        element(page, "composer")
        return page

    def take(self, name, window=None):
        time.sleep(1.5)  # animations and pictures of the page have ended by then
        DOCS.mkdir(exist_ok=True)
        path = DOCS / ("%s-%s.png" % (name, self.theme))
        self.desktop.output("import", "-window", window or self.desktop.wait_window(), "-strip", "+dither", "-colors", "200", str(path))

    def each_theme(self, pictures, **options):
        for theme in THEMES:
            with self.subTest(theme):
                self.started(theme, **options)
                pictures()

    def test_webchat(self):
        def pictures():
            page = self.window()
            say(page, QUESTION)
            wait_answer(page, "nutmeg goes well")
            self.take("webchat")
            self.desktop.ask_to_run("git -C notes log --oneline -5")
            until(lambda: elements(page, "approval"), 15, "the question")
            self.take("approval")

        self.each_theme(pictures)

    def test_first_run(self):
        def pictures():
            page = self.window()
            until(lambda: "fter" in element(page, "probe-result").text, 15, "the model's answer")
            self.take("first-run")

        self.each_theme(pictures, first_run=True)

    def test_settings(self):
        def pictures():
            far = far_gateway(self.desktop, self.model.url)
            self.sshd.trust()
            page = self.window()
            element(page, "settings-button").click()
            element(page, "settings-connection", 15).click()
            element(page, "mode-ssh").click()
            for name, value in (("sshTarget", "far"), ("remotePort", far)):
                field = element(page, "connection-" + name)
                page.execute_script("arguments[0].scrollIntoView(); arguments[0].select()", field)
                field.send_keys(str(value))
            element(page, "connection-secret").send_keys(TOKEN)
            element(page, "connection-test").click()
            done = "[data-layer=authentication][data-state=ok]"
            until(lambda: page.find_elements("css selector", done), 30, "the end of the test")
            page.execute_script("document.querySelector('%s').scrollIntoView({block: 'end'})" % done)
            self.take("connection")
            element(page, "settings-advanced").click()
            element(page, "open-diagnostics").click()
            until(lambda: page.find_elements("css selector", "[data-link=model][data-state=ok]"), 15, "the chain")
            self.take("diagnostics")

        self.each_theme(pictures)

    def test_quick(self):
        def pictures():
            def prompt():
                if not self.desktop.windows("Clawdbot quick chat"):
                    self.desktop.output("xdotool", "key", "ctrl+shift+k")
                return self.desktop.windows("Clawdbot quick chat")

            until(prompt, 20, "the small prompt")
            page = self.desktop.page()
            until(lambda: page.execute_script("return document.documentElement.dataset.ready"), 15, "its page")
            until(lambda: element(page, "quick-status").text == "", 15, "the connection")
            self.desktop.output("xdotool", "type", QUESTION)
            self.desktop.output("xdotool", "key", "Return")
            until(lambda: "nutmeg" in element(page, "quick-answer").text, 15, "the answer")
            page.execute_script("document.getElementById('answer').scrollTop = 0")
            self.desktop.output("xdotool", "type", "And what would go well with it, if I have guests, some bread and a little more time?")
            self.take("quick", prompt()[0])

        self.each_theme(pictures)

    @unittest.skipUnless(shutil.which("xfce4-panel"), "there is no xfce4-panel")
    def test_tray(self):
        for theme in THEMES:
            with self.subTest(theme):
                desktop = self.enterContext(Desktop(watcher=False))
                self.desktop, self.theme = desktop, theme
                desktop.env["GTK_THEME"] = THEMES[theme]
                file = desktop.home / ".config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml"
                file.parent.mkdir(parents=True)
                file.write_text(PANEL)
                model = self.enterContext(FakeModel(Answer(chunks=["Done."], delay=0)))
                desktop.configure(model.url)
                desktop.run("xfce4-panel", "--disable-wm-check")
                desktop.start("--hidden", wait=False)
                until(lambda: "ready" in desktop.log(), 20, "the gateway")
                desktop.call("chat.send", {"sessionKey": "main", "message": "What can I cook tonight?", "idempotencyKey": "one"})
                desktop.ask_to_run("git -C notes log --oneline -5")
                time.sleep(4)  # nothing tells that the panel has drawn the icon
                desktop.output("xdotool", "mousemove", "22", "16", "click", "3")
                time.sleep(2)
                path = DOCS / ("tray-%s.png" % theme)
                desktop.output("import", "-window", "root", "-crop", "316x374+0+0", "+repage", "-strip", str(path))


if __name__ == "__main__":
    unittest.main()
