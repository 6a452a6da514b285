/** Brings history pages and what this page already shows together, without changing keys on screen. */
import { isObject, list, number, text } from "../protocol/frames";
import { freshRun, isActive, type Conversation, type Part, type Run, type Turn } from "./model";
import { setRunText } from "./parts";
import { buildTurns } from "./rows";
import { normalise, visibleReply } from "./visible";

export interface HistoryPage {
  messages: readonly unknown[];
  hasMore: boolean;
  nextOffset: number;
  model?: string;
  modelProvider?: string;
  totalTokens?: number;
  contextTokens?: number;
  /** Older messages exist but this gateway cannot give them. */
  truncated?: boolean;
  /** `undefined` when the gateway does not say (protocol 3). */
  active?: boolean;
  inFlight?: { runId: string; text: string };
}

const SAME_MESSAGE_MS = 120_000;
/** A run that ended this recently may not be in the page we asked for just before. */
const SETTLING_MS = 10_000;

export function readHistory(payload: unknown, offset: number): HistoryPage {
  const root = isObject(payload) ? payload : {};
  const messages = list(root.messages);
  const info = isObject(root.sessionInfo) ? root.sessionInfo : {};
  const defaults = isObject(root.defaults) ? root.defaults : {};
  const inFlight = isObject(root.inFlightRun) ? root.inFlightRun : undefined;
  const runId = text(inFlight?.runId);
  return {
    messages,
    hasMore: root.hasMore === true,
    nextOffset: number(root.nextOffset) ?? offset + messages.length,
    model: text(info.model) ?? text(defaults.model),
    modelProvider: text(info.modelProvider) ?? text(defaults.modelProvider),
    totalTokens: number(info.totalTokens),
    contextTokens: number(info.contextTokens) ?? number(defaults.contextTokens),
    active: runId ? true : typeof info.hasActiveRun === "boolean" ? info.hasActiveRun : undefined,
    inFlight: runId ? { runId, text: text(inFlight?.text) ?? "" } : undefined,
  };
}

export function applyHistory(conversation: Conversation, page: HistoryPage, at: number): Conversation {
  const fresh = buildTurns(page.messages);
  const pool = new Set(conversation.turns);
  const merged = fresh.map((turn) => {
    const known = findSame(turn, pool);
    if (!known) return turn;
    pool.delete(known);
    return mergeTurn(known, turn, page, at);
  });
  const kept = keepUnmatched(conversation.turns, pool, merged, page, at);
  const firstLoad = conversation.loaded === "no";
  const olderKept = kept.length > 0 && !firstLoad && kept[0] === conversation.turns[0] && merged[0] !== kept[0];
  return {
    ...conversation,
    turns: withInFlight(kept, page, at),
    loaded: "yes",
    hasMore: olderKept ? conversation.hasMore : page.hasMore,
    nextOffset: olderKept ? conversation.nextOffset : page.nextOffset,
    truncated: page.truncated === true,
    model: page.model ?? conversation.model,
    modelProvider: page.modelProvider ?? conversation.modelProvider,
    totalTokens: page.totalTokens ?? conversation.totalTokens,
    contextTokens: page.contextTokens ?? conversation.contextTokens,
  };
}

export function prependHistory(conversation: Conversation, page: HistoryPage): Conversation {
  const first = conversation.turns[0];
  const headless = first?.key.startsWith("head:") === true;
  const whole = headless ? conversation.turns.slice(1) : conversation.turns;
  const older = buildTurns(page.messages).filter((turn) => !whole.some((known) => sameTurn(turn, known)));
  const last = older.at(-1);
  let turns = conversation.turns;
  if (first && last && headless) {
    // The page boundary cut one turn in two: its head moves to where it began.
    const joined: Turn = { ...last, parts: [...last.parts, ...first.parts], run: first.run ?? last.run };
    turns = [joined, ...whole];
    older.pop();
  }
  return { ...conversation, turns: [...older, ...turns], hasMore: page.hasMore && page.messages.length > 0, nextOffset: page.nextOffset };
}

function sameTurn(a: Turn, b: Turn): boolean {
  if (a.local || b.local) return false;
  if (a.key === b.key) return true;
  if (a.user?.id !== undefined && a.user.id === b.user?.id) return true;
  return a.run !== null && b.run !== null && a.run.id === b.run.id;
}

/** Exact identity first; otherwise the same words at nearly the same time, so identical sends stay two messages. */
function findSame(turn: Turn, pool: ReadonlySet<Turn>): Turn | undefined {
  for (const known of pool) if (sameTurn(turn, known)) return known;
  const wanted = turn.user;
  if (!wanted) return undefined;
  for (const known of pool) {
    const user = known.user;
    if (!user || user.id !== undefined || known.local) continue;
    if (normalise(user.text) !== normalise(wanted.text)) continue;
    if (wanted.at === 0 || Math.abs(user.at - wanted.at) < SAME_MESSAGE_MS) return known;
  }
  return undefined;
}

function mergeTurn(known: Turn, fresh: Turn, page: HistoryPage, at: number): Turn {
  const user = fresh.user && known.user ? { ...fresh.user, files: known.user.files } : (fresh.user ?? known.user);
  const base = { ...known, user };
  const live = isActive(known.run);
  if (live && (page.active !== false || known.run?.id === page.inFlight?.runId) && !endedInHistory(known, fresh, page)) {
    return base;
  }
  const hasAnswer = fresh.parts.some((part) => part.kind !== "note");
  if (!hasAnswer) return { ...base, run: settledRun(known.run, at) };
  const run = mergeRun(known.run, fresh.run);
  return { ...base, parts: keepPartKeys(known.parts, fresh.parts), run };
}

