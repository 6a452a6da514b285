"""A gateway at an address: over TLS with a pinned certificate, and in plain text on this computer."""

import json
import os
import re
import socket
import subprocess
import threading
import time
import unittest

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from desktop import CLI, Desktop, element, elements, free_port, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import TOKEN, UPGRADE, TlsFront, Wire, ask_door, call, connection_page, far_gateway
from original import OriginalGateway


class Connected(unittest.TestCase):
    """A window whose app may turn to a gateway at an address."""

    gateway = {}

    def setUp(self):
        there = self.there = self.enterContext(FakeModel(*[Answer(chunks=["An answer ", "from there."], delay=0)] * 2))
        self.desktop = self.enterContext(Desktop())
        self.desktop.configure("http://127.0.0.1:9/v1")
        self.far = far_gateway(self.desktop, there.url, **self.gateway)
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


class Direct(Connected):
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
        # The app has connections of its own, with other keys.
        visits = lambda: [head.lower() for head in front.heads if UPGRADE[-1].split()[-1] in head]
        about = "Clawdbot-Gateway: " + now["gateway"]
        self.assertIn("connect.challenge", ask_door(port, own, origin, about, *UPGRADE))
        [upgrade] = visits()
        self.assertIn("host: %s\r\n" % front.name, upgrade)
        self.assertIn("origin: https://%s\r\n" % front.name, upgrade)
        # Names are exchanged only for visitors that are ours: WEB-01, WEB-02.
        for headers in [("Host: evil.example:%d" % port,), ("Host: evil.example:%d" % port, origin),
                        (own, "Origin: https://evil.example"), (own, "Origin: https://" + front.name),
                        (own, "Origin: null")]:
            refused = ask_door(port, *headers, *UPGRADE)
            self.assertTrue(refused.startswith("HTTP/1.1 403 "), (headers, refused[:200]))
        # A page has to say which gateway it is about: APP-09.
        for headers in [(), ("Clawdbot-Gateway: another",)]:
            refused = ask_door(port, own, origin, *headers, *UPGRADE)
            self.assertTrue(refused.startswith("HTTP/1.1 409 "), (headers, refused[:200]))
        self.assertEqual(visits(), [upgrade], "nothing of it reached the far end")

    def test_a_gateway_of_the_original_of_generation_3_is_used_as_any_other(self):
        with OriginalGateway("its-token") as original:
            call(self.page, "connection_use", target={"mode": "direct", "url": original.url},
                 credential={"token": "its-token"})
            self.assertIsNone(self.wait("ready")["remedy"])
            say(self.page, "Hello, who are you?")
            wait_answer(self.page, "Hello from the mock model. This reply is streamed in pieces.")
            self.desktop.picture("original-gateway")
            asked = [request["params"]["message"] for request in original.requests if request["method"] == "chat.send"]
            self.assertEqual(asked, ["Hello, who are you?"])
            # Other programs of this computer reach it as if it were here.
            door = "ws://127.0.0.1:%d" % self.desktop.port
            said = self.desktop.output(CLI, "sessions", "list", "--url", door, "--token", "its-token", "--json")
            self.assertIn("agent:main:main", said)
            self.page.refresh()
            wait_answer(self.page, "This reply is streamed in pieces.")

    def test_only_a_gateway_here_is_published(self):
        self.desktop.program("tailscale", 'printf "%%s\\n" "$*" >> "%s"\necho "{}"\n' % (self.desktop.root / "calls"))
        self.use(url="ws://127.0.0.1:%d" % self.far)
        self.wait("ready")
        refused = self.page.execute_async_script("""
            window.__TAURI_INTERNALS__.invoke("tailscale_use", {mode: "serve"})
              .then(() => arguments[0]("used"), (error) => arguments[0](error.code));""")
        self.assertEqual(refused, "GATEWAY_ELSEWHERE")
        self.assertNotIn("serve", (self.desktop.home / ".clawdbot/clawdbot.json").read_text())
        element(self.page, "settings-button").click()
        element(self.page, "settings-tailscale", 15).click()
        said = element(self.page, "tailscale-elsewhere", 15).text
        self.assertIn("Only a gateway inside this app is published from here", said)
        self.assertEqual(elements(self.page, "tailscale-serve"), [])
        self.desktop.picture("tailscale-elsewhere")

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

    def test_what_was_written_for_one_gateway_stays_with_it(self):
        page, done = self.page, threading.Event()
        self.addCleanup(done.set)
        here = self.enterContext(FakeModel(Answer(chunks=["An answer ", "from here."], delay=0)))
        config = json.loads((self.desktop.home / ".clawdbot/clawdbot.json").read_text())
        config["models"]["providers"]["mock"]["baseUrl"] = here.url
        self.desktop.write_config(config)
        self.there.answers[:] = [Answer(hold=done)] * 3
        self.use(url=self.front.url, tlsFingerprint=self.front.fingerprint)
        self.wait("ready")
        say(page, "First")
        until(lambda: self.there.requests, 20, "the run there")
        element(page, "composer").send_keys("Only for there", Keys.ENTER)
        until(lambda: elements(page, "queue-row"), 15, "the queue")
        element(page, "composer").send_keys("Third")
        written = lambda: element(page, "composer").get_property("value")

        call(page, "connection_use", target={"mode": "local"})
        self.wait("ready")
        until(lambda: written() == "" and not elements(page, "queue-row"), 15, "an empty composer")
        say(page, "Mine")
        wait_answer(page, "from here.")
        self.assertNotIn("Only for there", str(here.requests))

        call(page, "connection_use", target={"mode": "direct", "url": self.front.url,
                                             "tlsFingerprint": self.front.fingerprint})
        self.wait("ready")
        until(lambda: written() == "Third", 20, "the draft")
        self.assertEqual(len(elements(page, "queue-row")), 1)
        self.assertEqual(len(here.requests), 1)

    def test_the_apps_own_port_may_lead_to_a_gateway_through_somebody_elses_tunnel(self):
        port = self.desktop.port
        self.use(url="ws://127.0.0.1:%d" % port)
        self.assertEqual(self.wait("waiting")["code"], "UNREACHABLE")
        # What the tutorials of the original do by hand.
        self.enterContext(Wire(self.far, port=port))
        self.assertEqual(self.wait("ready")["frontDoor"], "127.0.0.1:%d" % port)
        self.talk("Through it?")

    def test_a_way_that_leads_back_here_is_named(self):
        circle = self.enterContext(Wire(self.desktop.port))
        self.use(url="ws://127.0.0.1:%d" % circle.port)
        now = self.wait("waiting")
        self.assertIn("leads back to the address that this app keeps for it", now["message"])

    def test_what_is_written_into_the_files_is_followed(self):
        state = self.desktop.home / ".clawdbot"
        file = state / "clawdbot.json"
        here = file.read_text()
        self.page.execute_script("window.sameDocument = true")
        # A comment is none of its business; half a document neither.
        for text in ("// mine\n" + here, here[:-20]):
            file.write_text(text)
        there = json.loads(here)
        there["gateway"] |= {"mode": "remote", "remote": {
            "transport": "direct", "url": self.front.url, "tlsFingerprint": self.front.fingerprint, "token": TOKEN}}
        file.write_text(json.dumps(there))
        until(lambda: call(self.page, "connection_read")["mode"] == "direct", 30, "the gateway there")
        self.wait("ready")
        self.talk("There?")
        there["gateway"]["remote"]["url"] = "ws://8.8.8.8"
        file.write_text(json.dumps(there))
        self.assertEqual(self.wait("failed")["code"], "ADDRESS_PIN_NEEDS_TLS")
        file.write_text(here)
        self.wait("ready")
        until(lambda: self.desktop.status() == "Ready on 127.0.0.1:%d" % self.desktop.port, 30, "the gateway here")
        self.assertTrue(self.page.execute_script("return window.sameDocument"), "the page was never reloaded")
        # The app's own settings as well.
        (state / "desktop.json").write_text(json.dumps({"language": "fr", "firstRunDone": True}))
        self.desktop.wait_entry("Réglages", timeout=20)

    def test_another_network_is_tried_at_once(self):
        # A port of nobody: however often it is tried, it goes on waiting.
        self.use(url="ws://127.0.0.1:%d" % free_port())
        self.wait("waiting")
        self.change_networks()

    def change_networks(self):
        """This computer gets another address, which the app notices."""
        address = ["ip", "address", "add", "127.99.99.%d/32" % (os.getpid() % 250 + 1), "dev", "lo"]
        if subprocess.run(address, capture_output=True).returncode:
            self.skipTest("this computer gets no addresses from tests")
        away = address[:2] + ["del"] + address[3:]
        self.addCleanup(subprocess.run, away)
        until(lambda: "has another network address" in self.desktop.log(), 15, "the attempt")

    def test_a_connection_that_died_unnoticed_is_made_again_at_once(self):
        wire = self.enterContext(Wire(self.far))
        self.use(url="ws://127.0.0.1:%d" % wire.port)
        self.wait("ready")
        self.talk("Are you there?")
        browser = socket.create_connection(("127.0.0.1", self.desktop.port), timeout=60)
        self.addCleanup(browser.close)
        browser.sendall("\r\n".join(["GET / HTTP/1.1", "Host: 127.0.0.1:%d" % self.desktop.port, *UPGRADE, "", ""]).encode())
        self.assertIn(b"101", browser.recv(15))
        # Of the page, the tray, the session and the browser.
        until(lambda: wire.taken >= 4, 30, "all that connect")
        self.assertGreaterEqual(wire.fall_silent(), 4)
        before = wire.taken
        self.change_networks()
        # Nobody else would have ended them for as long as a minute: not the sockets, and not the pages.
        until(lambda: "it was silent after a pause or a change of networks" in self.desktop.log(), 30, "the proof")
        while browser.recv(65536):
            pass
        until(lambda: wire.taken >= before + 3, 30, "the new connections")
        self.wait("ready")
        self.talk("And now?")


