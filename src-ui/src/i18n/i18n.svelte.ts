/** Text in the chosen language. English is built in; the others are loaded when chosen. */
import { en, type Catalogue, type MessageKey } from "./en";

export const LANGUAGES = ["en", "fr", "es"] as const;
export type Language = (typeof LANGUAGES)[number];
export const LANGUAGE_NAMES: Record<Language, string> = { en: "English", fr: "Français", es: "Español" };

export type Params = Record<string, string | number>;
/** `turn.x.one` and `turn.x.other` are reached as the counted message `turn.x`. */
export type CountedKey = MessageKey extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

let catalogue = $state.raw<Catalogue>(en);
let language = $state<Language>("en");

const LOADERS: Record<Exclude<Language, "en">, () => Promise<Catalogue>> = {
  fr: async () => (await import("./fr")).fr,
  es: async () => (await import("./es")).es,
};

export function browserLanguage(preferred: readonly string[] = navigator.languages): Language {
  for (const tag of preferred) {
    const base = tag.slice(0, 2).toLowerCase();
    const known = LANGUAGES.find((candidate) => candidate === base);
    if (known) return known;
  }
  return "en";
}

const followers: ((language: Language) => Promise<void>)[] = [];

/** Joins words that are loaded later: called now and at each change, before anything is drawn in the new language. */
export function follow(use: (language: Language) => Promise<void>): Promise<void> {
  followers.push(use);
  return use(language);
}

let wanted: Language = "en";

/** The last one that was asked for wins, however long its words take to come. */
export async function useLanguage(next: Language): Promise<void> {
  wanted = next;
  const words = next === "en" ? en : await LOADERS[next]();
  await Promise.all(followers.map((use) => use(next)));
  if (wanted !== next) return;
  catalogue = words;
  language = next;
  document.documentElement.lang = next;
}

/** The browser's own region when it speaks the chosen language, so that dates look as they do elsewhere. */
const locale = $derived(navigator.languages.find((tag) => tag.slice(0, 2).toLowerCase() === language) ?? language);

const made = new Map<string, unknown>();

/** Making one of these takes a thousand times as long as using it, and memory that is slow to come back. */
function kept<Format>(Kind: new (locale: string, options?: object) => Format, options?: object): Format {
  const name = `${Kind.name} ${locale} ${JSON.stringify(options)}`;
  if (!made.has(name)) made.set(name, new Kind(locale, options));
  return made.get(name) as Format;
}

export function fill(message: string, params: Params): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

export function t(key: MessageKey, params: Params = {}): string {
  return fill(catalogue[key], params);
}

/** A message that depends on a count, in the plural form of the language. */
export function tn(key: CountedKey, n: number, params: Params = {}): string {
  const form = kept(Intl.PluralRules).select(n) === "one" ? "one" : "other";
  return fill(catalogue[`${key}.${form}` as MessageKey], { n: formatNumber(n), ...params });
}

export function formatNumber(value: number, options?: Intl.NumberFormatOptions): string {
  return kept(Intl.NumberFormat, options).format(value);
}

/** 1.2k, 15k: token counts. */
export function formatCompact(value: number): string {
  return formatNumber(value, { notation: "compact", maximumFractionDigits: 1 });
}

export function formatPercent(value: number): string {
  return formatNumber(value, { style: "percent" });
}

const SIZE_UNITS: Record<Language, string[]> = {
  en: ["B", "kB", "MB", "GB"],
  es: ["B", "kB", "MB", "GB"],
  fr: ["o", "ko", "Mo", "Go"],
};

export function formatSize(bytes: number): string {
  const units = SIZE_UNITS[language];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 1 && value < 10 ? 1 : 0;
  return `${formatNumber(value, { maximumFractionDigits: digits })}\u00a0${units[unit] ?? ""}`;
}

export function formatTime(at: number): string {
  return kept(Intl.DateTimeFormat, { hour: "2-digit", minute: "2-digit" }).format(at);
}

export function formatDay(at: number): string {
  return kept(Intl.DateTimeFormat, { weekday: "long", day: "numeric", month: "long" }).format(at);
}

export function formatWeekday(at: number): string {
  return kept(Intl.DateTimeFormat, { weekday: "short" }).format(at);
}

export function formatDate(at: number): string {
  return kept(Intl.DateTimeFormat, { day: "numeric", month: "short" }).format(at);
}

export function formatExact(at: number): string {
  return kept(Intl.DateTimeFormat, { dateStyle: "full", timeStyle: "medium" }).format(at);
}

/** 0.4 s, 12 s, 2 min. */
export function formatDuration(ms: number): string {
  const unit = (value: number, name: string, digits: number) =>
    formatNumber(value, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
  if (ms < 1000) return unit(Math.max(0, Math.round(ms)), "millisecond", 0);
  if (ms < 10_000) return unit(ms / 1000, "second", 1);
  if (ms < 90_000) return unit(Math.round(ms / 1000), "second", 0);
  if (ms < 5_400_000) return unit(Math.round(ms / 60_000), "minute", 0);
  if (ms < 172_800_000) return unit(Math.round(ms / 3_600_000), "hour", 0);
  return unit(Math.round(ms / 86_400_000), "day", 0);
}
