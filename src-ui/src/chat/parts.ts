/** Changes to the parts of one turn. */
import type { Part, TextPart, ThinkingPart, ToolPart, Turn } from "./model";

export function replacePart(parts: Part[], index: number, part: Part): Part[] {
  const next = parts.slice();
  next[index] = part;
  return next;
}

export function closeOpen(parts: Part[], at: number): Part[] {
  if (!parts.some((part) => (part.kind === "text" || part.kind === "thinking") && part.open)) return parts;
  return parts.map((part): Part => {
    if (part.kind === "text" && part.open) return { ...part, open: false };
    if (part.kind === "thinking" && part.open) return { ...part, open: false, endedAt: part.endedAt ?? at };
    return part;
  });
}

/** Text of this run that stands before its last text part (closed by a tool call). */
function textBefore(parts: Part[], last: number): string {
  return parts
    .slice(0, last)
    .filter((part): part is TextPart => part.kind === "text")
    .map((part) => part.text)
    .join("");
}

function squeeze(value: string): string {
  return value.replace(/\s+/g, "");
}

/** Cuts the text already shown in earlier parts off a cumulative text; gateways differ in the white space between. */
export function afterPrefix(cumulative: string, shown: string): string {
  if (shown === "") return cumulative;
  if (cumulative.startsWith(shown)) return cumulative.slice(shown.length).replace(/^\n+/, "");
  const wanted = squeeze(shown);
  if (!squeeze(cumulative).startsWith(wanted)) return cumulative;
  let seen = 0;
  let index = 0;
  while (seen < wanted.length && index < cumulative.length) {
    if (!/\s/.test(cumulative[index] ?? "")) seen++;
    index++;
  }
  return cumulative.slice(index).replace(/^\s*\n/, "");
}

/**
 * Shows `cumulative`, the whole text of the run so far. A gateway may restart the text after a tool call or keep
 * growing it; both end as one text part per stretch between tool calls.
 */
export function setRunText(parts: Part[], runId: string, cumulative: string, open: boolean, at: number): Part[] {
  const lastText = parts.findLastIndex((part) => part.kind === "text");
  const lastStep = parts.findLastIndex((part) => part.kind === "tool" || part.kind === "thinking");
  const continues = lastText >= 0 && lastText > lastStep;
  const tail = afterPrefix(cumulative, textBefore(parts, continues ? lastText : parts.length));
  if (continues) {
    const current = parts[lastText] as TextPart;
    if (current.text === tail && current.open === open) return parts;
    return replacePart(parts, lastText, { ...current, text: tail, open });
  }
  if (tail.trim() === "") return parts;
  const count = parts.filter((part) => part.kind === "text").length;
  return [...closeOpen(parts, at), { kind: "text", key: `${runId}:t${count}`, text: tail, open }];
}

export function setThinking(parts: Part[], runId: string, cumulative: string, at: number): Part[] {
  const last = parts.length - 1;
  const current = parts[last];
  if (current?.kind === "thinking" && current.open) {
    return replacePart(parts, last, { ...current, text: cumulative });
  }
  const count = parts.filter((part) => part.kind === "thinking").length;
  const part: ThinkingPart = { kind: "thinking", key: `${runId}:k${count}`, text: cumulative, open: true, startedAt: at };
  return [...closeOpen(parts, at), part];
}

export function upsertTool(parts: Part[], callId: string, at: number, change: Partial<ToolPart>): Part[] {
  const index = parts.findIndex((part) => part.kind === "tool" && part.callId === callId);
  if (index >= 0) return replacePart(parts, index, { ...(parts[index] as ToolPart), ...change });
  const fresh: ToolPart = {
    kind: "tool",
    key: `tool:${callId}`,
    callId,
    name: "tool",
    args: undefined,
    output: "",
    state: "running",
    startedAt: at,
    ...change,
  };
  return [...closeOpen(parts, at), fresh];
}

/** No step keeps running once its run has ended. */
export function settleTools(parts: Part[], at: number): Part[] {
  if (!parts.some((part) => part.kind === "tool" && part.state === "running")) return parts;
  return parts.map((part): Part =>
    part.kind === "tool" && part.state === "running" ? { ...part, state: "failed", endedAt: at } : part,
  );
}

/** The visible text of a turn's answer, as Copy gives it. */
export function answerText(turn: Turn): string {
  return turn.parts
    .filter((part): part is TextPart => part.kind === "text")
    .map((part) => part.text.trim())
    .filter((value) => value !== "")
    .join("\n\n");
}
