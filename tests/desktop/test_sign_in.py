"""Signing in to a remote machine with what a person knows or reads off a device: passwords, one-time codes."""

import os
import unittest
from pathlib import Path

from selenium.webdriver.common.by import By

from desktop import Desktop, children, element, elements, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import TOKEN, Accounts, Sshd, call, far_gateway

PASSWORD = "the visitor's password"
PASSWORDS = "\n".join(["PubkeyAuthentication no", "PasswordAuthentication yes"])
CODES = "\n".join(["PubkeyAuthentication no", "UsePAM yes", "KbdInteractiveAuthentication yes"])


@unittest.skipUnless(os.geteuid() == 0, "sshd asks for passwords of accounts: needs root")
class SignIn(unittest.TestCase):
    def turn_to(self, ways):
        """A window whose app goes to an sshd with these ways to sign in."""
        there = self.enterContext(FakeModel(Answer(chunks=["From ", "there."], delay=0)))
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        accounts = Accounts(desktop, PASSWORD)
        sshd = Sshd(desktop, ways, within=accounts.within)
        far = far_gateway(desktop, there.url)
        sshd.trust()
        desktop.start("--hidden")
        page = desktop.open_page()
        page.set_script_timeout(20)
        target = {"mode": "ssh", "sshTarget": "visitor@far", "remotePort": far}
        call(page, "connection_use", target=target, credential={"token": TOKEN})
        return desktop, sshd, accounts, page

    def answer(self, page, kind, text, again):
        """Answers the dialog that asks for that, for the first time or again."""
        told = ("%s" if again else ":not(%s)") % ":has([data-testid=ask-again])"
        field = "[data-testid=ask][data-kind=%s]%s [data-testid=ask-value]" % (kind, told)
        until(lambda: page.find_elements(By.CSS_SELECTOR, field), 20, field)[0].send_keys(text)
        element(page, "ask-ok").click()

    def wait_ready(self, page):
        until(lambda: call(page, "connection_read")["state"] == "ready", 30, "the remote gateway")

    def assert_nowhere(self, desktop, page, secret):
        self.assertNotIn(secret, desktop.log() + page.page_source)
        for process in [desktop.app.pid, *children(desktop.app.pid)]:
            told = [Path("/proc/%d/%s" % (process, what)) for what in ("environ", "cmdline")]
            self.assertNotIn(secret.encode(), b"".join(file.read_bytes() for file in told if file.exists()))
        for file in (desktop.home / ".clawdbot").rglob("*"):
            if file.is_file():
                self.assertNotIn(secret.encode(), file.read_bytes(), file)

    def test_a_password_is_asked_for_until_it_is_right_and_then_no_more(self):  # SSH-07
        desktop, sshd, _, page = self.turn_to(PASSWORDS)
        self.answer(page, "password", "a wrong one", again=False)
        self.answer(page, "password", PASSWORD, again=True)
        self.wait_ready(page)
        say(page, "Where are you?")
        wait_answer(page, "From there.")
        self.assert_nowhere(desktop, page, PASSWORD)
        # Another tunnel is not for the person to notice.
        sshd.drop_sessions()
        until(lambda: call(page, "connection_read")["state"] != "ready", 20, "the loss")
        self.wait_ready(page)
        self.assertEqual(elements(page, "ask"), [])

    def test_a_one_time_code_is_asked_for_each_time(self):  # SSH-07
        desktop, sshd, accounts, page = self.turn_to(CODES)
        self.answer(page, "password", PASSWORD, again=False)
        self.answer(page, "code", "000000", again=False)
        self.answer(page, "password", PASSWORD, again=True)
        self.answer(page, "code", accounts.code(0), again=True)
        self.wait_ready(page)
        say(page, "Where are you?")
        wait_answer(page, "From there.")
        sshd.drop_sessions()
        # The password is still known; the code was good for once.
        self.answer(page, "code", accounts.code(1), again=False)
        self.wait_ready(page)
        self.assert_nowhere(desktop, page, PASSWORD)


if __name__ == "__main__":
    unittest.main()
