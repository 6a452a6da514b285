"""The app as the client of gateways that mean harm."""

import json
import os
import signal
import time
import unittest
from pathlib import Path

from desktop import Desktop, children, element, elements, until
from far import call
from hostile import Beggar, Busybody, Firehose, HostileGateway

ABSURD = {"tickIntervalMs": 1e300, "maxPayload": 0, "maxBufferedBytes": -1}


def memory(desktop):
    """Of the app and its processes, in MiB."""
    total = 0
    for pid in [desktop.app.pid, *children(desktop.app.pid)]:
        try:
            rollup = Path("/proc/%d/smaps_rollup" % pid).read_text()
        except OSError:
            continue
        total += int(rollup.split("Pss:")[1].split()[0])
    return total / 1024


class Hostile(unittest.TestCase):
    def setUp(self):
        self.desktop = self.enterContext(Desktop())
        self.desktop.configure("http://127.0.0.1:9/v1")
        self.desktop.start("--hidden")
        self.desktop.wait_ready()
        self.page = self.desktop.open_page()
        self.page.set_script_timeout(30)

    def use(self, gateway, token):
        call(self.page, "connection_use", target={"mode": "direct", "url": gateway.url}, credential={"token": token})
        # The page has its own connection beside the app's.
        until(lambda: len(gateway.shown) >= 2, 30, "the visits")
        until(lambda: call(self.page, "connection_read")["state"] == "ready", 30, "the gateway")

    def test_what_one_gateway_gives_or_is_shown_is_not_shown_to_another(self):  # APP-09
        one, other = (self.enterContext(HostileGateway(name)) for name in ("one", "other"))
        self.use(one, "secret-for-one")
        self.use(other, "secret-for-other")
        of_one, of_other = str(one.shown), str(other.shown)
        self.assertIn("secret-for-one", of_one)
        self.assertIn("secret-for-other", of_other)
        for strange in ("for-one", "of-one", "desktop-test-token"):
            self.assertNotIn(strange, of_other)
        # Back at the first one, its own are known again.
        before = len(one.shown)
        call(self.page, "connection_use", target={"mode": "direct", "url": one.url})
        until(lambda: len(one.shown) > before, 30, "another visit")
        self.assertRegex(str(one.shown[before]), "secret-for-one|token-of-one")
        self.assertNotIn("other", str(one.shown))
        self.assertNotIn("token-of", self.page.page_source)

    def test_what_a_person_wrote_for_one_gateway_is_not_shown_to_another(self):  # APP-09
        one, other = (self.enterContext(HostileGateway(name)) for name in ("one", "other"))
        file = self.desktop.home / ".clawdbot/clawdbot.json"
        config = json.loads(file.read_text())
        config["gateway"]["remote"] = {"transport": "direct", "url": one.url, "token": "secret-for-one"}
        file.write_text(json.dumps(config))
        self.use(other, "secret-for-other")
        self.assertIn("secret-for-other", str(other.shown))
        self.assertNotIn("secret-for-one", str(other.shown))
        self.assertNotIn("secret-for", file.read_text())
        call(self.page, "connection_use", target={"mode": "direct", "url": one.url})
        until(lambda: one.shown, 30, "a visit")
        self.assertEqual(one.shown[0].get("token"), "secret-for-one")

    def test_a_flood_of_events_with_markup_leaves_the_app_in_order(self):  # APP-09
        gateway = self.enterContext(HostileGateway("flood", ABSURD))
        self.use(gateway, "secret")
        until(lambda: "Harmless?" in element(self.page, "transcript").text, 30, "its conversation")
        self.desktop.picture("hostile")
        before = memory(self.desktop)
        gateway.flooding.set()
        until(lambda: gateway.sent > 20_000, 60, "the flood")
        for at in range(5):
            begun = time.monotonic()
            composer = element(self.page, "composer")
            composer.send_keys("%d" % at)
            self.assertIn("%d" % at, composer.get_property("value"))
            self.assertIsNotNone(self.desktop.entry("Quit"))
            self.assertLess(time.monotonic() - begun, 20, "the window hangs")
            goal = gateway.sent + 5_000
            until(lambda: gateway.sent > goal, 60, "more of the flood")
        grown = memory(self.desktop) - before
        gateway.flooding.clear()
        self.assertLess(grown, 300, "MiB more, after %d events" % gateway.sent)
        self.assertIsNone(self.page.execute_script("return document.documentElement.dataset.hurt ?? null"))
        self.assertIsNone(self.desktop.app.poll())

    def test_a_busy_gateway_changes_words_of_the_menu_at_a_pace_and_not_the_menu(self):  # APP-09
        gateway = self.enterContext(Busybody("busy"))
        self.use(gateway, "secret")
        working = lambda: self.desktop.status().startswith("Working: 1 run, tool-")
        gateway.flooding.set()
        until(working, 30, "the first tool in the menu")
        said = self.desktop.root / "bus.log"
        with open(said, "wb") as log:
            self.desktop.run("dbus-monitor", "--session", "type=signal,interface=com.canonical.dbusmenu", stdout=log)
        told = lambda member: said.read_text(errors="replace").count("member=" + member)
        until(lambda: told("ItemsPropertiesUpdated"), 30, "the first change")
        begun, before, sent = time.monotonic(), told("ItemsPropertiesUpdated"), gateway.sent
        until(lambda: gateway.sent > sent + 10_000, 60, "the flood")
        until(lambda: told("ItemsPropertiesUpdated") > before + 3, 60, "changes")
        changes, seconds = told("ItemsPropertiesUpdated") - before, time.monotonic() - begun
        until(working, 30, "a tool in the menu")
        gateway.flooding.clear()
        self.assertLess(changes, 11 * seconds + 11, "in %.1f s" % seconds)
        self.assertEqual(told("LayoutUpdated"), 0, "the menu was made anew")

    def test_a_page_that_reads_nothing_is_given_nothing_more(self):  # APP-09
        gateway = self.enterContext(Firehose("firehose"))
        self.use(gateway, "secret")
        gateway.flooding.set()
        # The page, the tray and the app itself.
        until(lambda: sum(taken > 500 for taken in list(gateway.taken.values())) == 3, 60, "the flood")
        [page] = self.desktop.web_processes()
        os.kill(page, signal.SIGSTOP)
        try:
            before = {peer: taken for peer, taken in gateway.taken.items() if taken > 500}
            since = lambda: sorted((gateway.taken[peer] - was, id(peer), peer) for peer, was in before.items())
            until(lambda: since()[1][0] > 6_000, 90, "what the others take")
            unread, _, stopped = since()[0]
        finally:
            os.kill(page, signal.SIGCONT)
        # What is on the way in sockets and queues, and the room before the page.
        self.assertLess(unread, 1_500)
        goal = gateway.taken[stopped] + 1_000
        until(lambda: gateway.taken[stopped] > goal, 60, "the flood to go on")
        element(self.page, "composer").send_keys("Still here")
        gateway.flooding.clear()

    def test_what_waits_for_a_person_is_limited_and_held_by_its_place(self):  # APP-09
        gateway = self.enterContext(Beggar("beggar"))
        self.use(gateway, "secret")
        gateway.flooding.set()
        until(lambda: gateway.sent > 20_000, 60, "the flood")
        waiting = lambda: [entry["label"] for entry in self.desktop.menu() if "rm -rf" in entry["label"]]
        until(lambda: len(waiting()) == 8, 20, "some of the commands in the menu")
        until(lambda: len(elements(self.page, "approval")) == 64, 30, "as many on the page as a person may read")
        self.assertEqual(len(elements(self.page, "pairing")), 64)
        wide = self.page.execute_script("""
            return [...document.querySelectorAll('[data-testid=approval], [data-testid=pairing]')]
              .filter((card) => card.scrollWidth > card.clientWidth).length""")
        self.assertEqual(wide, 0, "whatever it calls itself, a card holds it")
        seen = self.page.execute_script("""
            const {top, bottom} = document.querySelector('[data-testid=composer]').getBoundingClientRect();
            return top > 0 && bottom <= innerHeight""")
        self.assertTrue(seen, "however much waits, there is room for an answer")
        self.desktop.picture("flood")
        # Everything is in its place again with a gateway that is none of this.
        call(self.page, "connection_use", target={"mode": "local"})
        until(lambda: call(self.page, "connection_read")["state"] == "ready", 40, "the gateway here")
        until(lambda: not waiting() and not elements(self.page, "pairing"), 30, "the end of what waited")


if __name__ == "__main__":
    unittest.main()
