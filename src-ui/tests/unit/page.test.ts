import { describe, expect, it } from "vitest";
import { takeFragment } from "../../src/boot/fragment";
import { errorText, maskSecrets } from "../../src/chat/error-text";
import { toolArgument, toolVerb } from "../../src/chat/tool-label";
import { revealLength } from "../../src/markdown/reveal";
import { canonicalKey, readHello } from "../../src/protocol/hello";
import { readModels, readSession } from "../../src/protocol/rows";
import { keyFromPath, pathForKey } from "../../src/state/router";
import { applyChange, groupSessions, readSessionList, titleOf } from "../../src/state/session-list";
import { readSettings } from "../../src/state/settings.svelte";
import { visibleCommand } from "../../src/ui/visible";
import { sliceAt, sliceAtEnd } from "../../src/ui/windowing";
import { fixture } from "./replay";

const defaults = { agentId: "main", mainKey: "main", mainSessionKey: "agent:main:main" };

// EXE-07
describe("a command that waits for a decision", () => {
  it("is shown as it is, and nothing hides in it", () => {
    expect(visibleCommand("echo 'héllo 日本'\n\tls  -l")).toBe("echo 'héllo 日本'\n\tls  -l");
    expect(visibleCommand("rm\u200b -r\u202ex\r\u00a0\0\u{e0041}")).toBe("rm\\u{200b} -r\\u{202e}x\\u{d}\\u{a0}\\u{0}\\u{e0041}");
  });
});

describe("the address", () => {
  const at = (path: string) => {
    window.history.replaceState(null, "", path);
    return takeFragment(window.location, window.history);
  };

  it("takes the token out of the fragment and leaves no trace", () => {
    expect(at("/chat/x?y=1#token=a%2Bb+c")).toEqual({ token: "a+b+c" });
    expect(window.location.href).toMatch(/\/chat\/x\?y=1$/);
    expect(at("/#session=1&token=t")).toEqual({ token: "t" });
    expect(window.location.hash).toBe("");
    expect(at("/#code=c-1")).toEqual({ code: "c-1" });
    expect(window.location.href).not.toContain("c-1");
  });

  it("ignores a token or a gateway in the query", () => {
    expect(at("/?token=t&gatewayUrl=ws://evil.example")).toEqual({});
    expect(at("/#gatewayUrl=ws://evil.example")).toEqual({});
  });

  it("names sessions, and only sessions", () => {
    expect(keyFromPath(pathForKey("agent:main:dashboard:é/ü"))).toBe("agent:main:dashboard:é/ü");
    for (const path of ["/", "/chat", "/chat/", "/other/x", "/chat/%E0%A4%A", "/chat/a/b"]) expect(keyFromPath(path)).toBeNull();
  });
});

describe("hello", () => {
  it("reads the protocol 3 hello, which has no attachment limits", () => {
    const raw = JSON.parse(fixture("v3/03-hello-ok.json")) as { payload?: unknown };
    const hello = readHello(raw.payload ?? raw);
    expect(hello).toMatchObject({ protocol: 3, maxPayload: 524_288, maxAttachmentBytes: 20 * 1024 * 1024 });
    expect(hello.methods.has("chat.send")).toBe(true);
  });
  it("stands on its feet without anything", () => {
    expect(readHello(null)).toMatchObject({ defaults, tickIntervalMs: 30_000 });
  });
  it.each([["main", "agent:main:main"], ["agent:main:main", "agent:main:main"], ["notes", "agent:main:notes"], ["global", "global"], ["agent:x:y:z", "agent:x:y:z"]])("%s is %s", (key, canonical) => {
    expect(canonicalKey(key, defaults)).toBe(canonical);
  });
});

