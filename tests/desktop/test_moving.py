"""The assistant moves to a server while the app runs it, and the app goes on there."""

import json
import unittest

from desktop import CLI, Desktop, free_port, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import Sshd, answers

HERE = Answer(chunks=["An answer ", "from here."], delay=0)
THERE = Answer(chunks=["An answer ", "from there."], delay=0)


class Moving(unittest.TestCase):
    def test_the_app_gives_way_and_comes_back_as_a_client(self):
        model = self.enterContext(FakeModel(HERE, THERE))
        desktop = self.enterContext(Desktop())
        desktop.configure(model.url)
        there = desktop.root / "there"
        there.mkdir(mode=0o700)
        sshd = Sshd(desktop, "SetEnv HOME=%s" % there)
        sshd.trust()
        desktop.start("--hidden")
        page = desktop.open_page()
        say(page, "Remember the purple elephant.")
        wait_answer(page, "from here.")
        desktop.leave(page)
        said = desktop.output(CLI, "onboard", "--non-interactive", "--server", "far")
        self.assertIn("this computer uses the gateway on far", said)
        self.assertEqual(desktop.app.wait(15), 0)
        self.assertFalse((there / ".clawdbot/desktop.json").exists(), "the app's settings stay here")

        # Both computers are this one, so that the gateway there needs a port that the app does not have.
        port = free_port()
        desktop.run(str(there / ".local/bin/clawdbot"), "gateway", "--port", str(port), env={"HOME": str(there)})
        until(lambda: answers(port), 15, "the gateway there")
        desktop.output(CLI, "config", "set", "gateway.remote.remotePort", str(port))
        desktop.start("--hidden")
        page = desktop.open_page()
        text = lambda: page.find_element("tag name", "body").text
        until(lambda: "purple elephant" in text(), 40, "the conversation that has moved")
        say(page, "And now?")
        wait_answer(page, "from there.")
        self.assertIn("purple elephant", json.dumps(model.requests[-1]["messages"]))


if __name__ == "__main__":
    unittest.main()
