/** The few words of the small prompt. */
export interface QuickWords {
  /** Of the window. */
  title: string;
  ask: string;
  keys: string;
  connecting: string;
  working: string;
  stopped: string;
  failed: string;
}

const EN: QuickWords = {
  title: "Clawdbot quick chat",
  ask: "Ask Clawdbot",
  keys: "Enter sends · Esc closes",
  connecting: "Connecting to the gateway…",
  working: "Working…",
  stopped: "Stopped.",
  failed: "No answer came. Press Enter to try again, or open WebChat to see why.",
};

const FR: QuickWords = {
  title: "Question rapide à Clawdbot",
  ask: "Demander à Clawdbot",
  keys: "Entrée envoie · Échap ferme",
  connecting: "Connexion à la passerelle…",
  working: "En cours…",
  stopped: "Arrêté.",
  failed: "Aucune réponse n’est arrivée. Appuyez sur Entrée pour réessayer, ou ouvrez WebChat pour savoir pourquoi.",
};

const ES: QuickWords = {
  title: "Pregunta rápida a Clawdbot",
  ask: "Preguntar a Clawdbot",
  keys: "Intro envía · Esc cierra",
  connecting: "Conectando con el gateway…",
  working: "Trabajando…",
  stopped: "Detenido.",
  failed: "No llegó ninguna respuesta. Pulsa Intro para intentarlo otra vez, o abre WebChat para ver por qué.",
};

const LANGUAGES: Record<string, QuickWords> = { en: EN, fr: FR, es: ES };

/** The words for the language of the app, or else for that of the system, and which language it became. */
export function wordsFor(chosen: string, system: string): { language: string; words: QuickWords } {
  const language = (chosen || system).slice(0, 2).toLowerCase();
  const words = LANGUAGES[language];
  return words ? { language, words } : { language: "en", words: EN };
}