describe("session list", () => {
  const now = new Date(2026, 10, 20, 12).getTime();
  const row = (key: string, ago: number, extra: object = {}) => readSession({ key, updatedAt: now - ago, ...extra })!;
  const HOUR = 3_600_000;

  it("groups by calendar day", () => {
    const rows = [row("a", HOUR), row("b", 13 * HOUR), row("c", 50 * HOUR), row("d", 400 * HOUR), row("e", 900 * HOUR, { pinned: true })];
    expect(groupSessions(rows, now).map((group) => [group.id, group.rows.map((one) => one.key)])).toEqual([
      ["pinned", ["e"]], ["today", ["a"]], ["yesterday", ["b"]], ["week", ["c"]], ["older", ["d"]],
    ]);
  });

  it("names a session by what is known best", () => {
    const words = { main: "Main", fresh: "New chat" };
    expect(titleOf(row("agent:main:x", 0, { label: "L", derivedTitle: "D" }), words)).toBe("L");
    expect(titleOf(row("agent:main:x", 0, { derivedTitle: "D" }), words)).toBe("D");
    expect(titleOf(row("agent:main:main", 0), words)).toBe("Main");
    expect(titleOf(row("agent:main:x", 0), words, "first  words")).toBe("first words");
    expect(titleOf(row("agent:main:x", 0), words)).toBe("New chat");
  });

  it("takes changes without losing titles, and deletions", () => {
    const rows = readSessionList({ sessions: [{ key: "main", derivedTitle: "T" }, { key: "main" }, {}, 5] }, defaults);
    expect(rows.map((one) => one.key)).toEqual(["agent:main:main"]);
    const changed = applyChange(rows, { sessionKey: "main", session: { key: "main", hasActiveRun: true } }, defaults);
    expect(changed[0]).toMatchObject({ derivedTitle: "T", running: true });
    expect(applyChange(changed, { sessionKey: "main", reason: "delete" }, defaults)).toEqual([]);
  });
});

describe("errors of a run", () => {
  it.each([
    [{ kind: "rate_limit", message: "" }, "error.rate"],
    [{ httpStatus: 401, message: "" }, "error.key"],
    [{ kind: "unknown", httpStatus: 403, message: "" }, "error.key"],
    [{ message: "HTTP 429: too many requests" }, "error.rate"],
    [{ message: "prompt is too long: 210000 tokens" }, "error.context"],
    [{ message: "No API key found for provider" }, "error.noModel"],
    [{ message: "connect ECONNREFUSED 127.0.0.1:1" }, "error.unreachable"],
    [{ message: "request timed out" }, "error.timeout"],
    [{ message: "odd" }, "error.generic"],
  ])("%j is %s", (error, headline) => expect(errorText(error).headline).toBe(headline));

  it("never shows a key", () => {
    expect(maskSecrets("bad key sk-ant-api03-abcdefghijklmnop and Bearer abcdefghijklmnopqrstuvwxyz")).not.toMatch(/abcdefghijkl/);
  });
});

describe("small things", () => {
  it("says what a tool did", () => {
    expect(toolVerb("bash")).toBe("tool.exec");
    expect(toolVerb("web_fetch")).toBe("tool.fetch");
    expect(toolVerb("mcp__x")).toBe("tool.other");
    expect(toolArgument({ timeout: 5, command: "ls\n -l" })).toBe("ls -l");
    expect(toolArgument(null)).toBe("");
  });

  it("labels models and refuses half rows", () => {
    expect(readModels({ models: [{ id: "a", provider: "builtin" }, { id: "b" }, 5] })).toEqual([{ id: "a", provider: "builtin", name: "a", contextWindow: undefined, available: true }]);
  });

  it("falls back to defaults for settings it does not know", () => {
    expect(readSettings({ theme: "dark", language: "xx", sendKey: 5 })).toMatchObject({ theme: "dark", language: "auto", sendKey: "enter" });
  });

  it("reveals text in whole graphemes and within 120 ms", () => {
    const text = "ab👩‍👩‍👧cd";
    for (let shown = 0; shown < text.length; ) {
      shown = revealLength(text, shown, 16);
      expect(["a", "ab", "ab👩‍👩‍👧", "ab👩‍👩‍👧c", text]).toContain(text.slice(0, shown));
    }
    expect(revealLength("x".repeat(500), 0, 120)).toBe(500);
    expect(revealLength("x".repeat(500), 0, 12)).toBe(50);
  });

  it("mounts what is near the view, never more than forty turns", () => {
    const heights = Array.from({ length: 5_000 }, () => 100);
    const middle = sliceAt(heights, 250_000, 600);
    expect(middle.start).toBeLessThan(2_500);
    expect(middle.end).toBeGreaterThan(2_506);
    expect(middle.end - middle.start).toBeLessThanOrEqual(40);
    expect(middle.top + (middle.end - middle.start) * 100 + middle.bottom).toBe(500_000);
    const end = sliceAtEnd(heights, 600);
    expect(end).toMatchObject({ end: 5_000, bottom: 0 });
    expect(end.top + (end.end - end.start) * 100).toBe(500_000);
    expect(sliceAt([], 0, 600)).toEqual({ start: 0, end: 0, top: 0, bottom: 0 });
  });
});
