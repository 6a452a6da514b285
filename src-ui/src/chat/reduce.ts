/** `(state, action) -> state` for conversations. No DOM, no timers, no clock: the time comes with the action. */
import { isObject, text, type EventFrame, type Json } from "../protocol/frames";
import { canonicalKey, FALLBACK_DEFAULTS, type SessionDefaults } from "../protocol/hello";
import { applyHistory, prependHistory, type HistoryPage } from "./history";
import { activeRun, emptyConversation, freshRun, isActive, type Conversation, type NotePart, type Part, type Run, type RunState, type SentFile, type Turn } from "./model";
import { closeOpen, settleTools } from "./parts";
import { reduceAgent, reduceChat } from "./run";
import { rowToTurnUpdate } from "./live-row";

export interface ChatState {
  defaults: SessionDefaults;
  conversations: Readonly<Record<string, Conversation>>;
}

export type ChatAction =
  | { type: "frame"; frame: EventFrame; at: number }
  | { type: "defaults"; defaults: SessionDefaults }
  | { type: "history"; key: string; page: HistoryPage; at: number }
  | { type: "older"; key: string; page: HistoryPage }
  | { type: "send"; key: string; runId: string; text: string; files: SentFile[]; at: number }
  | { type: "accepted"; key: string; runId: string; running: boolean; at: number }
  | { type: "send-failed"; key: string; runId: string; reason: string; confirmed: boolean; at: number }
  | { type: "resend"; key: string; runId: string; at: number }
  | { type: "discard"; key: string; turn: string }
  | { type: "rewound"; key: string; turn: string }
  | { type: "stopping"; key: string }
  | { type: "settled"; key: string; runId: string; state: RunState; at: number }
  | { type: "note"; key: string; id: string; note: NotePart }
  | { type: "model"; key: string; model?: string; modelProvider?: string }
  | { type: "cleared"; key: string }
  | { type: "forget"; key: string };

/** Reasons of `sessions.changed` after which the history is another one. */
export const REWRITTEN = ["reset", "rewind", "branch", "compact"];

export const initialChat: ChatState = { defaults: FALLBACK_DEFAULTS, conversations: {} };

export function reduce(state: ChatState, action: ChatAction): ChatState {
  if (action.type === "defaults") return { ...state, defaults: action.defaults };
  if (action.type === "frame") return reduceFrame(state, action.frame, action.at);
  if (action.type === "forget") {
    const { [action.key]: _gone, ...conversations } = state.conversations;
    return { ...state, conversations };
  }
  return update(state, action.key, (conversation) => reduceLocal(conversation, action));
}

function update(state: ChatState, key: string, change: (conversation: Conversation) => Conversation): ChatState {
  const before = state.conversations[key] ?? emptyConversation(key);
  const after = change(before);
  if (after === before) return state;
  return { ...state, conversations: { ...state.conversations, [key]: after } };
}

function reduceFrame(state: ChatState, frame: EventFrame, at: number): ChatState {
  const payload = isObject(frame.payload) ? frame.payload : null;
  const rawKey = payload && text(payload.sessionKey);
  if (!payload || !rawKey) return state;
  const key = canonicalKey(rawKey, state.defaults);
  // A conversation nobody opened is read from history when it is opened.
  if (!state.conversations[key]) return state;
  switch (frame.event) {
    case "chat":
      return update(state, key, (conversation) => onRun(conversation, payload, at, reduceChat));
    case "agent":
      return update(state, key, (conversation) => onRun(conversation, payload, at, reduceAgent));
    case "session.message":
      return update(state, key, (conversation) => rowToTurnUpdate(conversation, payload.message, at));
    case "sessions.changed":
      if (payload.reason === "reset") return update(state, key, cleared);
      return REWRITTEN.includes(String(payload.reason)) ? update(state, key, leftToHistory) : state;
    default:
      return state;
  }
}

type RunReducer = (turn: Turn, run: Run, payload: Json, at: number) => Turn;

function onRun(conversation: Conversation, payload: Json, at: number, reducer: RunReducer): Conversation {
  const runId = text(payload.runId);
  if (!runId) return conversation;
  const found = conversation.turns.findLastIndex((turn) => turn.run?.id === runId || turn.key === runId);
  const index = found >= 0 ? found : injectedInto(conversation, runId);
  const before = index >= 0 ? conversation.turns[index] : undefined;
  if (!before && !opensTurn(payload)) return conversation;
  const turn = before ?? { key: runId, user: null, parts: [], run: null, local: false };
  const run = turn.run?.id === runId ? turn.run : freshRun(runId, at);
  const after = reducer(turn, run, payload, at);
  if (after === turn) return conversation;
  const turns = conversation.turns.slice();
  if (before) turns[index] = after;
  else turns.push(after);
  return { ...conversation, turns };
}

/** Late lifecycle chatter of a run this page never showed must not open an empty turn. */
function opensTurn(payload: Json): boolean {
  if (payload.state !== undefined) return true;
  const data = isObject(payload.data) ? payload.data : {};
  return payload.stream === "tool" || (payload.stream === "lifecycle" && data.phase === "start");
}

