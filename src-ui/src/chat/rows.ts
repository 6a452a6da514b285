/** Turns built from the rows of `chat.history`. Pure and total: an odd row is skipped, never fatal. */
import { isObject, list, number, text, type Json } from "../protocol/frames";
import { readMedia } from "../protocol/rows";
import type { Part, Run, RunState, ToolPart, Turn } from "./model";
import { replacePart } from "./parts";
import { readUsage, toolOutput } from "./run";
import { contentText, visiblePrompt, visibleReply } from "./visible";

/** Identity and time of one row. */
export interface RowMeta {
  id: string;
  runId?: string;
  at: number;
}

function meta(row: Json): Json {
  return isObject(row.__openclaw) ? row.__openclaw : {};
}

function runIdOf(row: Json): string | undefined {
  const extra = meta(row);
  const key = text(row.idempotencyKey) ?? text(extra.idempotencyKey);
  return text(extra.runId) ?? key?.replace(/:(user|assistant)$/, "");
}

export function rowMeta(row: Json, index: number): RowMeta {
  const extra = meta(row);
  const at = number(row.timestamp) ?? number(extra.recordTimestampMs) ?? 0;
  const id = text(extra.id) ?? text(row.id) ?? (number(extra.seq) !== undefined ? `seq:${String(extra.seq)}` : (at > 0 ? `row:${at}` : `row:${index}`));
  return { id, runId: runIdOf(row), at };
}

/** How the run that wrote this row ended, when the row says so. */
export function rowMark(row: Json): RunState | undefined {
  const abort = isObject(row.openclawAbort) ? row.openclawAbort : undefined;
  if (meta(row).interrupted === true || row.stopReason === "interrupted") return "interrupted";
  if (abort?.aborted === true || row.stopReason === "aborted") return "stopped";
  if (row.stopReason === "error") return "failed";
  return undefined;
}

export function userTurn(row: Json, index: number): Turn {
  const { id, runId, at } = rowMeta(row, index);
  const files = list(row.content).filter((block) => isObject(block) && block.type === "image").length;
  const inline = files > 0 ? inlineImages(row.content, id) : [];
  return {
    key: runId ?? id,
    user: {
      text: visiblePrompt(contentText(row.content)),
      at,
      media: readMedia(meta(row).media),
      files: [],
      delivery: "accepted",
      id,
    },
    parts: inline,
    run: null,
    local: false,
  };
}

const SAFE_IMAGE = /^image\/(png|jpeg|gif|webp)$/;

function inlineImages(content: unknown, id: string): Part[] {
  return list(content)
    .filter(isObject)
    .flatMap((block, index): Part[] => {
      const mime = text(block.mimeType) ?? "image/png";
      const data = text(block.data);
      if (block.type !== "image" || !data || !SAFE_IMAGE.test(mime) || !/^[A-Za-z0-9+/=]+$/.test(data)) return [];
      return [{ kind: "image", key: `${id}:i${index}`, src: `data:${mime};base64,${data}` }];
    });
}

function assistantParts(row: Json, id: string): Part[] {
  if (typeof row.content === "string") return textPart(visibleReply(row.content), `${id}:0`);
  const parts = list(row.content)
    .filter(isObject)
    .flatMap((block, index): Part[] => blockPart(block, `${id}:${index}`));
  return [...parts, ...inlineImages(row.content, id)];
}

function blockPart(block: Json, key: string): Part[] {
  switch (block.type) {
    case "text":
      return textPart(visibleReply(text(block.text) ?? ""), key);
    case "thinking": {
      const thought = text(block.thinking) ?? "";
      return thought.trim() === "" ? [] : [{ kind: "thinking", key, text: thought, open: false }];
    }
    case "toolCall":
      return [toolPart(block, key)];
    default:
      return [];
  }
}

function textPart(value: string, key: string): Part[] {
  return value.trim() === "" ? [] : [{ kind: "text", key, text: value, open: false }];
}

function toolPart(block: Json, key: string): ToolPart {
  const callId = text(block.id) ?? key;
  return {
    kind: "tool",
    key: `tool:${callId}`,
    callId,
    name: text(block.name) ?? "tool",
    args: block.arguments,
    output: "",
    state: "done",
  };
}

