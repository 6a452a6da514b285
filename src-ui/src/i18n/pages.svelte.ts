/** Text of the pages that are loaded when they are opened, in the chosen language. */
import { en, type PageCatalogue, type PageKey } from "./pages/en";
import { fill, follow, type Language, type Params } from "./i18n.svelte";

let catalogue = $state.raw<PageCatalogue>(en);

const LOADERS: Record<Language, () => Promise<PageCatalogue>> = {
  en: async () => en,
  fr: async () => (await import("./pages/fr")).fr,
  es: async () => (await import("./pages/es")).es,
};

/** The words of the language of this moment are there. */
export const ready = follow(async (language) => {
  catalogue = await LOADERS[language]();
});

export function p(key: PageKey, params: Params = {}): string {
  return fill(catalogue[key], params);
}
