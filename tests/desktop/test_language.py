"""A language chosen while the app runs."""

import unittest

from selenium.webdriver.support.select import Select

from desktop import Desktop, element, until
from fake_model import Answer, FakeModel

SPOKEN = {
    "es": {"entries": ["Abrir WebChat", "Chats recientes", "Ajustes", "Salir"], "ready": "Listo en",
           "here": "En este equipo", "prompt": "Pregunta rápida a Clawdbot",
           "cannot": "No se puede iniciar: clawdbot.json, línea 1, columna", "mend": "Corrige estos puntos",
           "found": "gateway.port: se esperaba un número entero de 1 a 65535 y hay otro texto"},
    "en": {"entries": ["Open WebChat", "Recent chats", "Settings", "Quit"], "ready": "Ready on",
           "here": "On this computer", "prompt": "Clawdbot quick chat",
           "cannot": "Cannot start: clawdbot.json, line 1, column", "mend": "Mend these places",
           "found": "gateway.port: expected a whole number from 1 to 65535, found another text"},
    "fr": {"entries": ["Ouvrir WebChat", "Conversations récentes", "Réglages", "Quitter"], "ready": "Prête sur",
           "here": "Sur cet ordinateur", "prompt": "Question rapide à Clawdbot",
           "cannot": "Démarrage impossible : clawdbot.json, ligne 1, colonne", "mend": "Corrigez ces endroits",
           "found": "gateway.port : attendu : un nombre entier de 1 à 65535 ; trouvé : un autre texte"},
}


class Language(unittest.TestCase):
    def setUp(self):
        model = self.enterContext(FakeModel(Answer()))
        self.desktop = self.enterContext(Desktop())
        self.desktop.configure(model.url)
        self.shown = self.desktop.root / "dunst.log"
        self.desktop.start_dunst(self.shown)
        self.desktop.start("--hidden")
        self.desktop.wait_ready()

    def choose(self, language):
        if not self.page.find_elements("css selector", "[data-testid=settings-language]"):
            element(self.page, "settings-button", 15).click()
            element(self.page, "settings-general", 15).click()
        Select(element(self.page, "settings-language", 15)).select_by_value(language)

    def test_is_that_of_tray_notifications_and_prompt_at_once(self):
        desktop = self.desktop
        self.page = desktop.open_page()
        for language, words in SPOKEN.items():
            with self.subTest(language=language):
                self.choose(language)
                for label in words["entries"]:
                    desktop.wait_entry(label)
                until(lambda: words["ready"] in desktop.item()["ToolTip"][1], 15, "the tooltip")
                self.assertTrue(desktop.status().startswith(words["ready"]), desktop.status())
                self.assertEqual(desktop.menu()[1]["label"], words["here"])
                # The prompt is open as well; if not, the shortcut was not yet listened to.
                def prompt():
                    if not any(desktop.windows(spoken["prompt"]) for spoken in SPOKEN.values()):
                        desktop.output("xdotool", "key", "ctrl+shift+k")
                    return desktop.windows(words["prompt"])
                until(prompt, 20, "the title of the prompt")
                desktop.picture("language-" + language)
        # Nobody is looking any more, so what waits is told.
        desktop.leave(self.page)
        for window in [*desktop.windows(words["prompt"]), *desktop.windows()]:
            desktop.output("wmctrl", "-i", "-c", window)
        until(lambda: not desktop.window_process(), 30, "the end of the windows")
        asking = desktop.ask_to_run("true")
        until(lambda: "Clawdbot peut-il exécuter cette commande ?" in self.shown.read_text(errors="replace"), 20,
              "the notification")
        desktop.answer_notification("Refuser")
        self.assertIn('"decision": "deny"', asking.communicate(timeout=15)[0])

    def test_is_that_of_the_settings_file_in_every_window_from_its_first_word(self):
        desktop = self.desktop
        desktop.click("Quit")
        self.assertEqual(desktop.app.wait(30), 0)
        # As after moving to another computer: the web view remembers nothing.
        desktop.write_settings({"firstRunDone": True, "language": "fr"})
        desktop.start("--hidden")
        desktop.wait_entry(SPOKEN["fr"]["entries"][0], timeout=20)

        def prompt(words):
            if not desktop.windows(words["prompt"]):
                desktop.output("xdotool", "key", "ctrl+shift+k")
            return desktop.windows(words["prompt"])

        for window in until(lambda: prompt(SPOKEN["fr"]), 30, "the prompt in French"):
            desktop.output("wmctrl", "-i", "-c", window)
        until(lambda: not desktop.window_process(), 30, "the end of the prompt")
        desktop.click(SPOKEN["fr"]["entries"][0])
        self.page = desktop.page_when_open()
        spoken = lambda: self.page.execute_script("return document.documentElement.lang")
        self.assertEqual(element(self.page, "composer", 15) and spoken(), "fr")
        self.choose("auto")
        until(lambda: spoken() == "en", 15, "the language of the desktop")
        until(lambda: prompt(SPOKEN["en"]), 30, "the prompt in English")
        # Written by hand while everything is open.
        desktop.write_settings(desktop.settings() | {"language": "es"})
        until(lambda: spoken() == "es", 30, "the page in Spanish")
        desktop.wait_entry(SPOKEN["es"]["entries"][0], timeout=20)
        self.assertEqual(element(self.page, "settings-language").get_attribute("value"), "es")
        until(lambda: desktop.windows(SPOKEN["es"]["prompt"]), 20, "the prompt in Spanish")
        desktop.picture("language-by-hand")

    def test_is_that_of_a_failure_told_before(self):
        desktop = self.desktop
        self.page = desktop.open_page()
        element(self.page, "composer", 15)
        desktop.write_config('{ gateway: { port: "not a number" } }')
        desktop.click("Restart gateway")
        until(lambda: desktop.status().startswith(SPOKEN["en"]["cannot"]), 15, "the failure")
        for language, words in SPOKEN.items():
            with self.subTest(language=language):
                self.choose(language)
                until(lambda: desktop.status().startswith(words["cannot"]), 15, words["cannot"])
                element(self.page, "settings-connection").click()
                until(lambda: words["mend"] in element(self.page, "connection-state").text, 15, "the remedy")
                self.assertIn(words["found"], element(self.page, "connection-state").text)
                desktop.picture("failure-" + language)
                element(self.page, "settings-general").click()
        desktop.click("Diagnostic")
        until(lambda: words["mend"] in element(self.page, "diagnostics-fix").text, 15, "the fix in the diagnostics")
        desktop.picture("failure-diagnostics")


if __name__ == "__main__":
    unittest.main()
