"""The connection test of the settings page, layer by layer, with a real sshd."""

import errno
import re
import shutil
import socket
import time
import unittest

from selenium.webdriver.common.keys import Keys

import hostile
from desktop import Desktop, element, elements, free_port, until
from far import TOKEN, Authority, SlowFront, Sshd, TlsFront, connection_page, far_gateway

DIRECT = ["name", "port", "gateway", "version", "authentication"]
LAYERS = ["name", "ssh", "hostKey", "port", "gateway", "version", "authentication"]


def seconds(text):
    """A time as the page writes it."""
    value, unit = re.fullmatch(r"([\d.,]+)\s*(m?)s(?:ec)?", text).groups()
    return float(value.replace(",", "")) / (1000 if unit else 1)


class Layers(unittest.TestCase):
    def fill(self, **fields):
        for name, text in fields.items():
            field = element(self.page, "connection-" + name)
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(text)

    def run_test(self, accept=False, layers=7):
        """Runs the test; what became of each layer, and the page's words for it."""
        element(self.page, "connection-test").click()
        if accept:
            element(self.page, "ask-ok", 20).click()
        script = """return [...document.querySelectorAll('[data-testid=test-steps] li')].map((line) =>
            [line.dataset.layer, line.dataset.state, line.querySelector('.meta').textContent])"""
        over = lambda now: len(now) == layers and not any(state == "running" for _, state, _ in now)
        button = lambda: element(self.page, "connection-test").is_enabled()
        return until(lambda: over(now := self.page.execute_script(script)) and button() and now, 45, "the end of the test")

    def broken(self, layer, remedy, picture):
        steps = self.run_test()
        at = LAYERS.index(layer)
        self.assertEqual([name for name, _, _ in steps], LAYERS)
        self.assertEqual([state for _, state, _ in steps], ["ok"] * at + ["failed"] + ["skipped"] * (6 - at), steps)
        remedies = [shown.text for shown in elements(self.page, "test-remedy")]
        self.assertEqual(len(remedies), 1, remedies)
        self.assertIn(remedy, remedies[0])
        self.desktop.picture("test-" + picture)

    def test_each_layer_is_told_with_its_time_and_the_first_broken_one_with_a_remedy(self):
        self.desktop = desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        sshd = Sshd(desktop)
        far = far_gateway(desktop, "http://127.0.0.1:9/v1")
        desktop.start("--hidden")
        self.page = desktop.open_page()
        connection_page(desktop, self.page)
        element(self.page, "mode-ssh").click()
        self.fill(sshTarget="far", remotePort=str(far), secret=TOKEN)
        steps = self.run_test(accept=True)
        self.assertEqual([(layer, "ok") for layer in LAYERS], [(layer, state) for layer, state, _ in steps])
        for layer, _, took in steps:
            self.assertRegex(took, r"\d", layer)
        self.assertEqual(elements(self.page, "test-remedy"), [])
        desktop.picture("test-ok")

        # Each has its own time, so that the slow one is seen: only the gateway's port takes three seconds.
        slow = self.enterContext(SlowFront(far, 3))
        self.fill(remotePort=str(slow.port))
        begun = time.monotonic()
        times = {layer: seconds(text) for layer, _, text in self.run_test()}
        # The second way in belongs to none of them.
        self.assertLessEqual(sum(times.values()), time.monotonic() - begun - 2.8, times)
        self.assertGreaterEqual(times["port"], 3, times)
        desktop.picture("test-slow-port")

        self.fill(secret="not-the-token", remotePort=str(far))
        self.broken("authentication", "Enter the one of that gateway", "authentication")
        self.fill(secret=TOKEN, remotePort=str(free_port()))
        self.broken("port", "Start the gateway there", "port")
        self.fill(remotePort=str(far), sshTarget="nowhere")
        self.broken("name", "Check the spelling of the host", "name")
        # The machine shows another key than the one that was accepted (SSH-03).
        shutil.copy(sshd.path("id.pub"), sshd.path("other.pub"))
        known = "[127.0.0.1]:%d %s\n" % (sshd.port, " ".join(open(sshd.path("other.pub")).read().split()[:2]))
        open(sshd.path("known_hosts"), "w").write(known)
        self.fill(sshTarget="far")
        removal = "ssh-keygen -f '%s' -R '[127.0.0.1]:%d'" % (sshd.path("known_hosts"), sshd.port)
        self.broken("hostKey", removal, "host-key")
        self.assertEqual(elements(self.page, "ask"), [], "nobody may be asked to accept it")
        self.assertEqual(open(sshd.path("known_hosts")).read(), known)
        self.assertNotIn(TOKEN, desktop.log())

    def test_at_an_address_there_is_no_ssh_and_a_wrong_certificate_is_named(self):
        self.desktop = desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        front = self.enterContext(TlsFront(desktop, far_gateway(desktop, "http://127.0.0.1:9/v1")))
        desktop.start("--hidden")
        self.page = desktop.open_page()
        connection_page(desktop, self.page)
        element(self.page, "mode-direct").click()
        self.fill(url=front.url, tlsFingerprint=front.fingerprint, secret=TOKEN)
        steps = self.run_test(layers=5)
        self.assertEqual([(layer, state) for layer, state, _ in steps], [(layer, "ok") for layer in DIRECT])
        self.fill(tlsFingerprint="00" * 32)
        before = len(front.heads)
        steps = self.run_test(layers=5)
        self.assertEqual([state for _, state, _ in steps], ["ok", "ok", "failed", "skipped", "skipped"])
        said = element(self.page, "test-steps").text
        self.assertIn(front.fingerprint, said)
        self.assertIn("enter the new fingerprint", said)
        self.assertEqual(len(front.heads), before, "nothing was sent to it: APP-10")
        desktop.picture("test-certificate")

    def at_an_address(self, desktop):
        desktop.configure("http://127.0.0.1:9/v1")
        desktop.start("--hidden")
        self.page = desktop.open_page()
        connection_page(desktop, self.page)
        element(self.page, "mode-direct").click()

    def ends(self, url, layer, *words):
        """Tests an address: its layers are good below that one, and the page says this about it."""
        with self.subTest(url, layer=layer):
            self.fill(url=url, secret=TOKEN)
            states = {name: state for name, state, _ in self.run_test(layers=5)}
            at = DIRECT.index(layer) if layer else len(DIRECT)
            expected = ["ok"] * at + ["failed"] + ["skipped"] * (len(DIRECT) - at - 1)
            self.assertEqual([states[name] for name in DIRECT], expected[:len(DIRECT)])
            said = element(self.page, "test-steps").text
            for text in words:
                self.assertIn(text, said)

    def test_what_is_no_gateway_is_named_and_gets_no_further(self):  # APP-09
        desktop = self.enterContext(Desktop())
        far = far_gateway(desktop, "http://127.0.0.1:9/v1")
        self.at_an_address(desktop)
        self.ends("wss://no-such-machine.invalid", "name", "cannot be resolved", "Check the spelling")
        self.ends("ws://127.0.0.1:%d" % free_port(), "port", "Nothing listens", "Check that the gateway is running")
        for script, words in ((hostile.mute, ("did not answer in time", "is not overloaded")),
                              (hostile.redirecting, ("is not a gateway", "Check the address and the port")),
                              (hostile.bragging, ("is not a gateway", "Check the address and the port")),
                              (hostile.confused, ("is not a gateway", "Check the address and the port"))):
            self.ends("ws://127.0.0.1:%d" % self.enterContext(hostile.Impostor(script)).port, "gateway", *words)
        desktop.picture("test-no-gateway")
        with socket.socket(socket.AF_INET6) as probe:
            if probe.connect_ex(("::1", 9)) == errno.ECONNREFUSED:
                literal = self.enterContext(SlowFront(far, 0, host="::1"))
                self.ends("ws://[::1]:%d" % literal.port, None, "Every layer answered")

    def test_certificates_are_good_for_their_name_and_time(self):  # APP-10
        desktop = self.enterContext(Desktop())
        far = far_gateway(desktop, "http://127.0.0.1:9/v1")
        authority = Authority(desktop)
        fronts = [self.enterContext(TlsFront(desktop, far, issued)) for issued in (
            authority.issue("localhost"), authority.issue("localhost", until="20200102000000Z"),
            authority.issue("elsewhere.example"), None)]
        good, expired, misnamed, unknown = fronts
        self.at_an_address(desktop)
        self.ends(good.url, None, "Every layer answered")
        self.ends(expired.url, "gateway", "its certificate is not valid now", "Renew the certificate there")
        desktop.picture("test-expired")
        self.ends(misnamed.url, "gateway", "its certificate is for another name", "Use the name")
        self.ends(unknown.url, "gateway", "does not trust its certificate", "Enter the fingerprint")
        self.assertEqual([front.heads for front in fronts[1:]], [[], [], []], "nothing was sent to them")


if __name__ == "__main__":
    unittest.main()
