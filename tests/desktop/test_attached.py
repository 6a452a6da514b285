"""A gateway on this computer that another program runs: used, taken over, and handed back."""

import json
import os
import threading
import time
import unittest
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from desktop import CLI, Desktop, answers, element, free_port, say, until, wait_answer
from fake_model import Answer, FakeModel
from far import call, connection_page

# Where a process may be given a group of its own, whatever the version.
GROUPS = [procs for place in ("", "systemd/", "unified/") if os.geteuid() == 0
          and os.access(procs := Path("/sys/fs/cgroup/%scgroup.procs" % place), os.W_OK)]
TURNS = ["first", "second", "third"]


class Attached(unittest.TestCase):
    def gateway(self):
        """`clawdbot gateway` of the same state and port as the app's."""
        process = self.desktop.run(CLI, "gateway")
        # Like a shell, which takes note of the end at once.
        threading.Thread(target=process.wait, daemon=True).start()
        return process

    def wait(self, **wanted):
        read = lambda: call(self.page, "connection_read")
        return until(lambda: wanted.items() <= (now := read()).items() and now, 30, wanted)

    def talk(self, turn):
        say(self.page, "Question %d" % turn)
        wait_answer(self.page, "The %s answer" % TURNS[turn])
        # It is the one conversation: the model saw everything before, whoever ran the gateway.
        seen = str(self.model.requests[-1]["messages"])
        for before in range(turn):
            self.assertIn("Question %d" % before, seen)
            self.assertIn("The %s answer" % TURNS[before], seen)

    def test_the_tray_says_what_a_gateway_of_another_program_works_at(self):
        done = threading.Event()
        self.addCleanup(done.set)
        self.desktop = self.enterContext(Desktop())
        ended = self.desktop.root / "ended"
        command = "sh -c 'until [ -e %s ]; do sleep 0.1; done'" % ended
        model = self.enterContext(FakeModel(Answer(chunks=["First a command."], command=command), Answer(hold=done)))
        port = self.desktop.configure(model.url)
        config = json.loads((self.desktop.home / ".clawdbot/clawdbot.json").read_text())
        self.desktop.write_config(config | {"tools": {"exec": {"security": "full", "ask": "off"}}})
        other = self.gateway()
        until(lambda: answers(port), 20, "the other gateway")
        self.desktop.start("--hidden")
        until(lambda: "run by clawdbot (pid %d)" % other.pid in self.desktop.menu()[1]["label"], 30,
              "the name of the other program in the menu")
        ready = self.desktop.item()["IconDigest"]
        # A terminal asks, not the app.
        self.desktop.call("agent", {"message": "Wait", "sessionKey": "main", "idempotencyKey": "k1"})
        until(lambda: self.desktop.status() == "Working: 1 run, exec", 30, "the run and its tool")
        until(lambda: self.desktop.item()["IconDigest"] != ready, 15, "the icon")
        self.assertIsNotNone(self.desktop.entry("Quit"), "quitting stops nothing there")
        ended.touch()
        until(lambda: self.desktop.status() == "Working: 1 run", 30, "the end of the tool")
        done.set()
        self.desktop.wait_ready()

    def test_handing_back_asks_before_it_stops_what_is_under_way(self):
        done = threading.Event()
        self.addCleanup(done.set)
        self.model = self.enterContext(FakeModel(Answer(hold=done), Answer(hold=threading.Event())))
        self.desktop = self.enterContext(Desktop())
        self.desktop.configure(self.model.url)
        self.desktop.start("--hidden")
        self.page = self.desktop.open_page()
        self.page.set_script_timeout(30)
        say(self.page, "Hello")
        until(lambda: self.model.requests, 15, "the run")
        connection_page(self.desktop, self.page)

        def ask():
            until(lambda: call(self.page, "connection_read")["runs"] == 1, 15, "the run in the report")
            element(self.page, "hand-back", 15).click()
            return element(self.page, "hand-back-stops", 15).text

        self.assertIn("1 run is under way here. Handing back stops it", ask())
        self.desktop.picture("hand-back")
        # Nothing has happened yet, and nothing does.
        element(self.page, "hand-back-cancel").click()
        element(self.page, "settings-connection").send_keys(Keys.ESCAPE)
        done.set()
        wait_answer(self.page, "Hello from the model.")

        say(self.page, "Once more")
        until(lambda: len(self.model.requests) == 2, 15, "the second run")
        connection_page(self.desktop, self.page)
        ask()
        element(self.page, "hand-back-stop").click()
        self.wait(state="waiting")

    def test_a_gateway_of_the_same_data_is_used_wherever_it_listens_and_after_its_secret_changed(self):
        self.desktop = self.enterContext(Desktop())
        self.desktop.configure("http://127.0.0.1:9/v1")
        port = free_port()
        other = self.desktop.run(CLI, "gateway", "--port", str(port))
        until(lambda: answers(port), 20, "the other gateway")
        self.desktop.start("--hidden")
        self.page = self.desktop.open_page()
        self.page.set_script_timeout(30)
        now = self.wait(state="ready", attached=True)
        self.assertIn(str(other.pid), now["holder"])
        self.assertEqual(now["frontDoor"], "127.0.0.1:%d" % port)

        lost = self.desktop.log().count("refuses this app")
        config = json.loads((self.desktop.home / ".clawdbot/clawdbot.json").read_text())
        config["gateway"]["auth"]["token"] = "another-desktop-test-token"
        self.desktop.write_config(config)
        until(lambda: self.desktop.log().count("refuses this app") > lost, 30, "the refusal")
        self.wait(state="ready", attached=True)

    @unittest.skipUnless(GROUPS, "needs a control group, as a service has one")
    def test_a_service_that_is_away_is_waited_for_however_long(self):
        self.desktop = self.enterContext(Desktop())
        port = self.desktop.configure("http://127.0.0.1:9/v1")
        group = GROUPS[0].parent / ("clawdbot-test-%d.service" % os.getpid())
        group.mkdir()
        self.addCleanup(until, lambda: not (group / "cgroup.procs").read_text() and not group.rmdir(), 20, "its end")

        def service():
            other = self.gateway()
            (group / "cgroup.procs").write_text(str(other.pid))
            until(lambda: answers(port), 20, "the service")
            return other

        other = service()
        self.desktop.start("--hidden")
        self.page = self.desktop.open_page()
        self.page.set_script_timeout(30)
        self.wait(state="ready", attached=True)
        other.terminate()
        other.wait()
        self.wait(state="waiting")
        # Longer than a service manager takes as a rule; its place is not taken.
        end = time.monotonic() + 12
        until(lambda: time.monotonic() > end, 15, "some time")
        self.assertFalse(answers(port))
        other = service()
        self.assertIn(str(other.pid), self.wait(state="ready", attached=True)["holder"])
        other.terminate()

    def test_at_login_a_service_that_starts_as_well_comes_first(self):
        self.desktop = self.enterContext(Desktop())
        port = self.desktop.configure("http://127.0.0.1:9/v1")
        wants = self.desktop.home / ".config/systemd/user/default.target.wants"
        wants.mkdir(parents=True)
        (wants / "openclaw-gateway.service").symlink_to("/nowhere")
        self.desktop.start("--hidden")
        until(lambda: self.desktop.status().startswith("Waiting for"), 20, "the wait")
        other = self.gateway()
        until(lambda: "run by clawdbot (pid %d)" % other.pid in self.desktop.menu()[1]["label"], 30, "its name")
        other.terminate()

    def test_one_that_was_started_again_is_the_one_that_is_taken_over(self):
        self.desktop = self.enterContext(Desktop())
        port = self.desktop.configure("http://127.0.0.1:9/v1")
        first = self.gateway()
        until(lambda: answers(port), 20, "the other gateway")
        self.desktop.start("--hidden")
        named = lambda process: "run by clawdbot (pid %d)" % process.pid in self.desktop.menu()[1]["label"]
        until(lambda: named(first), 30, "the name of the other program in the menu")
        # As a supervisor does it after a crash.
        first.kill()
        until(lambda: first.poll() is not None, 15, "its end")
        second = self.gateway()
        until(lambda: named(second), 30, "the new process in the menu")
        self.page = self.desktop.open_page()
        self.page.set_script_timeout(30)
        call(self.page, "connection_take_over")
        self.wait(state="ready", attached=False)
        until(lambda: second.poll() is not None, 15, "the end of the other gateway")
        self.assertEqual(self.desktop.status(), "Ready on 127.0.0.1:%d" % port)

    def test_a_gateway_is_used_taken_over_and_handed_back(self):
        self.model = self.enterContext(FakeModel(
            *[Answer(chunks=["The %s " % turn, "answer."], delay=0) for turn in TURNS]))
        self.desktop = self.enterContext(Desktop())
        port = self.desktop.configure(self.model.url)
        other = self.gateway()
        until(lambda: answers(port), 20, "the other gateway")
        self.desktop.start("--hidden")
        until(lambda: "run by clawdbot (pid %d)" % other.pid in self.desktop.menu()[1]["label"], 30,
              "the name of the other program in the menu")
        self.page = self.desktop.open_page()
        self.page.set_script_timeout(30)
        self.page.execute_script("window.sameDocument = true")
        now = self.wait(state="ready", attached=True)
        self.assertIn(str(other.pid), now["holder"])
        self.talk(0)

        # Taken over by the button of the settings page.
        said = connection_page(self.desktop, self.page)
        until(lambda: "clawdbot" in said() and "Take over" in said(), 15, "the offer")
        self.desktop.picture("attached")
        button = lambda name: next(b for b in self.page.find_elements("css selector", "button") if b.text == name)
        button("Take over").click()
        self.wait(state="ready", attached=False)
        until(lambda: other.poll() is not None, 15, "the end of the other gateway")
        until(lambda: self.desktop.status() == "Ready on 127.0.0.1:%d" % port, 15, "the port here")
        until(lambda: "Hand back" in said(), 15, "the other offer")

        # And handed back.
        button("Hand back").click()
        self.wait(state="waiting")
        until(lambda: not answers(port), 15, "the free port")
        element(self.page, "settings-connection").send_keys("\ue00c")
        other = self.gateway()
        now = self.wait(state="ready", attached=True)
        self.assertIn(str(other.pid), now["holder"])
        self.talk(1)
        # It goes away for good: the app does not stay without a gateway.
        other.terminate()
        self.wait(state="ready", attached=False)
        self.talk(2)
        self.assertTrue(self.page.execute_script("return window.sameDocument"), "the page was never reloaded")


if __name__ == "__main__":
    unittest.main()
