/** Size and count limits, checked before a byte is sent. */
import { DEFAULT_ATTACHMENT_BYTES, type Hello } from "../protocol/hello";
import type { FileKind } from "./sniff";

export interface Limits {
  maxBytes: number;
  maxImageBytes: number;
  /** The largest frame the gateway accepts; attachments travel in it as base64. */
  maxPayload: number;
}

/** What this gateway said it takes, or what every gateway takes. */
export function attachmentLimits(hello: Hello | null | undefined): Limits {
  return {
    maxBytes: hello?.maxAttachmentBytes ?? DEFAULT_ATTACHMENT_BYTES,
    maxImageBytes: hello?.maxImageBytes ?? DEFAULT_ATTACHMENT_BYTES,
    maxPayload: hello?.maxPayload ?? Number.MAX_SAFE_INTEGER,
  };
}

export const MAX_FILES = 10;
/** Room for the message text and the envelope around the files. */
const FRAME_RESERVE = 64 * 1024;

export type Refusal =
  | { reason: "type" }
  | { reason: "empty" }
  | { reason: "count"; limit: number }
  | { reason: "size"; size: number; limit: number }
  | { reason: "total"; limit: number };

const base64Size = (bytes: number) => Math.ceil(bytes / 3) * 4;

/** The most one message may carry, in bytes before base64. */
export function totalLimit(limits: Limits): number {
  return Math.floor(((limits.maxPayload - FRAME_RESERVE) * 3) / 4);
}

export function refuse(file: { size: number; kind: FileKind }, taken: { size: number }[], limits: Limits): Refusal | null {
  if (file.size === 0) return { reason: "empty" };
  if (taken.length >= MAX_FILES) return { reason: "count", limit: MAX_FILES };
  const single = Math.min(file.kind === "image" ? limits.maxImageBytes : limits.maxBytes, totalLimit(limits));
  if (file.size > single) return { reason: "size", size: file.size, limit: single };
  const total = taken.reduce((sum, other) => sum + base64Size(other.size), base64Size(file.size));
  if (total > limits.maxPayload - FRAME_RESERVE) return { reason: "total", limit: totalLimit(limits) };
  return null;
}
