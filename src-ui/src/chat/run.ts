/** How one run grows: `chat` events carry the text and the end, `agent` events the steps in between. */
import { isObject, list, number, text, type Json } from "../protocol/frames";
import { isActive, type Part, type Run, type RunError, type RunState, type Turn, type Usage } from "./model";
import { closeOpen, setRunText, settleTools, setThinking, upsertTool } from "./parts";
import { contentText, visibleReply } from "./visible";

const OUTPUT_LIMIT = 120_000;

export function reduceChat(turn: Turn, run: Run, payload: Json, at: number): Turn {
  if (turn.run?.id === run.id && !isActive(run)) return turn;
  const seq = number(payload.seq) ?? 0;
  switch (payload.state) {
    case "status":
      return seq <= run.chatSeq ? turn : { ...turn, run: { ...run, chatSeq: seq, phase: text(payload.phase) } };
    case "delta":
      return seq <= run.chatSeq ? turn : onDelta(turn, { ...run, chatSeq: seq }, payload, at);
    case "final":
      return end(turn, run, payload, "done", at);
    case "aborted":
      return end(turn, run, payload, "stopped", at);
    case "error":
      return onError(turn, run, payload, at);
    default:
      return turn;
  }
}

function onDelta(turn: Turn, run: Run, payload: Json, at: number): Turn {
  const snapshot = isObject(payload.message) ? contentText(payload.message.content) : undefined;
  const cumulative = snapshot ?? grown(turn, payload);
  const parts = setRunText(turn.parts, run.id, visibleReply(cumulative), true, at);
  return { ...turn, parts, run: { ...run, phase: undefined } };
}

/** A delta without a snapshot: the increment goes onto what is shown, or replaces it. */
function grown(turn: Turn, payload: Json): string {
  const increment = text(payload.deltaText) ?? "";
  if (payload.replace === true) return increment;
  const shown = turn.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
  return shown + increment;
}

function end(turn: Turn, run: Run, payload: Json, state: RunState, at: number): Turn {
  const message = isObject(payload.message) ? visibleReply(contentText(payload.message.content)) : "";
  const injected = turn.run !== null && turn.run.id !== run.id;
  let parts: Part[] = turn.parts;
  if (injected && message !== "") {
    parts = [...parts, { kind: "text", key: `${run.id}:t`, text: message, open: false }];
  } else if (message !== "") {
    parts = setRunText(parts, run.id, message, false, at);
  }
  parts = settleTools(closeOpen(parts, at), at);
  if (injected) return { ...turn, parts };
  const reason = text(payload.stopReason);
  const ended: RunState = reason === "interrupted" ? "interrupted" : state;
  const usage = readUsage(payload.usage) ?? run.usage;
  return { ...turn, parts, run: { ...run, state: ended, endedAt: at, phase: undefined, usage } };
}

function onError(turn: Turn, run: Run, payload: Json, at: number): Turn {
  const ended = end(turn, run, payload, "failed", at);
  const part: Part = { kind: "error", key: `${run.id}:e`, error: readRunError(payload) };
  return { ...ended, parts: [...ended.parts, part] };
}

export function readRunError(payload: Json): RunError {
  const detail = isObject(payload.errorDetail) ? payload.errorDetail : {};
  return {
    kind: text(payload.errorKind) ?? text(detail.failoverReason),
    message: text(payload.errorMessage) ?? text(detail.providerErrorMessagePreview) ?? "",
    provider: text(detail.provider),
    model: text(detail.model),
    httpStatus: number(detail.httpStatus),
  };
}

export function readUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined;
  const input = (number(value.input) ?? 0) + (number(value.cacheRead) ?? 0) + (number(value.cacheWrite) ?? 0);
  const output = number(value.output) ?? 0;
  if (input === 0 && output === 0) return undefined;
  const cost = isObject(value.cost) ? number(value.cost.total) : undefined;
  return { input, output, cost: cost === 0 ? undefined : cost };
}

export function reduceAgent(turn: Turn, run: Run, payload: Json, at: number): Turn {
  if (turn.run?.id === run.id && !isActive(run)) return turn;
  const data = isObject(payload.data) ? payload.data : {};
  const seq = number(payload.seq);
  // `run_status` and `chat` mirror one number, so each stream keeps its own mark.
  if (seq !== undefined && seq <= run.agentSeq) return turn;
  const seen = { ...run, agentSeq: seq ?? run.agentSeq };
  const startedAt = number(payload.ts) ?? at;
  switch (payload.stream) {
    case "tool":
      return { ...turn, parts: onTool(turn.parts, data, startedAt), run: { ...seen, phase: undefined } };
    case "item":
      return onItem(turn, seen, data);
    case "thinking":
    case "reasoning":
      return { ...turn, parts: setThinking(turn.parts, run.id, text(data.text) ?? "", startedAt), run: seen };
    case "compaction":
      return data.phase === "end" && data.error === undefined ? { ...turn, parts: [...turn.parts, compactionNote(run, turn)], run: seen } : turn;
    case "lifecycle":
      return onLifecycle(turn, seen, data);
    default:
      return turn.run?.id === run.id ? { ...turn, run: seen } : turn;
  }
}

function onTool(parts: Part[], data: Json, at: number): Part[] {
  const callId = text(data.toolCallId);
  if (!callId) return parts;
  const name = text(data.name);
  const base = name ? { name } : {};
  switch (data.phase) {
    case "start":
      return upsertTool(parts, callId, at, { ...base, args: data.args });
    case "update":
      return upsertTool(parts, callId, at, { ...base, output: toolOutput(data.partialResult) });
    case "result":
      return upsertTool(parts, callId, at, {
        ...base,
        output: toolOutput(data.result),
        state: data.isError === true ? "failed" : "done",
        endedAt: at,
      });
    default:
      return parts;
  }
}

function onItem(turn: Turn, run: Run, data: Json): Turn {
  const callId = text(data.toolCallId);
  const known = turn.parts.some((part) => part.kind === "tool" && part.callId === callId);
  if (!callId || !known || data.status !== "blocked") return { ...turn, run };
  return { ...turn, parts: upsertTool(turn.parts, callId, run.startedAt, { state: "denied" }), run };
}

function onLifecycle(turn: Turn, run: Run, data: Json): Turn {
  if (data.phase === "start") return { ...turn, run: { ...run, startedAt: number(data.startedAt) ?? run.startedAt } };
  if (data.phase === "model" && typeof data.model === "string") {
    return { ...turn, run: { ...run, model: data.model, provider: text(data.provider) } };
  }
  return turn.run?.id === run.id ? { ...turn, run } : turn;
}

function compactionNote(run: Run, turn: Turn): Part {
  const count = turn.parts.filter((part) => part.kind === "note").length;
  return { kind: "note", key: `${run.id}:c${count}`, note: "compaction", text: "" };
}

/** Tool results are text, a list of content blocks, or any JSON value. */
export function toolOutput(result: unknown): string {
  if (result === undefined || result === null) return "";
  const content = isObject(result) && Array.isArray(result.content) ? result.content : result;
  if (typeof content === "string") return content.slice(0, OUTPUT_LIMIT);
  const blocks = list(content).filter(isObject);
  const isBlocks = blocks.length > 0 && blocks.every((block) => typeof block.type === "string");
  const joined = isBlocks ? contentText(blocks) : JSON.stringify(content, null, 2);
  return (joined ?? "").slice(0, OUTPUT_LIMIT);
}