/** `chat.inject` writes below the last answer instead of starting a turn. */
function injectedInto(conversation: Conversation, runId: string): number {
  const last = conversation.turns.length - 1;
  const turn = conversation.turns[last];
  return runId.startsWith("inject-") && turn && !turn.local && !isActive(turn.run) ? last : -1;
}

type LocalAction = Exclude<ChatAction, { type: "frame" | "defaults" | "forget" }>;

function reduceLocal(conversation: Conversation, action: LocalAction): Conversation {
  switch (action.type) {
    case "history":
      return applyHistory(conversation, action.page, action.at);
    case "older":
      return prependHistory(conversation, action.page);
    case "send":
      return { ...conversation, turns: [...conversation.turns, sentTurn(action)] };
    case "accepted":
      return onTurn(conversation, action.runId, (turn) => accept(turn, action.running, action.at));
    case "send-failed":
      return onTurn(conversation, action.runId, (turn) => failSend(turn, action.reason, action.confirmed));
    case "resend":
      return onTurn(conversation, action.runId, (turn) => resend(turn, action.at));
    case "discard":
      return { ...conversation, turns: conversation.turns.filter((turn) => turn.key !== action.turn) };
    case "rewound":
      return { ...conversation, turns: conversation.turns.slice(0, conversation.turns.findIndex((turn) => turn.key === action.turn)) };
    case "stopping":
      return markStopping(conversation);
    case "settled":
      return onTurn(conversation, action.runId, (turn) => settle(turn, action.state, action.at));
    case "note":
      return { ...conversation, turns: [...conversation.turns, noteTurn(action.id, action.note)] };
    case "model":
      return { ...conversation, model: action.model, modelProvider: action.modelProvider };
    case "cleared":
      return cleared(conversation);
  }
}

/** Somebody went back, chose another branch or shortened it: only history knows which ended turns are left. */
function leftToHistory(conversation: Conversation): Conversation {
  const turns = conversation.turns.map((turn) => (turn.run && !isActive(turn.run) ? { ...turn, run: { ...turn.run, chatSeq: -1 } } : turn));
  return { ...conversation, turns };
}

/** Started over; what the gateway has not accepted yet is still the person's to send. */
function cleared(conversation: Conversation): Conversation {
  const turns = conversation.turns.filter((turn) => turn.user && turn.user.delivery !== "accepted");
  return { ...emptyConversation(conversation.key), turns, loaded: "yes", model: conversation.model, modelProvider: conversation.modelProvider };
}

function onTurn(conversation: Conversation, runId: string, change: (turn: Turn) => Turn): Conversation {
  const index = conversation.turns.findLastIndex((turn) => turn.run?.id === runId || turn.key === runId);
  const before = conversation.turns[index];
  if (!before) return conversation;
  const after = change(before);
  if (after === before) return conversation;
  const turns = conversation.turns.slice();
  turns[index] = after;
  return { ...conversation, turns };
}

function sentTurn(action: { runId: string; text: string; files: SentFile[]; at: number }): Turn {
  return {
    key: action.runId,
    user: { text: action.text, at: action.at, media: [], files: action.files, delivery: "sending" },
    parts: [],
    run: freshRun(action.runId, action.at),
    local: false,
  };
}

function accept(turn: Turn, running: boolean, at: number): Turn {
  const user = turn.user && { ...turn.user, delivery: "accepted" as const, failure: undefined };
  const accepted = { ...turn, user };
  // A command the gateway answered without a run leaves nothing to wait for.
  return running || turn.parts.length > 0 ? accepted : settle(accepted, "done", at);
}

function failSend(turn: Turn, reason: string, confirmed: boolean): Turn {
  if (!turn.user || turn.user.delivery === "accepted" || turn.parts.length > 0) return turn;
  const delivery = confirmed ? "failed" : "unconfirmed";
  return { ...turn, user: { ...turn.user, delivery, failure: reason }, run: null };
}

function resend(turn: Turn, at: number): Turn {
  if (!turn.user) return turn;
  return { ...turn, user: { ...turn.user, delivery: "sending", failure: undefined }, run: freshRun(turn.key, at) };
}

function markStopping(conversation: Conversation): Conversation {
  const run = activeRun(conversation);
  if (!run) return conversation;
  return onTurn(conversation, run.id, (turn) => ({ ...turn, run: { ...run, state: "stopping" } }));
}

/** Ends a run once; whatever arrives for it later is ignored. */
export function settle(turn: Turn, state: RunState, at: number): Turn {
  if (!turn.run || !isActive(turn.run)) return turn;
  const parts: Part[] = settleTools(closeOpen(turn.parts, at), at);
  return { ...turn, parts, run: { ...turn.run, state, endedAt: at, phase: undefined } };
}

function noteTurn(id: string, note: NotePart): Turn {
  return { key: id, user: null, parts: [note], run: null, local: true };
}
