import { describe, expect, it } from "vitest";
import { refuse, totalLimit } from "../../src/attachments/limits";
import { sniff } from "../../src/attachments/sniff";

const bytes = (...parts: (string | number[])[]) =>
  new Uint8Array(parts.flatMap((part) => (typeof part === "string" ? [...part].map((character) => character.charCodeAt(0)) : part)));

describe("sniffing", () => {
  it.each([
    ["image/jpeg", bytes([0xff, 0xd8, 0xff, 0xe0])],
    ["image/png", bytes([0x89], "PNG\r\n", [0x1a], "\n")],
    ["image/gif", bytes("GIF89a")],
    ["image/webp", bytes("RIFF", [0, 0, 0, 0], "WEBPVP8 ")],
    ["audio/wav", bytes("RIFF", [0, 0, 0, 0], "WAVEfmt ")],
    ["audio/mpeg", bytes("ID3", [4, 0])],
    ["audio/mpeg", bytes([0xff, 0xfb, 0x90, 0x64])],
    ["audio/mp4", bytes([0, 0, 0, 0x20], "ftypM4A ")],
    ["video/mp4", bytes([0, 0, 0, 0x20], "ftypisom")],
    ["video/quicktime", bytes([0, 0, 0, 0x14], "ftypqt  ")],
    ["application/pdf", bytes("%PDF-1.7")],
    ["text/plain", bytes("plain words\n")],
    ["text/plain", new TextEncoder().encode("déjà vu ✓")],
  ])("recognises %s", (mime, head) => {
    expect(sniff(head, "file.bin")?.mimeType).toBe(mime);
  });

  it("trusts bytes, not names", () => {
    expect(sniff(bytes([0x89], "PNG\r\n", [0x1a], "\n"), "evil.txt")?.mimeType).toBe("image/png");
    expect(sniff(bytes("MZ", [0, 1, 2]), "photo.png")).toBeNull();
    expect(sniff(bytes([0x50, 0x4b, 3, 4, 0]), "a.zip")).toBeNull();
    expect(sniff(new Uint8Array(), "a.txt")).toBeNull();
  });

  it("refuses HEIC and invalid UTF-8", () => {
    expect(sniff(bytes([0, 0, 0, 0x20], "ftypheic"), "a.heic")).toBeNull();
    expect(sniff(bytes("abc", [0xc3, 0x28]), "a.txt")).toBeNull();
  });

  it("names the text formats people send", () => {
    expect(sniff(bytes("{}"), "a.json")?.mimeType).toBe("application/json");
    expect(sniff(bytes("# t"), "A.MD")?.mimeType).toBe("text/markdown");
    expect(sniff(bytes("fn main"), "main.rs")).toEqual({ kind: "text", mimeType: "text/plain" });
  });

  it("accepts a character cut at the end of the sample", () => {
    expect(sniff(new TextEncoder().encode("aé").slice(0, 2), "a.txt")?.kind).toBe("text");
  });
});

describe("limits", () => {
  const limits = { maxBytes: 20_000_000, maxImageBytes: 6_000_000, maxPayload: 26_214_400 };
  const image = (size: number) => ({ size, kind: "image" as const });
  const video = (size: number) => ({ size, kind: "video" as const });

  it("takes the image limit for images and the general one for the rest", () => {
    expect(refuse(image(6_000_001), [], limits)).toEqual({ reason: "size", size: 6_000_001, limit: 6_000_000 });
    expect(refuse(video(6_000_001), [], limits)).toBeNull();
    expect(refuse(video(20_000_001), [], limits)).toMatchObject({ reason: "size", limit: limits.maxPayload && totalLimit(limits) });
  });

  it("never lets a message outgrow the frame the gateway accepts", () => {
    const v3 = { maxBytes: 5_000_000, maxImageBytes: 5_000_000, maxPayload: 524_288 };
    expect(refuse(image(400_000), [], v3)).toMatchObject({ reason: "size", limit: totalLimit(v3) });
    expect(refuse(image(300_000), [], v3)).toBeNull();
    expect(refuse(image(300_000), [{ size: 300_000 }], v3)).toMatchObject({ reason: "total" });
  });

  it("refuses empty files and the eleventh one", () => {
    expect(refuse(image(0), [], limits)).toEqual({ reason: "empty" });
    expect(refuse(image(1), Array.from({ length: 10 }, () => ({ size: 1 })), limits)).toMatchObject({ reason: "count" });
  });
});
