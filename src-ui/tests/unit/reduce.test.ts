import { describe, expect, it } from "vitest";
import type { EventFrame } from "../../src/protocol/frames";
import { isObject } from "../../src/protocol/frames";
import { conversation, frame, MAIN, opened, replay, run, sent, textOf, trace, turnOf } from "./replay";

const REPLY = "Hello from the mock model. This reply is streamed in pieces.";

const delta = (runId: string, seq: number, text: string) =>
  frame("chat", { runId, sessionKey: MAIN, seq, state: "delta", message: { role: "assistant", content: [{ type: "text", text }] } });
const final = (runId: string, seq: number, text?: string) =>
  frame("chat", { runId, sessionKey: MAIN, seq, state: "final", ...(text !== undefined && { message: { role: "assistant", content: [{ type: "text", text }] } }) });
const tool = (runId: string, seq: number, data: object) => frame("agent", { runId, sessionKey: MAIN, seq, stream: "tool", ts: 5, data });

describe("recorded runs", () => {
  it("shows a protocol 4 run", () => {
    const state = replay(run(opened(), [sent("run-0001")]), trace("v4/chat-run.jsonl"));
    const turn = turnOf(state, "run-0001");
    expect(textOf(turn)).toBe(REPLY);
    expect(turn.run).toMatchObject({ state: "done", model: "mock-1", usage: { input: 10, output: 13 } });
    expect(conversation(state).turns).toHaveLength(1);
  });

  it("shows a protocol 3 run, whose events use the alias of the session", () => {
    const state = replay(run(opened(), [sent("v3run-1")]), trace("v3/chat-run.jsonl"));
    expect(textOf(turnOf(state, "v3run-1"))).toContain("Hello from the mock model");
    expect(turnOf(state, "v3run-1").run?.state).toBe("done");
  });

  it("shows a run started elsewhere, with the message that began it", () => {
    const state = replay(opened(), trace("v4/chat-run.jsonl"));
    expect(turnOf(state, "run-0001").user?.text).toBe("Hello, who are you?");
    expect(textOf(turnOf(state, "run-0001"))).toBe(REPLY);
  });

  it("puts a tool step between the message and the answer", () => {
    const key = "agent:main:dashboard:139c6cb2-2cb7-4ebb-b843-a442eb37ec64";
    const state = replay(opened(key), trace("v4/chat-tool.jsonl"));
    const turn = turnOf(state, "run-0022", key);
    expect(turn.parts.map((part) => part.kind)).toEqual(["tool", "text"]);
    expect(turn.parts[0]).toMatchObject({ name: "read", args: { path: "notes.txt" }, output: "example note\n", state: "done" });
    expect(turn.user?.media[0]).toMatchObject({ contentType: "image/png", sizeBytes: 70 });
  });

  it.each([
    ["v4/chat-abort.jsonl", "run-0013", "word22"],
    ["v3/chat-abort.jsonl", "v3run-2", "word30"],
  ])("keeps the partial text of %s", (name, runId, lastWord) => {
    const turn = turnOf(replay(run(opened(), [sent(runId)]), trace(name)), runId);
    expect(turn.run?.state).toBe("stopped");
    expect(textOf(turn).endsWith(lastWord)).toBe(true);
    expect(turn.parts.every((part) => part.kind !== "text" || !part.open)).toBe(true);
  });

  it("takes the first of two error events", () => {
    const turn = turnOf(replay(run(opened(), [sent("run-0014")]), trace("v4/chat-error.jsonl")), "run-0014");
    expect(turn.run?.state).toBe("failed");
    const errors = turn.parts.filter((part) => part.kind === "error");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ error: { provider: "mock", kind: "format" } });
  });

  it("ends a protocol 3 failure, which is a final without a message", () => {
    const turn = turnOf(replay(run(opened(), [sent("v3run-3")]), trace("v3/chat-error.jsonl")), "v3run-3");
    expect(turn.run?.state).toBe("done");
    expect(turn.parts).toHaveLength(0);
  });
});