class Stranger(Connected):
    # To the gateway there, whoever comes this way comes from elsewhere.
    gateway = {"trustedProxies": ["127.0.0.1"]}

    def test_a_device_that_waits_to_be_let_in_comes_in_by_itself_or_is_declined_once(self):
        front = self.enterContext(TlsFront(self.desktop, self.far, header="X-Forwarded-For: 203.0.113.9"))
        devices = lambda *command: self.desktop.output(
            CLI, "devices", *command, "--url", "ws://127.0.0.1:%d" % self.far, "--token", TOKEN)

        def request():
            now = self.wait("waiting")
            self.assertEqual(now["code"], "PAIRING_REQUIRED")
            return re.search(r"devices approve ([\w-]+)\.$", now["remedy"])[1]

        self.use(url=front.url, tlsFingerprint=front.fingerprint)
        asked = request()
        waits = "Waiting to be let in by the remote gateway"
        until(lambda: self.desktop.status() == waits, 20, "what it waits for in the menu")
        connection_page(self.desktop, self.page)
        self.desktop.picture("to-be-let-in")
        devices("reject", asked)
        self.assertEqual(self.wait("failed")["code"], "PAIRING_DECLINED")
        call(self.page, "connection_retry")
        again = request()
        self.assertNotEqual(again, asked)
        self.assertIn("approved", devices("approve", again))
        self.wait("ready")
        element(self.page, "settings-connection").send_keys(Keys.ESCAPE)
        self.talk("Let in?")
        self.assertNotIn("waiting", devices("list"), "app and page are one device")


