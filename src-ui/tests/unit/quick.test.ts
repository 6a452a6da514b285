import { expect, test } from "vitest";
import { wordsFor } from "../../src/quick/words";

test("the small prompt speaks the chosen language, or else that of the system", () => {
  expect(wordsFor("", "fr-FR")).toMatchObject({ language: "fr", words: { ask: "Demander à Clawdbot" } });
  expect(wordsFor("", "es")).toMatchObject({ language: "es" });
  expect(wordsFor("en", "fr-FR")).toMatchObject({ language: "en" });
  expect(wordsFor("", "de-DE")).toMatchObject({ language: "en" });
});
