"""A gateway at an address: over TLS with a pinned certificate, and in plain text on this computer."""

import os
import subprocess
import unittest

from selenium.webdriver.common.keys import Keys

from desktop import Desktop, element, free_port, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import TOKEN, UPGRADE, TlsFront, ask_door, call, connection_page, far_gateway


class Direct(unittest.TestCase):
    def setUp(self):
        there = self.enterContext(FakeModel(*[Answer(chunks=["An answer ", "from there."], delay=0)] * 2))
        self.desktop = self.enterContext(Desktop())
        self.desktop.configure("http://127.0.0.1:9/v1")
        self.far = far_gateway(self.desktop, there.url)
        self.front = self.enterContext(TlsFront(self.desktop, self.far))
        self.desktop.start("--hidden")
        self.page = self.desktop.open_page()
        self.page.set_script_timeout(30)

    def use(self, **target):
        call(self.page, "connection_use", target={"mode": "direct", **target}, credential={"token": TOKEN})

    def wait(self, state):
        read = lambda: call(self.page, "connection_read")
        return until(lambda: (now := read())["state"] == state and now, 30, state)

    def talk(self, text):
        say(self.page, text)
        wait_answer(self.page, "from there.")

    def test_a_pinned_certificate_is_the_only_one_and_browsers_get_through_the_front_door(self):
        front, port = self.front, self.desktop.port
        # Another certificate than the pinned one, and one that nobody vouches for (APP-10).
        for pin in ({"tlsFingerprint": "00" * 32}, {}):
            self.use(url=front.url, **pin)
            now = self.wait("failed")
            self.assertEqual(now["code"], "TLS")
            self.assertIn("could not prove its identity", now["message"])
            self.assertEqual(front.heads, [], "nothing was sent to it")
        said = connection_page(self.desktop, self.page)
        until(lambda: "prove its identity" in said(), 15, "the sentence")
        self.desktop.picture("wrong-pin")
        element(self.page, "settings-connection").send_keys(Keys.ESCAPE)

        self.use(url=front.url, tlsFingerprint=front.fingerprint)
        now = self.wait("ready")
        self.assertEqual(now["frontDoor"], "127.0.0.1:%d" % port)
        self.talk("Over TLS?")

        # What stands in front of the far gateway knows that one's name only.
        own, origin = "Host: 127.0.0.1:%d" % port, "Origin: http://127.0.0.1:%d" % port
        shown = ask_door(port, own, "Connection: close")
        self.assertTrue(shown.startswith("HTTP/1.1 200 "), shown[:200])
        self.assertIn("<title>Clawdbot", shown)
        before = len(front.heads)
        self.assertIn("connect.challenge", ask_door(port, own, origin, *UPGRADE))
        upgrade = front.heads[before].lower()
        self.assertIn("host: %s\r\n" % front.name, upgrade)
        self.assertIn("origin: https://%s\r\n" % front.name, upgrade)
        # Names are exchanged only for visitors that are ours: WEB-01, WEB-02.
        before = len(front.heads)
        for headers in [("Host: evil.example:%d" % port,), ("Host: evil.example:%d" % port, origin),
                        (own, "Origin: https://evil.example"), (own, "Origin: https://" + front.name),
                        (own, "Origin: null")]:
            refused = ask_door(port, *headers, *UPGRADE)
            self.assertTrue(refused.startswith("HTTP/1.1 403 "), (headers, refused[:200]))
        self.assertEqual(len(front.heads), before, "nothing of it reached the far end")

    def test_plain_text_goes_to_this_computer_and_stays_away_when_told(self):
        self.use(url="ws://127.0.0.1:%d" % self.far)
        self.wait("ready")
        self.talk("In plain text?")
        call(self.page, "connection_stop")
        self.wait("paused")
        call(self.page, "connection_retry")
        self.wait("ready")
        # Plain text over the internet is refused before anything is saved.
        refused = self.page.execute_async_script("""
            window.__TAURI_INTERNALS__.invoke("connection_use", {target: {mode: "direct", url: "ws://1.1.1.1:18789"}})
              .then(() => arguments[0]("used"), (error) => arguments[0](error.code));""")
        self.assertEqual(refused, "ADDRESS_PLAIN_PUBLIC")
        self.assertEqual(call(self.page, "connection_read")["state"], "ready")

    def test_another_network_is_tried_at_once(self):
        # A port of nobody: however often it is tried, it goes on waiting.
        self.use(url="ws://127.0.0.1:%d" % free_port())
        self.wait("waiting")
        address = ["ip", "address", "add", "127.99.99.%d/32" % (os.getpid() % 250 + 1), "dev", "lo"]
        if subprocess.run(address, capture_output=True).returncode:
            self.skipTest("this computer gets no addresses from tests")
        away = address[:2] + ["del"] + address[3:]
        self.addCleanup(subprocess.run, away)
        until(lambda: "has another network address" in self.desktop.log(), 15, "the attempt")


if __name__ == "__main__":
    unittest.main()
