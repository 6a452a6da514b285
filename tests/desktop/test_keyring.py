"""Where the secrets of a remote gateway are kept: in a real keyring, or in a private file."""

import json
import unittest

from desktop import KEYRING_PASSWORD, Desktop, until
from far import TOKEN, call, connection_page, far_gateway


class Keyring(unittest.TestCase):
    def begin(self, **options):
        desktop = self.enterContext(Desktop(**options))
        desktop.configure("http://127.0.0.1:9/v1")
        target = {"mode": "direct", "url": "ws://127.0.0.1:%d" % far_gateway(desktop, "http://127.0.0.1:9/v1")}
        desktop.start("--hidden")
        page = desktop.open_page()
        page.set_script_timeout(30)
        call(page, "connection_use", target=target, credential={"token": TOKEN})
        self.wait_state(page, "ready")
        file = desktop.home / ".clawdbot/remote-secrets.json"
        return desktop, page, file, "gateway:direct:" + target["url"]

    def wait_state(self, page, state):
        return until(lambda: (now := call(page, "connection_read"))["state"] == state and now, 30, state)

    def again(self, desktop):
        desktop.click("Quit")
        self.assertEqual(desktop.app.wait(20), 0)
        desktop.start("--hidden")
        page = desktop.open_page()
        page.set_script_timeout(30)
        return page

    def test_secrets_are_in_the_keyring_and_wait_there_while_it_is_locked(self):
        desktop, page, file, name = self.begin(keyring=True)
        self.assertEqual(json.loads(desktop.secret(name))["token"], TOKEN)
        device = desktop.secret("device")
        self.assertRegex(device, "^[0-9a-f]{64}$")
        listed = file.read_text()
        self.assertEqual(json.loads(listed), {"device": None, name: None})

        desktop.lock_keyring()
        page = self.again(desktop)
        now = self.wait_state(page, "failed")
        self.assertEqual(now["code"], "KEYRING_LOCKED")
        self.assertIn("keyring of this computer is locked", now["message"])
        self.assertEqual(now["remedy"], "Unlock the keyring, then try again.")
        said = connection_page(desktop, page)
        until(lambda: "Unlock the keyring" in said(), 15, "the remedy")
        desktop.picture("keyring-locked")
        self.assertEqual(file.read_text(), listed, "nothing was put in the place of what is locked")

        desktop.stop_keyring()
        desktop.unlock_keyring()
        call(page, "connection_retry")
        self.wait_state(page, "ready")
        self.assertEqual(desktop.secret("device"), device, "it is the same device")

    def test_a_keyring_that_asks_for_its_password_is_waited_for(self):
        desktop, page, file, name = self.begin(keyring=True)
        device, listed = desktop.secret("device"), file.read_text()
        desktop.lock_keyring()
        desktop.let_keyring_ask()
        page = self.again(desktop)
        # The app does not wait for ever, but as soon as the password has been entered it goes on.
        self.assertEqual(self.wait_state(page, "failed")["code"], "KEYRING_SILENT")
        asking = until(lambda: desktop.output("xdotool", "search", "--onlyvisible", "--class", "gcr-prompter"), 15,
                       "the keyring's own window")
        desktop.picture("keyring-asks")
        desktop.output("xdotool", "windowfocus", asking.split()[-1], "type", KEYRING_PASSWORD)
        desktop.output("xdotool", "key", "Return")
        self.wait_state(page, "ready")
        self.assertEqual(file.read_text(), listed)
        self.assertEqual(desktop.secret("device"), device)

    def test_without_a_keyring_they_are_in_a_private_file(self):
        desktop, page, file, name = self.begin()
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        kept = json.loads(file.read_text())
        self.assertEqual(json.loads(kept[name])["token"], TOKEN)
        self.assertRegex(kept["device"], "^[0-9a-f]{64}$")
        page = self.again(desktop)
        self.wait_state(page, "ready")
        self.assertEqual(json.loads(file.read_text())["device"], kept["device"])
        self.assertNotIn(TOKEN, page.page_source + desktop.log())


if __name__ == "__main__":
    unittest.main()
