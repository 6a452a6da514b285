/** The language of the app around the page, which alone decides it there: told when the window is made, kept for the other window when it changes. */
import { readText, writeText } from "../state/storage";

const KEPT = "language";

declare global {
  interface Window {
    /** `en`, `fr` or `es`; missing in a browser. */
    __CLAWDBOT_LANGUAGE__?: string;
  }
}

export const keptLanguage = (): string | null => readText(KEPT);
export const keepLanguage = (language: string): void => writeText(KEPT, language);
export const toldLanguage = (): string | null => window.__CLAWDBOT_LANGUAGE__ ?? keptLanguage();
