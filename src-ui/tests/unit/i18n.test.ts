import { describe, expect, it } from "vitest";
import { en } from "../../src/i18n/en";
import { es } from "../../src/i18n/es";
import { fr } from "../../src/i18n/fr";
import { en as pagesEn } from "../../src/i18n/pages/en";
import { es as pagesEs } from "../../src/i18n/pages/es";
import { fr as pagesFr } from "../../src/i18n/pages/fr";
import { p } from "../../src/i18n/pages.svelte";
import { browserLanguage, formatDuration, formatSize, t, tn, useLanguage } from "../../src/i18n/i18n.svelte";

const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort();

const CATALOGUES: [string, Record<string, string>, Record<string, string>][] = [
  ["fr", en, fr],
  ["es", en, es],
  ["fr pages", pagesEn, pagesFr],
  ["es pages", pagesEn, pagesEs],
];

describe.each(CATALOGUES)("%s", (_name, english, catalogue) => {
  it("has the keys of English and no others", () => {
    expect(Object.keys(catalogue).sort()).toEqual(Object.keys(english).sort());
  });

  it("keeps the placeholders", () => {
    const changed = Object.entries(english).filter(([key, source]) => holes(catalogue[key] ?? "").join() !== holes(source).join());
    expect(changed).toEqual([]);
  });

  it("leaves no English sentence behind", () => {
    const same = Object.entries(english).filter(([key, value]) => value.replace(/\{\w+\}/g, "").length > 14 && catalogue[key] === value);
    expect(same).toEqual([]);
  });
});

describe("French typography", () => {
  it("puts a space before double punctuation, where no line ends", () => {
    const wrong = Object.entries({ ...fr, ...pagesFr }).filter(([key, value]) => !key.includes(".do") && /[^\s{}/][!?;]|[a-zéà}]:(?=\s|$)| [!?;:»]|« /.test(value));
    expect(wrong).toEqual([]);
  });
});

describe("choosing a language", () => {
  it("takes the first language of the browser that exists here", () => {
    expect(browserLanguage(["de-DE", "es-MX", "fr"])).toBe("es");
    expect(browserLanguage(["de"])).toBe("en");
  });

  it("fills, counts and formats in that language", async () => {
    await useLanguage("fr");
    expect(document.documentElement.lang).toBe("fr");
    expect(t("turn.you", { time: "14:02" })).toBe("Vous, 14:02");
    expect(tn("code.lines", 1)).toBe("1 ligne");
    expect(tn("code.lines", 3)).toBe("3 lignes");
    expect(formatSize(2_100_000)).toBe("2,1\u00a0Mo");
    expect(p("settings.theme")).toBe("Thème");
    await useLanguage("en");
    expect(tn("code.lines", 1)).toBe("1 line");
    expect(formatSize(70)).toBe("70\u00a0B");
    expect(formatDuration(400)).toContain("400");
  });

  it("shows a missing value as its name rather than failing", () => {
    expect(t("turn.you")).toBe("You, {time}");
  });
});
