import { readFileSync } from "node:fs";
import { join } from "node:path";
import { initialChat, reduce, type ChatAction, type ChatState } from "../../src/chat/reduce";
import type { Conversation, Turn } from "../../src/chat/model";
import { parseFrame, type EventFrame } from "../../src/protocol/frames";

export const MAIN = "agent:main:main";

export function fixture(name: string): string {
  return readFileSync(join(import.meta.dirname, "../fixtures", name), "utf8");
}

/** The event frames of a recorded trace, as they came over the wire. */
export function trace(name: string): EventFrame[] {
  return fixture(name)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { dir: string; frame: unknown })
    .filter((entry) => entry.dir === "in")
    .map((entry) => parseFrame(JSON.stringify(entry.frame)))
    .filter((frame): frame is EventFrame => frame?.type === "event");
}

export function frame(event: string, payload: object): EventFrame {
  return { type: "event", event, payload };
}

export function opened(key = MAIN): ChatState {
  return run(initialChat, [{ type: "model", key }]);
}

export function run(state: ChatState, actions: ChatAction[]): ChatState {
  return actions.reduce(reduce, state);
}

export function replay(state: ChatState, frames: EventFrame[], at = 1000): ChatState {
  return run(state, frames.map((one, index): ChatAction => ({ type: "frame", frame: one, at: at + index })));
}

export function sent(runId: string, text = "hello", key = MAIN): ChatAction {
  return { type: "send", key, runId, text, files: [], at: 1000 };
}

export function conversation(state: ChatState, key = MAIN): Conversation {
  const found = state.conversations[key];
  if (!found) throw new Error(`no conversation ${key}`);
  return found;
}

export function turnOf(state: ChatState, runId: string, key = MAIN): Turn {
  const turn = conversation(state, key).turns.find((candidate) => candidate.key === runId);
  if (!turn) throw new Error(`no turn ${runId}`);
  return turn;
}

export function textOf(turn: Turn): string {
  return turn.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
}
