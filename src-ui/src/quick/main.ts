/** The small prompt on a shortcut: one question to the main conversation, its answer below. */
import "./quick.css";
import { GatewayClient, type Connection } from "../transport/client";
import { Credentials } from "../transport/credentials";
import { NativeTransport } from "../transport/native";
import { isObject, text, type EventFrame } from "../protocol/frames";
import { uuid } from "../protocol/uuid";
import { FALLBACK_DEFAULTS } from "../protocol/hello";
import { contentText, visibleReply } from "../chat/visible";
import { lexer } from "../markdown/lexer";
import { renderTokens } from "../markdown/render";
import { RequestError } from "../transport/errors";
import { wordsFor } from "./words";

const prompt = document.getElementById("prompt") as HTMLTextAreaElement;
const question = document.getElementById("question") as HTMLElement;
const answer = document.getElementById("answer") as HTMLElement;
const status = document.getElementById("status") as HTMLElement;
const { language, words } = wordsFor(document.documentElement.lang, navigator.language);
document.documentElement.lang = language;

let sessionKey = FALLBACK_DEFAULTS.mainSessionKey;
let ready = false;
/** The run whose answer is shown. */
let shown: string | null = null;
/** What may have arrived although its sending failed: sent again under the same key, it runs once. */
let unsure: { message: string; key: string } | null = null;

prompt.placeholder = words.ask;
prompt.setAttribute("aria-label", words.ask);
(document.getElementById("keys") as HTMLElement).textContent = words.keys;
answer.hidden = true;

const client = new GatewayClient(new NativeTransport(), new Credentials(undefined), Promise.resolve(null), {
  onConnection,
  onEvent,
  onGap: () => {},
});

function onConnection(connection: Connection): void {
  ready = connection.phase === "ready";
  if (connection.phase === "ready") sessionKey = connection.hello.defaults.mainSessionKey;
  status.textContent = ready ? "" : words.connecting;
}

function onEvent({ event, payload }: EventFrame): void {
  if (event !== "chat" || !isObject(payload) || shown === null || payload.runId !== shown) return;
  const message = isObject(payload.message) ? visibleReply(contentText(payload.message.content)) : "";
  if (message !== "") show(message);
  const state = text(payload.state);
  if (state === "error") status.textContent = text(payload.errorMessage) ?? words.failed;
  else if (state === "aborted") status.textContent = words.stopped;
  else status.textContent = state === "final" ? "" : words.working;
  if (state !== "delta") shown = null;
}

function show(message: string): void {
  const atEnd = answer.scrollTop + answer.clientHeight >= answer.scrollHeight - 4;
  answer.hidden = false;
  // Sanitised in markdown/render.ts.
  answer.innerHTML = renderTokens(lexer(message));
  for (const button of answer.querySelectorAll("button")) button.remove();
  if (atEnd) answer.scrollTop = answer.scrollHeight;
}

async function send(): Promise<void> {
  const message = prompt.value.trim();
  if (message === "") return;
  if (!ready) {
    status.textContent = words.connecting;
    return;
  }
  const idempotencyKey = unsure?.message === message ? unsure.key : uuid();
  unsure = { message, key: idempotencyKey };
  shown = idempotencyKey;
  answer.hidden = true;
  answer.textContent = "";
  question.textContent = message;
  status.textContent = words.working;
  try {
    await client.request("chat.send", { sessionKey, message, idempotencyKey });
    unsure = null;
    if (prompt.value.trim() === message) prompt.value = "";
  } catch (error) {
    // What was typed stays, to be sent again.
    shown = null;
    status.textContent = error instanceof RequestError ? error.message : words.failed;
  }
}

async function close(): Promise<void> {
  const { invoke } = await import("@tauri-apps/api/core");
  await invoke("window_close");
}

prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void send();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) void close();
});
addEventListener("focus", () => prompt.focus());
prompt.focus();
client.start();
document.documentElement.dataset.ready = "true";
