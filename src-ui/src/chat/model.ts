/** The shape of a conversation on screen. Everything here is plain data; reducers make new copies. */
import type { MediaRef } from "../protocol/rows";

/** A file of a message that this page sent; `previewUrl` is a blob URL owned by the attachment store. */
export interface SentFile {
  name: string;
  mimeType: string;
  sizeBytes: number;
  previewUrl?: string;
}

export type Delivery = "sending" | "accepted" | "unconfirmed" | "failed";

export interface UserMessage {
  text: string;
  at: number;
  media: MediaRef[];
  files: SentFile[];
  delivery: Delivery;
  failure?: string;
  /** The id the gateway gave this row, once known. */
  id?: string;
}

export interface RunError {
  kind?: string;
  message: string;
  provider?: string;
  model?: string;
  httpStatus?: number;
}

export interface TextPart {
  kind: "text";
  key: string;
  text: string;
  /** Still growing. */
  open: boolean;
}

export interface ThinkingPart {
  kind: "thinking";
  key: string;
  text: string;
  open: boolean;
  startedAt?: number;
  endedAt?: number;
}

export interface ToolPart {
  kind: "tool";
  key: string;
  callId: string;
  name: string;
  args: unknown;
  output: string;
  state: "running" | "done" | "failed" | "denied";
  startedAt?: number;
  endedAt?: number;
}

export interface ImagePart {
  kind: "image";
  key: string;
  src: string;
}

export interface NotePart {
  kind: "note";
  key: string;
  note: "system" | "compaction" | "status";
  text: string;
  rows?: [string, string][];
}

export interface ErrorPart {
  kind: "error";
  key: string;
  error: RunError;
}

export type Part = TextPart | ThinkingPart | ToolPart | ImagePart | NotePart | ErrorPart;

export type RunState = "running" | "stopping" | "done" | "stopped" | "interrupted" | "failed";

export interface Usage {
  input: number;
  output: number;
  cost?: number;
}

export interface Run {
  id: string;
  state: RunState;
  startedAt: number;
  endedAt?: number;
  /** What the gateway says it is doing before the first word. */
  phase?: string;
  model?: string;
  provider?: string;
  usage?: Usage;
  /** Last seen sequence number per stream; older frames are repeats. */
  chatSeq: number;
  agentSeq: number;
}

export interface Turn {
  /** Never changes while the turn is on screen. */
  key: string;
  /** `null` when the turn starts without a message of the person (an injected note, a cut page). */
  user: UserMessage | null;
  parts: Part[];
  run: Run | null;
  /** Lives only in this page: never replaced by history. */
  local: boolean;
}

export interface Conversation {
  key: string;
  turns: Turn[];
  loaded: "no" | "yes";
  hasMore: boolean;
  nextOffset: number;
  truncated?: boolean;
  model?: string;
  modelProvider?: string;
  totalTokens?: number;
  contextTokens?: number;
}

export const isActive = (run: Run | null | undefined): boolean => run?.state === "running" || run?.state === "stopping";

export function activeRun(conversation: Conversation | undefined): Run | undefined {
  return conversation?.turns.findLast((turn) => isActive(turn.run))?.run ?? undefined;
}

export function emptyConversation(key: string): Conversation {
  return { key, turns: [], loaded: "no", hasMore: false, nextOffset: 0 };
}

export function freshRun(id: string, at: number): Run {
  return { id, state: "running", startedAt: at, chatSeq: -1, agentSeq: -1 };
}