/** Without word from the gateway, an answer that follows in history ends a run this page still believes in. */
function endedInHistory(known: Turn, fresh: Turn, page: HistoryPage): boolean {
  if (page.active !== undefined) return false;
  const shown = known.parts.some((part) => part.kind === "text" && part.open);
  return !shown && fresh.parts.some((part) => part.kind === "text");
}

function settledRun(run: Run | null, at: number): Run | null {
  if (!run || !isActive(run)) return run;
  return { ...run, state: run.state === "stopping" ? "stopped" : "interrupted", endedAt: at, phase: undefined };
}

function mergeRun(known: Run | null, fresh: Run | null): Run | null {
  if (!known || !fresh) return fresh ?? known;
  const told = fresh.state !== "done";
  const finished = !isActive(known);
  return {
    ...known,
    state: told || !finished ? fresh.state : known.state,
    endedAt: known.endedAt ?? fresh.endedAt,
    phase: undefined,
    model: fresh.model ?? known.model,
    provider: fresh.provider ?? known.provider,
    usage: fresh.usage ?? known.usage,
  };
}

/** Gives history's parts the keys of the nodes on screen: n-th text to n-th text, steps by call id. */
function keepPartKeys(known: Part[], fresh: Part[]): Part[] {
  const byKind = (kind: Part["kind"]) => known.filter((part) => part.kind === kind);
  const pools = new Map<Part["kind"], Part[]>();
  const parts = fresh.map((part): Part => {
    if (part.kind === "tool") return { ...part, ...timesOf(known, part.callId) };
    const pool = pools.get(part.kind) ?? byKind(part.kind);
    pools.set(part.kind, pool);
    const match = pool.shift();
    return match ? ({ ...part, key: match.key, ...thinkingTimes(match) } as Part) : part;
  });
  const errors = known.filter((part) => part.kind === "error");
  const hasError = parts.some((part) => part.kind === "error");
  return hasError ? parts : [...parts, ...errors];
}

function timesOf(known: Part[], callId: string): object {
  const match = known.find((part) => part.kind === "tool" && part.callId === callId);
  return match?.kind === "tool" ? { startedAt: match.startedAt, endedAt: match.endedAt } : {};
}

function thinkingTimes(part: Part): object {
  return part.kind === "thinking" ? { startedAt: part.startedAt, endedAt: part.endedAt } : {};
}

/**
 * Puts turns that history does not know back where they were: older pages in front, local notes and unsent messages
 * after the turn they followed. Everything else was removed on the gateway and goes.
 */
function keepUnmatched(before: Turn[], unmatched: ReadonlySet<Turn>, merged: Turn[], page: HistoryPage, at: number): Turn[] {
  const firstShown = before.findIndex((turn) => !unmatched.has(turn));
  const result = merged.slice();
  const place = (index: number) => {
    if (firstShown >= 0 && index < firstShown && page.hasMore) return 0;
    const previous = before.slice(0, index).findLast((other) => result.some((shown) => shown.key === other.key));
    return previous ? result.findIndex((shown) => shown.key === previous.key) + 1 : firstShown < 0 ? result.length : 0;
  };
  before.forEach((turn, index) => {
    if (!unmatched.has(turn)) return;
    const olderPage = page.hasMore && firstShown > 0 && index < firstShown;
    if (!olderPage && !mustStay(turn, page, at)) return;
    const where = olderPage ? result.findIndex((shown) => shown.key === before[firstShown]?.key) : place(index);
    result.splice(where < 0 ? result.length : where, 0, turn);
  });
  return result;
}

function mustStay(turn: Turn, page: HistoryPage, at: number): boolean {
  if (turn.local) return true;
  if (turn.user && turn.user.delivery !== "accepted") return true;
  if (isActive(turn.run)) return page.active !== false || at - (turn.run?.startedAt ?? 0) < SETTLING_MS;
  return turn.run?.endedAt !== undefined && turn.run.chatSeq >= 0 && at - turn.run.endedAt < SETTLING_MS;
}

function withInFlight(turns: Turn[], page: HistoryPage, at: number): Turn[] {
  const flight = page.inFlight;
  if (!flight) return page.active ? withUnnamedRun(turns) : turns;
  const index = turns.findLastIndex((turn) => turn.run?.id === flight.runId || turn.key === flight.runId);
  const known = turns[index];
  const turn: Turn = known ?? { key: flight.runId, user: null, parts: [], run: null, local: false };
  if (turn.run && turn.run.id === flight.runId && !isActive(turn.run) && turn.run.chatSeq >= 0) return turns;
  const run: Run = isActive(turn.run) && turn.run ? turn.run : freshRun(flight.runId, turn.user?.at ?? at);
  const shown = turn.parts.reduce((sum, part) => sum + (part.kind === "text" ? part.text.length : 0), 0);
  const longer = flight.text.length > shown;
  const parts = longer ? setRunText(turn.parts, run.id, visibleReply(flight.text), true, at) : turn.parts;
  const updated = { ...turn, parts, run };
  return known ? turns.with(index, updated) : [...turns, updated];
}

/** The gateway says a run is active but not which: it is the one of the last message, still without an answer. */
function withUnnamedRun(turns: Turn[]): Turn[] {
  const last = turns.at(-1);
  if (!last?.user || last.run || turns.some((turn) => isActive(turn.run))) return turns;
  return turns.with(turns.length - 1, { ...last, run: freshRun(last.key, last.user.at) });
}
