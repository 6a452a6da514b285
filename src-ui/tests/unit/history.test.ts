import { describe, expect, it } from "vitest";
import { readHistory } from "../../src/chat/history";
import { buildTurns } from "../../src/chat/rows";
import type { ChatState } from "../../src/chat/reduce";
import { conversation, fixture, frame, MAIN, opened, replay, run, sent, textOf, trace, turnOf } from "./replay";

const user = (runId: string, text: string, at = 1000) => ({
  role: "user", content: text, timestamp: at, idempotencyKey: `${runId}:user`, __openclaw: { id: `u-${runId}`, seq: 1 },
});
const reply = (runId: string, text: string, extra: object = {}) => ({
  role: "assistant", content: [{ type: "text", text }], timestamp: 1200, stopReason: "stop", __openclaw: { id: `a-${runId}`, runId }, ...extra,
});
const history = (state: ChatState, messages: unknown[], extra: object = {}, at = 2000) =>
  run(state, [{ type: "history", key: MAIN, page: readHistory({ messages, ...extra }, 0), at }]);
const keys = (state: ChatState) => conversation(state).turns.map((turn) => turn.key);
const idle = { sessionInfo: { hasActiveRun: false } };
const busy = { sessionInfo: { hasActiveRun: true } };

describe("turns from history rows", () => {
  it("reads a recorded history with a tool call", () => {
    const turns = buildTurns((JSON.parse(fixture("v4/chat-history.json")) as { messages: unknown[] }).messages);
    expect(turns).toHaveLength(1);
    expect(turns[0]?.parts.map((part) => part.kind)).toEqual(["tool", "text"]);
    expect(turns[0]?.parts[0]).toMatchObject({ output: "example note\n", state: "done" });
    expect(turns[0]?.run).toMatchObject({ id: "run-0022", state: "done", model: "mock-1" });
  });

  it.each([
    [{ openclawAbort: { aborted: true, origin: "rpc", runId: "r" } }, "stopped"],
    [{ stopReason: "aborted" }, "stopped"],
    [{ stopReason: "interrupted" }, "interrupted"],
    [{ __openclaw: { id: "a-r", runId: "r", interrupted: true } }, "interrupted"],
    [{ stopReason: "error", errorMessage: "401" }, "failed"],
    [{}, "done"],
  ])("draws the end mark of %j", (extra, state) => {
    expect(buildTurns([user("r", "q"), reply("r", "partial", extra)])[0]?.run?.state).toBe(state);
  });

  it("never gives two nodes the same key", () => {
    const turns = buildTurns([user("r", "q"), reply("r", "a"), user("r", "q"), reply("r", "a"), reply("r", "a")]);
    const all = turns.flatMap((turn) => [turn.key, ...turn.parts.map((part) => `${turn.key}/${part.key}`)]);
    expect(new Set(all).size).toBe(all.length);
  });

  it("skips rows of the wrong shape", () => {
    expect(buildTurns([null, 5, {}, { role: "odd" }, { role: "assistant", content: [null, 5] }])).toHaveLength(1);
  });
});