class TakenDoor(unittest.TestCase):
    def test_a_gateway_is_reached_although_the_port_here_is_taken_and_the_door_opens_once_it_is_free(self):
        desktop, way = self.enterContext(Desktop()), free_port()
        desktop.configure("http://127.0.0.1:9/v1")
        far = far_gateway(desktop, "http://127.0.0.1:9/v1")
        taken = self.enterContext(socket.create_server(("127.0.0.1", desktop.port)))
        desktop.write_config({"gateway": {"mode": "remote", "port": desktop.port, "remote": {
            "transport": "direct", "url": "ws://127.0.0.1:%d" % way, "token": TOKEN}}})
        desktop.start("--hidden")
        # By then its pauses are longer than those between two looks at the port.
        end = time.monotonic() + 16
        until(lambda: time.monotonic() > end, 20, "some time")
        self.enterContext(Wire(far, port=way))
        until(lambda: desktop.status().startswith("Port %d is used by" % desktop.port), 40, "the gateway")
        taken.close()
        until(lambda: desktop.status() == "Ready on 127.0.0.1:%d" % desktop.port, 30, "the door")


class Languages(unittest.TestCase):
    def test_tray_and_page_say_what_is_wrong_in_the_persons_language(self):
        for language, status, here, message, remedy, public in (
            ("fr_FR.UTF-8", "La passerelle ne répond pas : nouvel essai en cours", "À une adresse", "Rien n’écoute à %s.",
             "Vérifiez que la passerelle tourne", "1.1.1.1 est une adresse publique"),
            ("es_ES.UTF-8", "El gateway no responde: se reintenta", "En una dirección", "Nada escucha en %s.",
             "Comprueba que el gateway está en marcha", "1.1.1.1 es una dirección pública"),
        ):
            with self.subTest(language), Desktop(language=language) as desktop:
                nobody = "127.0.0.1:%d" % free_port()
                desktop.configure("http://127.0.0.1:9/v1")
                desktop.write_config({"gateway": {"mode": "remote", "port": desktop.port, "remote": {
                    "transport": "direct", "url": "ws://" + nobody, "token": TOKEN}}})
                desktop.start("--hidden")
                until(lambda: desktop.status() == status, 20, status)
                desktop.click({"fr": "Ouvrir WebChat", "es": "Abrir WebChat"}[language[:2]])
                page = desktop.page_when_open()
                page.set_script_timeout(20)
                element(page, "settings-button", 15).click()
                element(page, "settings-general", 15).click()
                # The web view knows only languages that the system has installed.
                Select(element(page, "settings-language", 15)).select_by_value(language[:2])
                element(page, "settings-connection", 15).click()
                said = lambda: element(page, "connection-state").text
                for words in (here, message % nobody, remedy):
                    until(lambda: words in said(), 15, words)
                desktop.picture("away-" + language[:2])
                refused = page.execute_async_script("""
                    window.__TAURI_INTERNALS__.invoke("connection_use", {target: {mode: "direct", url: "ws://1.1.1.1"}})
                      .then(() => arguments[0]("used"), (error) => arguments[0](error.message));""")
                self.assertIn(public, refused)


if __name__ == "__main__":
    unittest.main()