describe("a summary of earlier messages", () => {
  const step = (seq: number, data: object) => frame("agent", { runId: "r-1", sessionKey: MAIN, seq, stream: "compaction", ts: 5, data });

  it.each([
    [{ phase: "end", willRetry: false }, ["note"]],
    [{ phase: "end", willRetry: false, error: "not today" }, []],
  ])("is noted only when it was made: %j", (data, parts) => {
    const turn = turnOf(replay(run(opened(), [sent("r-1")]), [step(1, { phase: "start" }), step(2, data)]), "r-1");
    expect(turn.parts.map((part) => part.kind)).toEqual(parts);
  });
});

describe("damaged streams", () => {
  const clean = replay(run(opened(), [sent("run-0001")]), trace("v4/chat-run.jsonl"));

  it("heals any lost deltas, because each carries the whole text", () => {
    for (let kept = 1; kept < 6; kept++) {
      const frames = trace("v4/chat-run.jsonl").filter((one, index) => !isDelta(one) || index % kept === 0);
      expect(textOf(turnOf(replay(run(opened(), [sent("run-0001")]), frames), "run-0001"))).toBe(REPLY);
    }
  });

  it("ignores repeated and reordered deltas", () => {
    const frames = trace("v4/chat-run.jsonl");
    const doubled = frames.flatMap((one) => [one, one]);
    const state = replay(run(opened(), [sent("run-0001")]), doubled);
    expect(textOf(turnOf(state, "run-0001"))).toBe(textOf(turnOf(clean, "run-0001")));
    const late = replay(run(opened(), [sent("r")]), [delta("r", 3, "one two"), delta("r", 2, "one"), final("r", 3)]);
    expect(textOf(turnOf(late, "r"))).toBe("one two");
  });

  it("keeps streamed text when the final carries none", () => {
    const state = replay(run(opened(), [sent("r")]), [delta("r", 1, "some words"), final("r", 2)]);
    expect(textOf(turnOf(state, "r"))).toBe("some words");
    expect(turnOf(state, "r").run?.state).toBe("done");
  });

  it("replaces streamed text by a different final text", () => {
    const state = replay(run(opened(), [sent("r")]), [delta("r", 1, "draft"), final("r", 2, "The answer")]);
    expect(textOf(turnOf(state, "r"))).toBe("The answer");
  });

  it("ignores whatever comes after the end", () => {
    const state = replay(run(opened(), [sent("r")]), [final("r", 2, "done"), delta("r", 3, "more"), tool("r", 4, { phase: "start", name: "x", toolCallId: "c" })]);
    expect(textOf(turnOf(state, "r"))).toBe("done");
    expect(turnOf(state, "r").parts).toHaveLength(1);
  });

  it("ends as stopped before the first word", () => {
    const aborted = frame("chat", { runId: "r", sessionKey: MAIN, seq: 1, state: "aborted", stopReason: "rpc" });
    const turn = turnOf(replay(run(opened(), [sent("r")]), [aborted]), "r");
    expect(turn.run?.state).toBe("stopped");
    expect(turn.parts).toHaveLength(0);
  });

  it("appends increments when a gateway sends no snapshot, and replaces when told to", () => {
    const bare = (seq: number, deltaText: string, replace?: boolean) =>
      frame("chat", { runId: "r", sessionKey: MAIN, seq, state: "delta", deltaText, ...(replace && { replace }) });
    const grown = replay(run(opened(), [sent("r")]), [bare(1, "one"), bare(2, " two")]);
    expect(textOf(turnOf(grown, "r"))).toBe("one two");
    expect(textOf(turnOf(replay(grown, [bare(3, "other", true)]), "r"))).toBe("other");
  });

  it("survives payloads of the wrong shape", () => {
    const odd = [null, 5, [], {}, { sessionKey: MAIN }, { sessionKey: MAIN, runId: 5 }, { sessionKey: MAIN, runId: "r", state: "delta", message: 7 }];
    const frames = odd.flatMap((payload) => ["chat", "agent", "session.message"].map((event) => frame(event, payload as object)));
    expect(() => replay(run(opened(), [sent("r")]), frames)).not.toThrow();
  });
});