describe("merging history into what is shown", () => {
  it("attaches real ids without changing keys or text", () => {
    const live = replay(run(opened(), [sent("run-0001", "Hello, who are you?")]), trace("v4/chat-run.jsonl"));
    const before = turnOf(live, "run-0001");
    const after = turnOf(history(live, [user("run-0001", "Hello, who are you?"), reply("run-0001", textOf(before))], idle), "run-0001");
    expect(after.user?.id).toBe("u-run-0001");
    expect(after.parts.map((part) => part.key)).toEqual(before.parts.map((part) => part.key));
  });

  it("leaves a running turn alone", () => {
    const delta = frame("chat", { runId: "r", sessionKey: MAIN, seq: 1, state: "delta", message: { content: [{ type: "text", text: "live" }] } });
    const live = replay(run(opened(), [sent("r")]), [delta]);
    const after = turnOf(history(live, [user("r", "hello")], busy), "r");
    expect(textOf(after)).toBe("live");
    expect(after.run?.state).toBe("running");
  });

  it("keeps a message that history does not know yet, and drops what the gateway removed", () => {
    const known = history(opened(), [user("a", "one"), reply("a", "1"), user("b", "two"), reply("b", "2")], idle);
    const waiting = run(known, [sent("c", "three")]);
    expect(keys(history(waiting, [user("b", "two"), reply("b", "2")], idle))).toEqual(["b", "c"]);
  });

  it("keeps two identical messages apart", () => {
    const state = history(run(opened(), [sent("r1", "same"), sent("r2", "same")]), [user("r1", "same"), user("r2", "same")], busy);
    expect(keys(state)).toEqual(["r1", "r2"]);
  });

  it("finds a message by its words when a gateway gives no ids", () => {
    const row = { role: "user", content: "hello  there", timestamp: 1500 };
    const state = history(run(opened(), [sent("r", "hello there")]), [row]);
    expect(keys(state)).toEqual(["r"]);
  });

  it("confirms a send that a dropped connection left in doubt", () => {
    const doubt = run(opened(), [sent("r"), { type: "send-failed", key: MAIN, runId: "r", reason: "", confirmed: false, at: 1 }]);
    expect(turnOf(history(doubt, [user("r", "hello"), reply("r", "hi")], idle), "r").user?.delivery).toBe("accepted");
    expect(turnOf(history(doubt, [], idle), "r").user?.delivery).toBe("unconfirmed");
  });

  it("marks a run interrupted that the gateway no longer knows", () => {
    const live = run(opened(), [sent("r"), { type: "accepted", key: MAIN, runId: "r", running: true, at: 1 }]);
    expect(turnOf(history(live, [user("r", "hello")], idle), "r").run?.state).toBe("interrupted");
  });

  it("keeps partial text that protocol 3 does not store", () => {
    const stopped = replay(run(opened(), [sent("v3run-2", "SLOW story please")]), trace("v3/chat-abort.jsonl"));
    const after = turnOf(history(stopped, [{ role: "user", content: "SLOW story please", timestamp: 1000 }]), "v3run-2");
    expect(textOf(after)).toContain("word30");
    expect(after.run?.state).toBe("stopped");
  });

  it("continues a run that was in flight when the page was opened", () => {
    const state = history(opened(), [user("r", "hello")], { inFlightRun: { runId: "r", text: "so far" } });
    expect(turnOf(state, "r").run?.state).toBe("running");
    expect(textOf(turnOf(state, "r"))).toBe("so far");
    const more = replay(state, [frame("chat", { runId: "r", sessionKey: MAIN, seq: 9, state: "final", message: { content: [{ type: "text", text: "so far so good" }] } })]);
    expect(textOf(turnOf(more, "r"))).toBe("so far so good");
  });

  it("shows the working line for an active run without a name", () => {
    expect(turnOf(history(opened(), [user("r", "hello")], busy), "r").run?.state).toBe("running");
  });

  it("keeps a local card where it was", () => {
    const known = history(opened(), [user("a", "one"), reply("a", "1")], idle);
    const noted = run(known, [{ type: "note", key: MAIN, id: "n1", note: { kind: "note", key: "n", note: "status", text: "s" } }]);
    expect(keys(history(noted, [user("a", "one"), reply("a", "1"), user("b", "two"), reply("b", "2")], idle))).toEqual(["a", "n1", "b"]);
  });
});

describe("older pages", () => {
  const page = (messages: unknown[], nextOffset: number, hasMore = true) => readHistory({ messages, hasMore, nextOffset }, 0);

  it("joins a turn that the page boundary cut in two", () => {
    const first = run(opened(), [{ type: "history", key: MAIN, page: page([reply("a", "second half"), user("b", "two")], 2), at: 1 }]);
    const state = run(first, [{ type: "older", key: MAIN, page: page([user("a", "one"), reply("a", "first half", { __openclaw: { id: "x", runId: "a" } })], 4, false) }]);
    expect(keys(state)).toEqual(["a", "b"]);
    expect(textOf(turnOf(state, "a"))).toBe("first halfsecond half");
    expect(conversation(state).hasMore).toBe(false);
  });

  it("keeps older pages when the newest page is read again", () => {
    const first = run(opened(), [{ type: "history", key: MAIN, page: page([user("c", "3")], 1), at: 1 }]);
    const older = run(first, [{ type: "older", key: MAIN, page: page([user("a", "1"), user("b", "2")], 3, false) }]);
    const again = run(older, [{ type: "history", key: MAIN, page: page([user("c", "3"), user("d", "4")], 2), at: 2 }]);
    expect(keys(again)).toEqual(["a", "b", "c", "d"]);
    expect(conversation(again)).toMatchObject({ hasMore: false, nextOffset: 3 });
  });

  it("does not show a message twice when pages overlap", () => {
    const first = run(opened(), [{ type: "history", key: MAIN, page: page([user("b", "2"), user("c", "3")], 2), at: 1 }]);
    expect(keys(run(first, [{ type: "older", key: MAIN, page: page([user("a", "1"), user("b", "2")], 4) }]))).toEqual(["a", "b", "c"]);
  });
});
