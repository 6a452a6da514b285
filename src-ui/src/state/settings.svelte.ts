/** What a person can set, kept in this browser. The language of the desktop app is the app's. */
import { keepLanguage, toldLanguage } from "../desktop/language";
import { isObject } from "../protocol/frames";
import { browserLanguage, LANGUAGES, useLanguage, type Language } from "../i18n/i18n.svelte";
import { readJson, writeJson } from "./storage";

export const THEMES = ["system", "light", "dark"] as const;
export const SEND_KEYS = ["enter", "mod"] as const;
export const THINKING = ["hidden", "folded", "open"] as const;
export const ANNOUNCE = ["full", "short", "off"] as const;

export interface SettingsData {
  theme: (typeof THEMES)[number];
  contrast: "normal" | "more";
  language: Language | "auto";
  sendKey: (typeof SEND_KEYS)[number];
  thinking: (typeof THINKING)[number];
  announce: (typeof ANNOUNCE)[number];
}

const DEFAULTS: SettingsData = {
  theme: "system",
  contrast: "normal",
  language: "auto",
  sendKey: "enter",
  thinking: "folded",
  announce: "short",
};

const ALLOWED: { [K in keyof SettingsData]: readonly SettingsData[K][] } = {
  theme: THEMES,
  contrast: ["normal", "more"],
  language: ["auto", ...LANGUAGES],
  sendKey: SEND_KEYS,
  thinking: THINKING,
  announce: ANNOUNCE,
};

/** Anything unknown in storage falls back to its default. */
export function readSettings(saved: unknown): SettingsData {
  const source = isObject(saved) ? saved : {};
  const pick = <K extends keyof SettingsData>(key: K): SettingsData[K] =>
    ALLOWED[key].find((allowed) => allowed === source[key]) ?? DEFAULTS[key];
  return {
    theme: pick("theme"),
    contrast: pick("contrast"),
    language: pick("language"),
    sendKey: pick("sendKey"),
    thinking: pick("thinking"),
    announce: pick("announce"),
  };
}

export const settings = $state(readSettings(readJson("settings")));

const systemDark = window.matchMedia?.("(prefers-color-scheme: dark)");

function applyTheme(): void {
  const dark = settings.theme === "dark" || (settings.theme === "system" && systemDark?.matches === true);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  document.documentElement.dataset.contrast = settings.contrast;
}

const known = (language: unknown) => LANGUAGES.find((one) => one === language);

let appLanguage = known(toldLanguage());

const chosenLanguage = (): Language => appLanguage ?? (settings.language === "auto" ? browserLanguage() : settings.language);

/** What the app says: which language was chosen there, if any, and which one it speaks. */
export function followApp(chosen: string | null, spoken: string): void {
  const language = known(chosen) ?? "auto";
  if (language === settings.language && spoken === appLanguage) return;
  appLanguage = known(spoken);
  keepLanguage(spoken);
  changeSettings({ language });
}

/** Applies the settings now and whenever this window, another window or the system changes them. */
export async function startSettings(): Promise<void> {
  systemDark?.addEventListener("change", applyTheme);
  window.addEventListener("storage", (event) => {
    if (event.key !== "webchat:settings") return;
    Object.assign(settings, readSettings(readJson("settings")));
    void applySettings();
  });
  await applySettings();
}

async function applySettings(): Promise<void> {
  applyTheme();
  await useLanguage(chosenLanguage());
}

export function changeSettings(change: Partial<SettingsData>): void {
  Object.assign(settings, change);
  writeJson("settings", settings);
  void applySettings();
}
