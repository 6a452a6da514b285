/** The three frame shapes of the gateway protocol, and the check every inbound message passes first. */

export interface WireError {
  code: string;
  message: string;
  details?: Record<string, unknown>;
  retryable?: boolean;
  retryAfterMs?: number;
}

export interface RequestFrame {
  type: "req";
  id: string;
  method: string;
  params?: unknown;
}

export interface ResponseFrame {
  type: "res";
  id: string;
  ok: boolean;
  payload?: unknown;
  error?: WireError;
}

export interface EventFrame {
  type: "event";
  event: string;
  payload: unknown;
  seq?: number;
}

export type InboundFrame = ResponseFrame | EventFrame;

export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function readError(value: unknown): WireError | undefined {
  if (!isObject(value)) return undefined;
  return {
    code: text(value.code) ?? "UNAVAILABLE",
    message: text(value.message) ?? "",
    details: isObject(value.details) ? value.details : undefined,
    retryable: value.retryable === true,
    retryAfterMs: number(value.retryAfterMs),
  };
}

/** Returns `null` for anything that is not a well formed inbound frame; such messages are dropped. */
export function parseFrame(raw: string): InboundFrame | null {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  if (value.type === "event" && typeof value.event === "string") {
    return { type: "event", event: value.event, payload: value.payload, seq: number(value.seq) };
  }
  if (value.type === "res" && typeof value.id === "string" && typeof value.ok === "boolean") {
    return { type: "res", id: value.id, ok: value.ok, payload: value.payload, error: readError(value.error) };
  }
  return null;
}
