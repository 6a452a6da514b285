/** Files waiting in the composer: read, checked and encoded here. */
import { uuid } from "../protocol/uuid";
import { refuse, type Limits, type Refusal } from "./limits";
import { sniff, SNIFF_BYTES, type FileKind } from "./sniff";

export interface Attachment {
  id: string;
  name: string;
  size: number;
  kind: FileKind | "unknown";
  mimeType: string;
  file: File;
  previewUrl?: string;
  /** Set on a file that will not be sent; it never blocks the others. */
  refusal?: Refusal;
}

/** The wire form of `chat.send`. */
export interface WireAttachment {
  type: string;
  mimeType: string;
  fileName: string;
  content: string;
}

export async function inspect(file: File, taken: Attachment[], limits: Limits): Promise<Attachment> {
  const head = new Uint8Array(await file.slice(0, SNIFF_BYTES).arrayBuffer());
  const found = sniff(head, file.name);
  const base = { id: uuid(), name: file.name || "file", size: file.size, file };
  if (!found) {
    const refusal: Refusal = file.size === 0 ? { reason: "empty" } : { reason: "type" };
    return { ...base, kind: "unknown", mimeType: file.type, refusal };
  }
  const accepted = taken.filter((other) => !other.refusal);
  const refusal = refuse({ size: file.size, kind: found.kind }, accepted, limits) ?? undefined;
  const previewUrl = found.kind === "image" && !refusal ? URL.createObjectURL(file) : undefined;
  return { ...base, ...found, refusal, previewUrl };
}

export function release(attachment: { previewUrl?: string }): void {
  if (attachment.previewUrl) URL.revokeObjectURL(attachment.previewUrl);
}

function readBase64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^data:[^,]*,/, ""));
    reader.onerror = () => reject(reader.error ?? new Error(file.name));
    reader.readAsDataURL(file);
  });
}

export async function encode(attachments: Attachment[]): Promise<WireAttachment[]> {
  return Promise.all(
    attachments.map(async (attachment) => ({
      type: attachment.kind === "document" || attachment.kind === "text" ? "file" : attachment.kind,
      mimeType: attachment.mimeType,
      fileName: attachment.name,
      content: await readBase64(attachment.file),
    })),
  );
}
