"""WebChat in a browser of this computer, at the one address that leads to whichever gateway was chosen."""

import shutil
import unittest

from selenium import webdriver

from desktop import CLI, Desktop, element, elements, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import call
from hostile import Thief

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")


@unittest.skipUnless(DRIVER and BROWSER, "needs chromium and chromedriver")
class Browser(unittest.TestCase):
    def setUp(self):
        model = self.enterContext(FakeModel(*[Answer(chunks=["An answer ", "from here."], delay=0)] * 2))
        self.desktop = self.enterContext(Desktop())
        self.port = self.desktop.configure(model.url)
        self.desktop.start("--hidden")
        self.page = self.desktop.open_page()
        self.page.set_script_timeout(30)
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for argument in ("headless=new", "no-sandbox", "user-data-dir=%s" % (self.desktop.root / "browser")):
            options.add_argument("--" + argument)
        self.browser = webdriver.Chrome(options, webdriver.ChromeService(DRIVER, env=self.desktop.env))
        self.addCleanup(self.browser.quit)

    def about(self):
        """Which gateway the page in the browser is about; empty for the one of this computer."""
        return self.browser.execute_script(
            "return document.querySelector('meta[name=clawdbot-gateway]')?.content ?? ''")

    def kept(self):
        return self.browser.execute_script("return JSON.stringify({...localStorage})")

    def use(self, **target):
        call(self.page, "connection_use", target=target, credential={"token": "for-the-thief"})
        until(lambda: call(self.page, "connection_read")["state"] == "ready", 40, target)

    def test_what_the_browser_keeps_of_one_gateway_is_not_for_another(self):  # APP-09
        thief = self.enterContext(Thief("thief"))
        self.browser.get(self.desktop.output(CLI, "web", "--no-open").split()[-1])
        say(self.browser, "Mine")
        wait_answer(self.browser, "from here.")
        token = self.browser.execute_script("return localStorage.getItem('webchat:deviceToken')")
        self.assertTrue(token)

        # The page that is open becomes one about the other gateway, and shows that one nothing.
        self.use(mode="direct", url=thief.url)
        shown = len(thief.shown)
        until(self.about, 40, "the page about the other gateway")
        until(lambda: elements(self.browser, "composer"), 30, "that page")
        until(lambda: len(thief.shown) > shown, 30, "its visit")
        self.assertNotIn(token, str(thief.shown))
        self.assertNotIn("Mine", element(self.browser, "transcript", 20).text)

        # What comes from there is no page, whatever it says.
        self.browser.get("http://127.0.0.1:%d/page.html" % self.port)
        self.assertEqual(self.browser.title, "A page")
        for path in ("page.html", "worker.js"):
            self.browser.get("http://127.0.0.1:%d/%s" % (self.port, path))
            self.assertNotIn("Stolen", self.browser.title)
        self.browser.get("http://127.0.0.1:%d/" % self.port)

        self.use(mode="local")
        until(lambda: self.about() == "", 40, "the page about this computer's gateway")
        self.assertIn(token, self.kept())
        say(self.browser, "Mine again")
        until(lambda: element(self.browser, "transcript").text.count("from here.") == 2, 30, "the second answer")
        workers = self.browser.execute_async_script(
            "navigator.serviceWorker.getRegistrations().then((all) => arguments[0](all.length))")
        self.assertEqual(workers, 0)


if __name__ == "__main__":
    unittest.main()
