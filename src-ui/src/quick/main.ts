/** The small prompt on a shortcut: one question to the main conversation, its answer below. */
import "./quick.css";
import { GatewayClient, type Connection } from "../transport/client";
import { Credentials } from "../transport/credentials";
import { NativeTransport } from "../transport/native";
import { FALLBACK_DEFAULTS } from "../protocol/hello";
import { lexer } from "../markdown/lexer";
import { patch } from "../markdown/patch";
import { renderTokens } from "../markdown/render";
import { keptLanguage, toldLanguage } from "../desktop/language";
import { readText, removeKey, writeText } from "../state/storage";
import { Question, type Standing } from "./question";
import { wordsFor } from "./words";

const prompt = document.getElementById("prompt") as HTMLTextAreaElement;
const asked = document.getElementById("question") as HTMLElement;
const answer = document.getElementById("answer") as HTMLElement;
const status = document.getElementById("status") as HTMLElement;

const DRAFT = "quickDraft";

let words = wordsFor("", "").words;
let sessionKey = FALLBACK_DEFAULTS.mainSessionKey;
let ready = false;
let standing: Standing = null;
/** Why the app has no gateway, in its own words. */
let trouble: string | null = null;

const question = new Question((method, params) => client.request(method, params), {
  answer: show,
  standing: (now) => {
    standing = now;
    tell();
  },
  arrived: (message) => {
    if (prompt.value.trim() !== message) return;
    prompt.value = "";
    written();
  },
});

const client = new GatewayClient(new NativeTransport(), new Credentials(undefined), Promise.resolve(null), {
  onConnection,
  onEvent: (frame) => question.onEvent(frame),
  onGap: () => void question.takeUp(),
});

function onConnection(connection: Connection): void {
  ready = connection.phase === "ready";
  trouble = hostTrouble(connection);
  tell();
  if (connection.phase !== "ready") return;
  sessionKey = connection.hello.defaults.mainSessionKey;
  void question.takeUp();
}

function hostTrouble(connection: Connection): string | null {
  const cause = connection.phase === "ready" ? null : connection.cause;
  return cause?.kind === "host-failed" ? (cause.detail.split("\n")[0] ?? null) : null;
}

/** In that language, or else in that of the system, from now on. */
function speak(language: string | null): void {
  const spoken = wordsFor(language ?? "", navigator.language);
  words = spoken.words;
  document.documentElement.lang = spoken.language;
  document.title = words.title;
  prompt.placeholder = words.ask;
  prompt.setAttribute("aria-label", words.ask);
  (document.getElementById("keys") as HTMLElement).textContent = words.keys;
  tell();
}

function tell(): void {
  const now = ready ? standing : trouble ? { reason: trouble } : "connecting";
  status.textContent = now === null ? "" : typeof now === "string" ? words[now] : now.reason;
}

function show(markdown: string): void {
  const atEnd = answer.scrollTop + answer.clientHeight >= answer.scrollHeight - 4;
  answer.hidden = markdown === "";
  patch(answer, renderTokens(lexer(markdown)));
  if (atEnd) answer.scrollTop = answer.scrollHeight;
}

/** As high as what is in it, and kept for the next time: the prompt is put away with one key. */
function written(): void {
  if (prompt.value === "") removeKey(DRAFT);
  else writeText(DRAFT, prompt.value);
  prompt.style.height = "auto";
  prompt.style.height = `${prompt.scrollHeight}px`;
}

function send(): void {
  const message = prompt.value.trim();
  if (!ready) client.retryNow();
  if (message === "" || !ready) return;
  asked.textContent = message;
  void question.ask(sessionKey, message);
}

async function close(): Promise<void> {
  const { invoke } = await import("@tauri-apps/api/core");
  await invoke("window_close");
}

prompt.addEventListener("keydown", (event) => {
  // Some input methods tell of their own Enter by its number only.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  send();
});
prompt.addEventListener("input", written);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) void close();
});
addEventListener("focus", () => {
  prompt.focus();
  client.retryNow();
});
addEventListener("storage", () => speak(keptLanguage()));
answer.hidden = true;
prompt.value = readText(DRAFT) ?? "";
written();
prompt.focus();
speak(toldLanguage());
client.start();
document.documentElement.dataset.ready = "true";
