/** What a file really is, from its first bytes; names and declared types are not trusted. */

export type FileKind = "image" | "audio" | "video" | "document" | "text";

export interface FileType {
  kind: FileKind;
  mimeType: string;
}

/** How much of a file `sniff` wants to see. */
export const SNIFF_BYTES = 4096;

const type = (kind: FileKind, mimeType: string): FileType => ({ kind, mimeType });

function ascii(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}

function startsWith(bytes: Uint8Array, ...expected: number[]): boolean {
  return expected.every((value, index) => bytes[index] === value);
}

function isoBase(bytes: Uint8Array): FileType | null {
  if (ascii(bytes, 4, 4) !== "ftyp") return null;
  const brand = ascii(bytes, 8, 4);
  if (/^(M4A|M4B)/.test(brand)) return type("audio", "audio/mp4");
  if (brand === "qt  ") return type("video", "video/quicktime");
  if (/^(isom|iso\d|mp4\d|avc1|MSNV|M4V|dash|f4v)/.test(brand)) return type("video", "video/mp4");
  return null;
}

function riff(bytes: Uint8Array): FileType | null {
  if (ascii(bytes, 0, 4) !== "RIFF") return null;
  const form = ascii(bytes, 8, 4);
  if (form === "WEBP") return type("image", "image/webp");
  return form === "WAVE" ? type("audio", "audio/wav") : null;
}

/** ID3 tag or an MPEG layer III frame header. */
function isMp3(bytes: Uint8Array): boolean {
  if (ascii(bytes, 0, 3) === "ID3") return true;
  const second = bytes[1] ?? 0;
  const third = bytes[2] ?? 0;
  const layer3 = (second & 0xe6) === 0xe2;
  return bytes[0] === 0xff && layer3 && third >> 4 !== 0x0f && (third & 0x0c) !== 0x0c;
}

const TEXT_TYPES: Record<string, string> = {
  csv: "text/csv",
  htm: "text/html",
  html: "text/html",
  json: "application/json",
  md: "text/markdown",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
};

/** UTF-8 without control characters; a character cut at the end of the sample is fine. */
function isText(bytes: Uint8Array): boolean {
  if (bytes.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20 && byte !== 0x1b) || byte === 0x7f)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** `null` for anything the gateway does not take. */
export function sniff(bytes: Uint8Array, name: string): FileType | null {
  if (startsWith(bytes, 0xff, 0xd8, 0xff)) return type("image", "image/jpeg");
  if (startsWith(bytes, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return type("image", "image/png");
  if (/^GIF8[79]a/.test(ascii(bytes, 0, 6))) return type("image", "image/gif");
  if (ascii(bytes, 0, 5) === "%PDF-") return type("document", "application/pdf");
  const container = riff(bytes) ?? isoBase(bytes);
  if (container) return container;
  if (isMp3(bytes)) return type("audio", "audio/mpeg");
  if (bytes.length > 0 && isText(bytes)) {
    const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
    return type("text", TEXT_TYPES[extension] ?? "text/plain");
  }
  return null;
}