describe("text around tool calls", () => {
  it("splits one growing text at the step", () => {
    const frames = [delta("r", 1, "First."), tool("r", 2, { phase: "start", name: "exec", toolCallId: "c", args: { command: "ls" } }), tool("r", 3, { phase: "result", toolCallId: "c", result: "ok" }), delta("r", 4, "First.\n\nSecond."), final("r", 5, "First.\n\nSecond.")];
    const turn = turnOf(replay(run(opened(), [sent("r")]), frames), "r");
    expect(turn.parts.map((part) => (part.kind === "text" ? part.text : part.kind))).toEqual(["First.", "tool", "Second."]);
  });

  it("accepts a text that starts again after the step", () => {
    const frames = [delta("r", 1, "First."), tool("r", 2, { phase: "start", name: "exec", toolCallId: "c" }), delta("r", 3, "Second."), final("r", 4, "Second.")];
    const turn = turnOf(replay(run(opened(), [sent("r")]), frames), "r");
    expect(turn.parts.map((part) => (part.kind === "text" ? part.text : part.kind))).toEqual(["First.", "tool", "Second."]);
  });

  it("leaves no step running after the end", () => {
    const frames = [tool("r", 1, { phase: "start", name: "exec", toolCallId: "c" }), final("r", 2, "x")];
    expect(turnOf(replay(run(opened(), [sent("r")]), frames), "r").parts[0]).toMatchObject({ state: "failed" });
  });
});

describe("sending", () => {
  it("shows the message at once and fails without losing it", () => {
    const state = run(opened(), [sent("r", "my words"), { type: "send-failed", key: MAIN, runId: "r", reason: "no", confirmed: true, at: 2 }]);
    expect(turnOf(state, "r").user).toMatchObject({ text: "my words", delivery: "failed", failure: "no" });
    expect(turnOf(state, "r").run).toBeNull();
  });

  it("does not call a message failed whose answer already streams", () => {
    const state = replay(run(opened(), [sent("r")]), [delta("r", 1, "hi")]);
    const after = run(state, [{ type: "send-failed", key: MAIN, runId: "r", reason: "gone", confirmed: false, at: 2 }]);
    expect(turnOf(after, "r").user?.delivery).toBe("sending");
  });

  it("keeps the keys of what is on screen", () => {
    const before = replay(run(opened(), [sent("run-0001")]), trace("v4/chat-run.jsonl").slice(0, 20));
    const after = replay(run(opened(), [sent("run-0001")]), trace("v4/chat-run.jsonl"));
    expect(turnOf(after, "run-0001").parts[0]?.key).toBe(turnOf(before, "run-0001").parts[0]?.key);
  });

  it("hides replies that are not meant to be read", () => {
    const state = replay(run(opened(), [sent("r")]), [delta("r", 1, "NO_REPLY"), final("r", 2, "NO_REPLY")]);
    expect(turnOf(state, "r").parts).toHaveLength(0);
  });

  it("writes an injected note below the last answer", () => {
    const state = replay(run(opened(), [sent("r")]), [final("r", 1, "answer"), final("inject-1", 0, "[note]\n\ntext")]);
    expect(conversation(state).turns).toHaveLength(1);
    expect(textOf(turnOf(state, "r"))).toContain("[note]");
    expect(turnOf(state, "r").run?.id).toBe("r");
  });
});

function isDelta(one: EventFrame): boolean {
  return one.event === "chat" && isObject(one.payload) && one.payload.state === "delta";
}
