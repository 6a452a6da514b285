/** `session.message` rows: the gateway's own copy of a message, attached to the turn already on screen. */
import { isObject, type Json } from "../protocol/frames";
import { freshRun, type Conversation, type Turn } from "./model";
import { rowMark, rowMeta, userTurn } from "./rows";
import { readUsage } from "./run";

export function rowToTurnUpdate(conversation: Conversation, row: unknown, at: number): Conversation {
  if (!isObject(row)) return conversation;
  if (row.role === "user") return withUserRow(conversation, row, at);
  if (row.role === "assistant") return withAssistantFacts(conversation, row);
  return conversation;
}

function withUserRow(conversation: Conversation, row: Json, at: number): Conversation {
  const fresh = userTurn(row, 0);
  const { runId } = rowMeta(row, 0);
  const index = conversation.turns.findLastIndex(
    (turn) => turn.key === fresh.key || turn.run?.id === runId || turn.user?.id === fresh.user?.id,
  );
  const known = conversation.turns[index];
  if (!known) {
    // A message written elsewhere: its run starts here in a moment.
    const turn: Turn = runId ? { ...fresh, run: freshRun(runId, at) } : fresh;
    return { ...conversation, turns: [...conversation.turns, turn] };
  }
  if (!fresh.user) return conversation;
  const user = { ...fresh.user, files: known.user?.files ?? [] };
  return { ...conversation, turns: conversation.turns.with(index, { ...known, user }) };
}

function withAssistantFacts(conversation: Conversation, row: Json): Conversation {
  const { runId } = rowMeta(row, 0);
  const index = conversation.turns.findLastIndex((turn) => turn.run?.id === runId);
  const turn = conversation.turns[index];
  if (!turn?.run) return conversation;
  const mark = rowMark(row);
  const injected = row.model === "gateway-injected";
  const run = {
    ...turn.run,
    usage: readUsage(row.usage) ?? turn.run.usage,
    model: !injected && typeof row.model === "string" ? row.model : turn.run.model,
    state: mark === "interrupted" ? mark : turn.run.state,
  };
  return { ...conversation, turns: conversation.turns.with(index, { ...turn, run }) };
}
