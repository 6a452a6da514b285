"""Settings, first run and diagnostics in the real window."""

import json
import unittest
import zipfile
from pathlib import Path

from desktop import Desktop, element, elements, until
from fake_model import FakeModel


class Pages(unittest.TestCase):
    def started(self, tailscale=None, **options):
        self.desktop = self.enterContext(Desktop())
        model = self.enterContext(FakeModel())
        self.desktop.configure(model.url)
        # The file manager is asked for folders only.
        self.desktop.program("xdg-open", 'printf "%%s\\n" "$1" >> "%s"\n' % (self.desktop.root / "opened"))
        if tailscale:
            self.desktop.program("tailscale", tailscale)
        self.desktop.start("--hidden", **options)
        self.desktop.wait_ready()
        self.page = self.desktop.open_page()
        element(self.page, "composer")

    def press(self, name):
        element(self.page, name).click()

    def section(self, name):
        self.press("settings-button")
        self.press("settings-" + name)

    def test_a_switch_changes_the_file_and_the_login_entry_the_desktop(self):
        self.started()
        self.section("notifications")
        self.press("notify-approvals")
        until(lambda: self.desktop.settings().get("notifications", {}).get("approvals") is False, 5, "the file")
        self.press("settings-general")
        self.press("settings-autostart")
        entry = self.desktop.home / ".config/autostart/Clawdbot.desktop"
        until(entry.exists, 5, "the login entry")
        until(lambda: element(self.page, "settings-autostart").is_selected(), 5, "the tick in the page")
        # And the other way round: the tray changes what the page shows.
        self.desktop.click("Start at login")
        until(lambda: not element(self.page, "settings-autostart").is_selected(), 5, "the tick is gone")
        mode = (self.desktop.home / ".clawdbot/desktop.json").stat().st_mode
        self.assertEqual(mode & 0o777, 0o600)
        self.desktop.picture("settings-window")

    def test_the_first_run_is_shown_once(self):
        self.started(first_run=True)
        element(self.page, "first-run")
        until(lambda: "fter" in element(self.page, "probe-result").text, 10, "the model's answer")
        self.desktop.picture("first-run-window")
        step = lambda: [run.get_attribute("data-step") for run in elements(self.page, "first-run")]
        while before := step():
            self.press("first-run-next")
            until(lambda: step() != before, 5, "the step after %s" % before)
        until(lambda: self.desktop.settings().get("firstRunDone"), 15, "the file")
        self.desktop.leave(self.page)
        self.desktop.close_window()
        self.page = self.desktop.open_page()
        element(self.page, "composer")
        self.section("advanced")
        self.assertEqual(elements(self.page, "first-run"), [])

    def test_diagnostics_measure_the_chain_and_save_a_bundle_without_secrets(self):  # LOC-02
        self.started()
        self.section("advanced")
        self.press("open-diagnostics")
        state = "return document.querySelector('[data-link=%s]').dataset.state"
        for link in ("window", "app", "gateway", "model"):
            until(lambda: self.page.execute_script(state % link) == "ok", 10, "the link " + link)
        until(lambda: "ready" in element(self.page, "log").text, 5, "the log")
        self.desktop.picture("diagnostics-window")
        self.press("diagnostics-bundle")
        path = Path(element(self.page, "bundle-path").text.removeprefix("Saved as "))
        until((self.desktop.root / "opened").exists, 5, "the file manager")
        self.assertEqual((self.desktop.root / "opened").read_text().strip(), str(path.parent))
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        with zipfile.ZipFile(path) as bundle:
            texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
        self.assertEqual(set(texts), {"about.json", "clawdbot.json", "gateway.log"})
        for name, text in texts.items():
            self.assertNotIn("desktop-test-token", text, name)
            self.assertNotIn("test-key", text, name)
        self.assertIn("ready", texts["gateway.log"])
        self.assertEqual(json.loads(texts["about.json"])["chain"][3]["state"], "ok")
        self.assertNotIn('{"', element(self.page, "log").text)

    def test_funnel_without_a_password_says_what_is_missing_and_changes_nothing(self):  # PRX-07
        self.started(tailscale='echo "{}"\n')
        before = (self.desktop.home / ".clawdbot/clawdbot.json").read_text()
        self.section("tailscale")
        self.press("tailscale-funnel")
        until(lambda: "password" in element(self.page, "tailscale-problem").text, 15, "what is missing")
        until(lambda: element(self.page, "tailscale-off").is_selected(), 15, "the mark is back")
        self.assertNotIn("last-good", element(self.page, "settings-page").text)
        self.assertEqual((self.desktop.home / ".clawdbot/clawdbot.json").read_text(), before)
        self.desktop.picture("funnel-refused")

    def test_a_repaired_configuration_is_found_from_the_banner_and_the_settings_name_their_file(self):
        desktop = self.enterContext(Desktop())
        desktop.configure(self.enterContext(FakeModel()).url)
        config = desktop.home / ".clawdbot/clawdbot.json"
        sound = config.read_text()
        desktop.write_config("{ broken")
        desktop.start("--no-tray", wait=False)
        self.page = desktop.page_when_open()
        banner = element(self.page, "readonly-banner", 20)
        until(lambda: "clawdbot.json" in banner.text, 20, "what is wrong")
        self.assertNotIn("in 0 s", banner.text)
        self.section("advanced")
        self.assertEqual(element(self.page, "config-path").text, str(config))
        self.page.find_element("css selector", "dialog .ib").click()
        desktop.write_config(sound)
        banner.find_element("tag name", "button").click()
        until(lambda: not elements(self.page, "readonly-banner"), 20, "the gateway")


if __name__ == "__main__":
    unittest.main()
