"""Where Clawdbot runs: here, on a remote machine over SSH, and here again."""

import itertools
import json
import subprocess
import time
import unittest
from pathlib import Path

from desktop import CLI, Desktop, answer, children, element, elements, kill, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import TOKEN, Sshd, answers, call, connection_page, far_gateway

HERE = Answer(chunks=["An answer ", "from here."], delay=0)
PASSPHRASE = "a passphrase of the key"
THERE = Answer(chunks=["An answer ", "from there."], delay=0)


class Connection(unittest.TestCase):
    def turn_to(self, there, **options):
        """A window whose app was told to use the gateway with that model, behind an sshd that nobody knows yet."""
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        sshd = Sshd(desktop, **options)
        far = far_gateway(desktop, there.url)
        desktop.start("--hidden")
        page = desktop.open_page()
        page.set_script_timeout(20)
        page.execute_script("window.sameDocument = true")
        target = {"mode": "ssh", "sshTarget": "far", "remotePort": far}
        call(page, "connection_use", target=target, credential={"token": TOKEN})
        return desktop, sshd, far, page

    def test_a_window_follows_from_here_to_a_remote_machine_and_back(self):
        here, there = self.enterContext(FakeModel(HERE, HERE)), self.enterContext(FakeModel(THERE))
        desktop = self.enterContext(Desktop())
        desktop.configure(here.url)
        sshd = Sshd(desktop)
        far = far_gateway(desktop, there.url)
        desktop.start("--hidden")
        page = desktop.open_page()
        page.set_script_timeout(20)
        say(page, "Where are you?")
        wait_answer(page, "from here.")
        self.assertEqual(call(page, "connection_read")["mode"], "local")
        page.execute_script("window.sameDocument = true")

        target = {"mode": "ssh", "sshTarget": "far", "remotePort": far}
        call(page, "connection_use", target=target, credential={"token": TOKEN})
        # The host key is unknown: its fingerprint is on screen and waits for a person.
        shown = element(page, "ask-fingerprint", 20)
        key = subprocess.run(["ssh-keygen", "-lf", sshd.path("host.pub")], capture_output=True, text=True)
        self.assertEqual(shown.text, key.stdout.split()[1])
        # It says whose key that is, and of which kind.
        self.assertIn("[127.0.0.1]:%d" % sshd.port, element(page, "ask-machine").text)
        self.assertIn("ED25519", element(page, "ask").text)
        desktop.picture("host-key")
        element(page, "ask-ok").click()
        state = lambda: call(page, "connection_read")["state"]
        until(lambda: state() == "ready", 20, "the remote gateway")
        text = lambda: page.find_element("tag name", "body").text
        until(lambda: "from here." not in text(), 10, "the old gateway's conversation to go")
        say(page, "And now?")
        wait_answer(page, "from there.")
        self.assertIn("And now?", str(there.requests[-1]["messages"][-1]))
        # A browser on this computer reaches it at the usual address.
        self.assertEqual(call(page, "connection_read")["frontDoor"], "127.0.0.1:%d" % desktop.port)
        self.assertTrue(answers(desktop.port))
        # So does the command, with what was entered here once.
        told = desktop.output(CLI, "gateway", "call", "chat.history", "--params", '{"sessionKey": "main"}', "--json")
        self.assertIn("And now?", told)
        self.assertNotIn("port-stolen", desktop.output(CLI, "doctor"))
        self.assertNotIn(TOKEN, desktop.output(CLI, "status") + told)
        # Its secret is in no file of the configuration and nowhere in the page.
        config = (desktop.home / ".clawdbot/clawdbot.json").read_text()
        self.assertNotIn(TOKEN, config + page.page_source + desktop.log())

        call(page, "connection_use", target={"mode": "local"})
        until(lambda: state() == "ready", 40, "the gateway here")
        # Its port is its own again, not left to the front door.
        until(lambda: desktop.status() == "Ready on 127.0.0.1:%d" % desktop.port, 10, "the port here")
        until(lambda: "from here." in text() and "from there." not in text(), 10, "the conversation here")
        say(page, "Back?")
        until(lambda: len(here.requests) == 2, 15, "the message here")
        self.assertTrue(page.execute_script("return window.sameDocument"), "the page was never reloaded")
        desktop.wait_entry("Quit", timeout=20)
        desktop.click("Quit")
        self.assertEqual(desktop.app.wait(15), 0)
        running = subprocess.run(["pgrep", "-f", sshd.path("config")], capture_output=True, text=True)
        self.assertNotIn("ssh -F", running.stdout)

    def test_a_passphrase_is_asked_for_once_and_a_tunnel_that_breaks_costs_nothing(self):
        words = ["word-%d " % at for at in range(50)]
        there = self.enterContext(FakeModel(Answer(chunks=words, delay=0.1)))
        desktop, sshd, _, page = self.turn_to(there, passphrase=PASSPHRASE)
        element(page, "ask-fingerprint", 20)
        element(page, "ask-ok").click()
        element(page, "ask-value", 20)
        desktop.picture("passphrase")
        # As a person does it: the field has the focus already.
        desktop.output("xdotool", "type", PASSPHRASE)
        desktop.output("xdotool", "key", "Return")
        until(lambda: call(page, "connection_read")["state"] == "ready", 20, "the remote gateway")
        say(page, "Count.")
        for seen in (5, 25):
            until(lambda: "word-%d " % seen in answer(page) + " ", 40, "word %d" % seen)
            # On a busy machine the next word may be there before the tunnel is again.
            until(sshd.drop_sessions, 40, "a session to end")
        until(lambda: answer(page).split() == "".join(words).split(), 60, "the whole answer")
        self.assertEqual(len(there.requests), 1, "it was worked out once")
        self.assertTrue(page.execute_script("return window.sameDocument"), "the page was never reloaded")
        # The tunnel came back by itself, with the passphrase that is in memory only: SSH-07.
        until(lambda: call(page, "connection_read")["state"] == "ready", 40, "the tunnel")
        self.assertEqual(elements(page, "ask"), [])
        self.assertNotIn(PASSPHRASE, desktop.log() + page.page_source)
        for process in [desktop.app.pid, *children(desktop.app.pid)]:
            told = [Path("/proc/%d/%s" % (process, what)) for what in ("environ", "cmdline")]
            self.assertNotIn(PASSPHRASE.encode(), b"".join(file.read_bytes() for file in told if file.exists()))

    def test_a_test_and_its_question_end_with_the_window_that_shows_them(self):
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        Sshd(desktop)
        desktop.start("--hidden")
        page = desktop.open_page()
        connection_page(desktop, page)
        element(page, "mode-ssh").click()
        element(page, "connection-sshTarget").send_keys("far")
        element(page, "connection-test").click()
        element(page, "ask-fingerprint", 20)
        ssh = lambda: [pid for pid, name in children(desktop.app.pid).items() if name == "ssh"]
        self.assertTrue(ssh())
        until(lambda: desktop.status().startswith("The remote machine asks"), 15, "the question in the menu")
        desktop.leave(page)
        desktop.close_window()
        desktop.wait_ready()
        until(lambda: not ssh(), 20, "the end of ssh")

    def test_the_first_steps_turn_to_a_remote_machine_and_stay_until_it_lets_in(self):
        there = self.enterContext(FakeModel(THERE))
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        Sshd(desktop).trust()
        far = far_gateway(desktop, there.url)
        desktop.start("--hidden", first_run=True)
        page = desktop.open_page()
        page.set_script_timeout(20)
        press = lambda name: element(page, name, 20).click()
        at = lambda step: until(lambda: element(page, "first-run", 20).get_attribute("data-step") == step, 30, step)
        at("model")
        press("first-run-next")
        at("where")
        press("mode-ssh")
        element(page, "connection-sshTarget").send_keys("far")
        port = element(page, "connection-remotePort")
        port.clear()
        port.send_keys(str(far))
        secret = element(page, "connection-secret")
        secret.send_keys("x" + TOKEN)
        press("first-run-next")
        until(lambda: "Failed" in element(page, "connection-outcome", 30).text, 30, "the refusal")
        desktop.picture("first-run-refused")
        at("where")
        self.assertEqual(secret.get_attribute("value"), "x" + TOKEN)
        until(lambda: element(page, "first-run-next").text == "Next", 15, "the next attempt")
        secret.clear()
        secret.send_keys(TOKEN)
        press("first-run-next")
        at("login")
        self.assertEqual(call(page, "connection_read")["state"], "ready")
        press("first-run-next")
        until(lambda: desktop.settings().get("firstRunDone"), 15, "the file")
        say(page, "And now?")
        wait_answer(page, "from there.")

    def start_there(self, **options):
        """An app that goes over SSH from its start, with notifications."""
        there = self.enterContext(FakeModel(Answer()))
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        sshd = Sshd(desktop, **options)
        far = far_gateway(desktop, there.url)
        sshd.trust()
        desktop.write_config({"gateway": {"mode": "remote", "port": desktop.port, "remote": {
            "transport": "ssh", "sshTarget": "far", "remotePort": far, "token": TOKEN}}})
        shown = desktop.root / "dunst.log"
        desktop.start_dunst(shown)
        desktop.start("--hidden")
        return desktop, sshd, lambda: shown.read_text(errors="replace")

    def test_a_question_is_told_in_the_tray_and_once_more_after_a_wrong_answer(self):
        desktop, _, text = self.start_there(passphrase=PASSPHRASE)
        page = desktop.page_when_open()
        element(page, "ask-value", 20)
        desktop.leave(page)
        desktop.close_window()
        asks = "The remote machine asks: click to answer"
        until(lambda: desktop.status() == asks, 20, "the question in the menu")
        until(lambda: "The connection to far waits until you answer" in text(), 20, "the notification")
        desktop.picture("asks")
        desktop.click(asks)
        page = desktop.page_when_open()
        until(lambda: desktop.output("dunstctl", "count", "displayed") == "0", 20, "the notification's end")
        element(page, "ask-value", 20).send_keys("something else")
        self.assertEqual(elements(page, "ask-again"), [])
        element(page, "ask-ok").click()
        self.assertIn("not accepted", element(page, "ask-again", 20).text)
        desktop.picture("asks-again")
        element(page, "ask-value").send_keys(PASSPHRASE)
        element(page, "ask-ok").click()
        desktop.wait_ready()

    def test_each_machine_on_the_way_has_its_own_passphrase_and_only_a_wrong_one_is_told_as_wrong(self):
        there = self.enterContext(FakeModel(Answer()))
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        sshd = Sshd(desktop, passphrase=PASSPHRASE)
        sshd.trust()
        sshd.jump("another passphrase")
        far = far_gateway(desktop, there.url)
        desktop.start("--hidden")
        page = desktop.open_page()
        page.set_script_timeout(20)
        target = {"mode": "ssh", "sshTarget": "far", "remotePort": far}
        call(page, "connection_use", target=target, credential={"token": TOKEN})
        asked = []

        def reply(value, again):
            # The next question is another one, even if it takes the place of this one on screen.
            asks = until(lambda: (now := elements(page, "ask")) and now[0].text not in asked and now[0], 30, "a question")
            asked.append(asks.text)
            self.assertEqual(bool(elements(page, "ask-again")), again, asks.text)
            element(page, "ask-value").send_keys(value)
            element(page, "ask-ok").click()
            return asked[-1]

        for value, again in (("something else", False), ("another passphrase", True)):
            self.assertIn(sshd.path("jump"), reply(value, again))
        self.assertIn(sshd.path("id"), reply(PASSPHRASE, False))
        until(lambda: call(page, "connection_read")["state"] == "ready", 30, "the remote gateway")

    def test_a_tunnel_that_nobody_disturbs_lives_on(self):
        # Several, because which thread started a tunnel is chance.
        apps = [self.start_there()[0] for _ in range(4)]
        for desktop in apps:
            desktop.wait_ready()
        # Longer than an idle thread of the runtime lives.
        end = time.monotonic() + 14
        until(lambda: time.monotonic() > end, 20, "some time")
        self.assertEqual([desktop.log().count("the tunnel ended") for desktop in apps], [0] * 4)

    def test_a_tunnel_that_stays_lost_is_announced_and_so_is_its_end(self):
        desktop, sshd, text = self.start_there()
        desktop.wait_ready()
        frozen = sshd.freeze(listener=True)
        for session in frozen[1:]:
            kill(session)
        until(lambda: "Tunnel lost" in text(), 90, "the news of the loss")
        self.assertIn("far is out of reach", text())
        sshd.thaw(frozen)
        until(lambda: "Connected again" in text(), 90, "the news of its end")
        desktop.wait_ready()

    def test_a_far_end_that_freezes_five_times_during_an_answer_costs_nothing(self):
        made, enough = [], []

        def words():
            for at in itertools.takewhile(lambda _: not enough, itertools.count()):
                made.append("word-%d" % at)
                yield made[-1] + " "

        there = self.enterContext(FakeModel(Answer(chunks=words(), delay=0.1)))
        desktop, sshd, far, page = self.turn_to(there)
        element(page, "ask-ok", 20).click()
        state = lambda: call(page, "connection_read")["state"]
        until(lambda: state() == "ready", 20, "the remote gateway")
        tunnel = lambda: {pid for pid, name in children(desktop.app.pid).items() if name == "ssh"}
        shown = lambda: len(answer(page).split())
        caught_up = lambda: until(lambda goal=len(made): shown() > goal, 60, "what was answered meanwhile")
        say(page, "Count.")
        caught_up()
        # Shorter than anybody may notice: the same tunnel goes on.
        before = tunnel()
        self.assertEqual(len(before), 1)
        for seconds in (2, 5, 8):
            end, frozen = time.monotonic() + seconds, sshd.freeze()
            until(lambda: time.monotonic() > end and len(made) > shown() + 10, 14, "words that are missing")
            sshd.thaw(frozen)
            caught_up()
        self.assertEqual((tunnel(), state()), (before, "ready"))
        # Longer than `ssh` waits. First only the connection is dead, then the whole machine for a while.
        for listener in (False, True):
            before, frozen = tunnel(), sshd.freeze(listener)
            until(lambda: state() != "ready", 60, "the end of the tunnel")
            if not listener:
                until(lambda: state() == "ready", 30, "another tunnel")
            sshd.thaw(frozen)
            until(lambda: state() == "ready", 60, "the tunnel after all")
            self.assertFalse(before & tunnel(), "it is another one")
            caught_up()
        enough.append(True)
        until(lambda: answer(page).split() == made, 60, "the whole answer")
        self.assertEqual(len(there.requests), 1, "it was worked out once")
        kept = json.loads(desktop.output(CLI, "gateway", "call", "chat.history", "--params", '{"sessionKey": "main"}',
                                         "--url", "ws://127.0.0.1:%d" % far, "--token", TOKEN, "--json"))
        texts = [part["text"].split() for message in kept["messages"][1:] for part in message["content"]]
        self.assertEqual(texts, [made], "it was kept once and whole")
        self.assertTrue(page.execute_script("return window.sameDocument"), "the page was never reloaded")


if __name__ == "__main__":
    unittest.main()
