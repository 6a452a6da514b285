import { beforeEach, describe, expect, test, vi } from "vitest";
import { Question, type Standing } from "../../src/quick/question";
import { wordsFor } from "../../src/quick/words";
import { RequestError } from "../../src/transport/errors";

test("the small prompt speaks the language of the app, or else that of the system", () => {
  expect(wordsFor("", "fr-FR")).toMatchObject({ language: "fr", words: { ask: "Demander à Clawdbot" } });
  expect(wordsFor("", "es")).toMatchObject({ language: "es" });
  expect(wordsFor("en", "fr-FR")).toMatchObject({ language: "en" });
  expect(wordsFor("", "de-DE")).toMatchObject({ language: "en" });
});

const KEY = "agent:main:main";
type Sent = { method: string; params: Record<string, unknown> };

describe("a question", () => {
  let sent: Sent[];
  let shown: { answer: string; standing: Standing; arrived: string[] };
  /** What the gateway answers; a failure is thrown. */
  const gateway = vi.fn<(call: Sent) => unknown>();

  const question = () =>
    new Question(
      async (method, params) => {
        const call = { method, params: params as Sent["params"] };
        sent.push(call);
        const answer = gateway(call);
        if (answer instanceof Error) throw answer;
        return answer;
      },
      {
        answer: (markdown) => (shown.answer = markdown),
        standing: (standing) => (shown.standing = standing),
        arrived: (message) => shown.arrived.push(message),
      },
    );
  const keys = () => sent.filter(({ method }) => method === "chat.send").map(({ params }) => params.idempotencyKey);
  const run = () => String(keys().at(-1));
  const chat = (payload: object) => ({ type: "event" as const, event: "chat", payload: { runId: run(), ...payload } });
  const words = (text: string) => ({ role: "assistant", content: [{ type: "text", text }] });
  const row = (role: string, text: string, extra = {}) => ({ role, content: [{ type: "text", text }], timestamp: 1, __openclaw: { id: role, runId: run() }, ...extra });

  beforeEach(() => {
    sent = [];
    shown = { answer: "", standing: null, arrived: [] };
    gateway.mockReset();
  });

  test("is sent again under the same key after a failure that may have arrived, and under another one afterwards", async () => {
    const asking = question();
    gateway.mockReturnValueOnce(RequestError.disconnected()).mockReturnValueOnce(RequestError.timeout("chat.send", 30_000));
    await asking.ask(KEY, "What?");
    expect(shown).toEqual({ answer: "", standing: "failed", arrived: [] });
    await asking.ask(KEY, "What?");
    gateway.mockReturnValue({ status: "started" });
    await asking.ask(KEY, "What?");
    expect(shown).toMatchObject({ standing: "working", arrived: ["What?"] });
    await asking.ask(KEY, "What?");
    const [first, ...others] = keys();
    expect(others.slice(0, 2)).toEqual([first, first]);
    expect(others[2]).not.toBe(first);
  });

  test("that was answered meanwhile shows the answer", async () => {
    const asking = question();
    gateway.mockReturnValueOnce(RequestError.disconnected());
    await asking.ask(KEY, "What?");
    gateway.mockImplementation(({ method }) => (method === "chat.send" ? { status: "ok" } : { messages: [row("user", "What?"), row("assistant", "Forty-two.")], sessionInfo: { hasActiveRun: false } }));
    await asking.ask(KEY, "What?");
    expect(shown).toEqual({ answer: "Forty-two.", standing: null, arrived: ["What?"] });
  });

  test("shows what came while the connection was lost, and goes on", async () => {
    const asking = question();
    gateway.mockReturnValueOnce({ status: "started" });
    await asking.ask(KEY, "What?");
    asking.onEvent(chat({ state: "delta", message: words("Forty") }));
    gateway.mockReturnValueOnce({ messages: [row("user", "What?")], inFlightRun: { runId: run(), text: "Forty-two, I" } });
    await asking.takeUp();
    expect(shown).toMatchObject({ answer: "Forty-two, I", standing: "working" });
    asking.onEvent(chat({ state: "final", message: words("Forty-two, I think.") }));
    expect(shown).toMatchObject({ answer: "Forty-two, I think.", standing: null });
    await asking.takeUp();
    expect(sent).toHaveLength(2);
  });

  test.each([
    ["its answer", [{ role: "assistant", content: [{ type: "text", text: "Forty-two." }] }], "Forty-two.", null],
    ["that it was stopped", [{ role: "assistant", content: [{ type: "text", text: "Forty" }], stopReason: "aborted" }], "Forty", "stopped"],
    ["why it failed", [{ role: "assistant", content: [], stopReason: "error", errorMessage: "No key." }], "", { reason: "No key." }],
    ["that nothing came", [], "", "failed"],
  ])("whose end was missed shows %s", async (_, rows, answer, standing) => {
    const asking = question();
    gateway.mockReturnValueOnce({ status: "started" });
    await asking.ask(KEY, "What?");
    gateway.mockReturnValueOnce({ messages: [row("user", "What?"), ...rows], sessionInfo: { hasActiveRun: false } });
    await asking.takeUp();
    expect(shown).toMatchObject({ answer, standing });
  });

  test("that waits behind another run goes on waiting", async () => {
    const asking = question();
    gateway.mockReturnValueOnce({ status: "started" });
    await asking.ask(KEY, "What?");
    gateway.mockReturnValueOnce({ messages: [row("user", "What?")], inFlightRun: { runId: "another", text: "Not mine" } });
    await asking.takeUp();
    expect(shown).toMatchObject({ answer: "", standing: "working" });
    asking.onEvent(chat({ state: "final", message: words("Mine.") }));
    expect(shown).toMatchObject({ answer: "Mine.", standing: null });
  });

  test("that never arrived can be asked again; one that was refused says why", async () => {
    const asking = question();
    gateway.mockReturnValueOnce(RequestError.disconnected()).mockReturnValueOnce({ messages: [], sessionInfo: { hasActiveRun: false } });
    await asking.ask(KEY, "What?");
    await asking.takeUp();
    expect(shown).toEqual({ answer: "", standing: "failed", arrived: [] });
    gateway.mockReturnValueOnce(RequestError.refused({ code: "UNAVAILABLE", message: "The lane is full." }));
    await asking.ask(KEY, "What?");
    expect(shown.standing).toEqual({ reason: "The lane is full." });
    expect(new Set(keys()).size).toBe(1);
  });
});