function runFromRow(turn: Turn, row: Json, info: RowMeta): Run {
  const startedAt = turn.user?.at ?? info.at;
  const before = turn.run ?? { id: info.runId ?? turn.key, state: "done" as RunState, startedAt, chatSeq: -1, agentSeq: -1 };
  const injected = row.model === "gateway-injected";
  const provider = injected ? before.provider : (text(row.provider) ?? before.provider);
  return {
    ...before,
    state: rowMark(row) ?? "done",
    endedAt: info.at,
    model: injected ? before.model : (text(row.model) ?? before.model),
    provider,
    usage: sumUsage(before.usage, readUsage(row.usage)),
  };
}

function sumUsage(a: Run["usage"], b: Run["usage"]): Run["usage"] {
  if (!a || !b) return a ?? b;
  return { input: a.input + b.input, output: a.output + b.output, cost: (a.cost ?? 0) + (b.cost ?? 0) || undefined };
}

function withAssistantRow(turn: Turn, row: Json, index: number): Turn {
  const info = rowMeta(row, index);
  const parts = [...turn.parts, ...assistantParts(row, info.id)];
  const message = text(row.errorMessage);
  if (message && rowMark(row) === "failed") {
    const error = { message, provider: text(row.provider), model: text(row.model) };
    parts.push({ kind: "error", key: `${info.id}:e`, error });
  }
  return { ...turn, parts, run: runFromRow(turn, row, info) };
}

function withToolResult(turn: Turn, row: Json, index: number): Turn {
  const callId = text(row.toolCallId);
  const at = turn.parts.findIndex((part) => part.kind === "tool" && part.callId === callId);
  const state = row.isError === true ? "failed" : "done";
  const result = { output: toolOutput({ content: row.content }), state } as const;
  if (at >= 0) {
    return { ...turn, parts: replacePart(turn.parts, at, { ...(turn.parts[at] as ToolPart), ...result }) };
  }
  const { id } = rowMeta(row, index);
  const block = { id: callId ?? id, name: text(row.toolName) ?? "tool", arguments: undefined };
  return { ...turn, parts: [...turn.parts, { ...toolPart(block, id), ...result }] };
}

function withSystemRow(turn: Turn, row: Json, index: number): Turn {
  const { id } = rowMeta(row, index);
  const kind = meta(row).kind === "compaction" ? "compaction" : "system";
  const note = contentText(row.content);
  if (note.trim() === "" && kind === "system") return turn;
  return { ...turn, parts: [...turn.parts, { kind: "note", key: `${id}:n`, note: kind, text: note }] };
}

/** The turn of a page that starts in the middle of one. */
export function headless(row: Json, index: number): Turn {
  return { key: `head:${rowMeta(row, index).id}`, user: null, parts: [], run: null, local: false };
}

export function buildTurns(rows: readonly unknown[]): Turn[] {
  const turns: Turn[] = [];
  rows.forEach((row, index) => {
    if (!isObject(row)) return;
    if (row.role === "user") {
      turns.push(userTurn(row, index));
      return;
    }
    const grow = { assistant: withAssistantRow, toolResult: withToolResult, system: withSystemRow }[String(row.role)];
    if (!grow) return;
    const turn = turns.pop() ?? headless(row, index);
    turns.push(grow(turn, row, index));
  });
  return uniqueKeys(turns);
}

/** Keys address DOM nodes; a gateway that repeats an id must not break the page. */
function uniqueKeys(turns: Turn[]): Turn[] {
  const seen = new Map<string, number>();
  return turns.map((turn) => {
    const count = (seen.get(turn.key) ?? 0) + 1;
    seen.set(turn.key, count);
    return { ...turn, key: count === 1 ? turn.key : `${turn.key}#${count}`, parts: uniqueParts(turn.parts) };
  });
}

function uniqueParts(parts: Part[]): Part[] {
  const seen = new Set<string>();
  return parts.map((part, index) => {
    const key = seen.has(part.key) ? `${part.key}#${index}` : part.key;
    seen.add(key);
    return key === part.key ? part : { ...part, key };
  });
}
