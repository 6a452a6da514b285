import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backoffMs } from "../../src/transport/backoff";
import { causeOfClose, causeOfRefusal, needsPerson } from "../../src/transport/cause";
import { GatewayClient, type Connection } from "../../src/transport/client";
import { Credentials } from "../../src/transport/credentials";
import { proofPayload } from "../../src/transport/identity";
import { readClose } from "../../src/transport/native";
import { isExternalUrl, mediaPath, type Transport, type TransportEvents } from "../../src/transport/transport";
import type { WireError } from "../../src/protocol/frames";
import { fixture } from "./replay";

const refusals = JSON.parse(fixture("v4/auth-failures.json")) as Record<string, { error: WireError | null; close: { code: number; reason: string } | null }>;

describe("causes", () => {
  it.each([
    ["token-missing", "secret-missing"],
    ["token-mismatch", "wrong-secret"],
    ["bad-signature", "device-proof"],
    ["stale", "device-clock"],
    ["proto-5", "client-too-old"],
    ["node-proto-3", "pairing"],
    ["bad-origin", "origin"],
    ["bad-client-id", "refused"],
  ])("recorded %s is %s", (name, kind) => {
    const { error, close } = refusals[name]!;
    const cause = causeOfRefusal(error!);
    expect(cause.kind).toBe(kind);
    expect(causeOfClose(close!, cause)).toBe(cause);
  });

  it.each([
    ["token-missing", "secret-missing"],
    ["token-mismatch", "wrong-secret"],
    ["node-proto-3", "pairing"],
    ["proto-5", "client-too-old"],
    ["bad-origin", "origin"],
  ])("close reason alone of %s is %s", (name, kind) => {
    expect(causeOfClose(refusals[name]!.close!, null).kind).toBe(kind);
  });

  it.each([
    [{ code: 1006, reason: "" }, "unreachable", false],
    [{ code: 1012, reason: "service restart" }, "restarting", false],
    [{ code: 1013, reason: "gateway starting" }, "starting", false],
    [{ code: 1008, reason: "slow consumer" }, "unreachable", false],
    [{ code: 4000, reason: "tick timeout" }, "silent", false],
    [{ code: 4001, reason: "gateway auth changed" }, "wrong-secret", true],
  ])("%j is %s", (close, kind, person) => {
    const cause = causeOfClose(close, null);
    expect(cause.kind).toBe(kind);
    expect(needsPerson(cause)).toBe(person);
  });

  it("waits as long as a rate limit says", () => {
    const error = { code: "INVALID_REQUEST", message: "unauthorized: too many failed authentication attempts (retry later)", retryAfterMs: 9000 };
    expect(causeOfRefusal(error)).toMatchObject({ kind: "rate-limited", retryAfterMs: 9000 });
  });
});

describe("backoff", () => {
  it("grows to 15 s and stays within its jitter", () => {
    const steps = Array.from({ length: 12 }, (_, attempt) => backoffMs(attempt, () => 0.5));
    expect(steps.slice(0, 3)).toEqual([800, 1360, 2312]);
    expect(steps.at(-1)).toBe(15_000);
    expect(backoffMs(0, () => 0)).toBe(640);
    expect(backoffMs(99, () => 1)).toBe(18_000);
  });
});

describe("device proof", () => {
  it("builds the payload of every recorded v2 vector", () => {
    type Vector = { inputs: { deviceId: string; clientId: string; clientMode: string; role: string; scopes: string[]; signedAtMs: number; token: string; nonce: string }; payload: string };
    const vectors = JSON.parse(fixture("device-v2.json")) as Vector[];
    expect(vectors.length).toBeGreaterThan(1);
    for (const { inputs, payload } of vectors) {
      expect(proofPayload(inputs.deviceId, { ...inputs, signedAt: inputs.signedAtMs })).toBe(payload);
    }
  });
});

describe("addresses", () => {
  it("resolves media of the gateway and nothing else", () => {
    expect(mediaPath("media://inbound/25f2-a.png")).toBe("inbound/25f2-a.png");
    for (const bad of ["media://inbound/../x", "media://outbound/x.png", "https://x/y", "media://inbound/a/b", "media://inbound/%2e%2e"]) expect(mediaPath(bad)).toBeNull();
  });
  it("lets only web and mail links out", () => {
    expect(isExternalUrl("https://example.org")).toBe(true);
    expect(isExternalUrl("file:///etc/passwd")).toBe(false);
  });
  it("reads the end of a native connection", () => {
    expect(readClose('{"type":"close","code":1012,"reason":"service restart"}')).toEqual({ code: 1012, reason: "service restart" });
    expect(readClose('{"type":"event","event":"x","payload":{"a":"\\"close\\""}}')).toBeNull();
  });
});

class FakeTransport implements Transport {
  readonly native = false;
  readonly clientId = "webchat-ui";
  readonly clientMode = "webchat";
  links: { events: TransportEvents; sent: { id: string; method: string; params: Record<string, unknown> }[]; closed: number | null }[] = [];

  open(events: TransportEvents) {
    const link = { events, sent: [] as never[] as FakeTransport["links"][number]["sent"], closed: null as number | null };
    this.links.push(link);
    return {
      send: (text: string) => void link.sent.push(JSON.parse(text)),
      close: (code: number) => {
        link.closed = code;
      },
    };
  }
  media(): Promise<never> {
    return Promise.reject(new Error("unused"));
  }
  openExternal(): void {}

  get link() {
    return this.links.at(-1)!;
  }
  say(frame: object): void {
    this.link.events.onText(JSON.stringify(frame));
  }
  async challenge(): Promise<void> {
    this.say({ type: "event", event: "connect.challenge", payload: { nonce: "n", ts: 5 } });
    await vi.advanceTimersByTimeAsync(0);
  }
  async welcome(payload: object = {}): Promise<void> {
    await this.challenge();
    this.say({ type: "res", id: this.link.sent[0]!.id, ok: true, payload: { type: "hello-ok", protocol: 4, ...payload } });
    await vi.advanceTimersByTimeAsync(0);
  }
  async refuse(code: string, message: string): Promise<void> {
    await this.challenge();
    this.say({ type: "res", id: this.link.sent[0]!.id, ok: false, error: { code: "INVALID_REQUEST", message, details: { code } } });
    await vi.advanceTimersByTimeAsync(0);
    this.link.events.onClose({ code: 1008, reason: message });
  }
}

describe("the client", () => {
  const states: Connection[] = [];
  const events: string[] = [];
  let gaps = 0;
  let transport: FakeTransport;
  let client: GatewayClient;
  const phase = () => states.at(-1)!;

  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
    states.length = 0;
    events.length = 0;
    gaps = 0;
    transport = new FakeTransport();
    start(new Credentials({ token: "typed-secret" }));
  });
  afterEach(() => {
    client.stop();
    vi.useRealTimers();
  });

  function start(credentials: Credentials) {
    client?.stop();
    client = new GatewayClient(transport, credentials, Promise.resolve(null), {
      onConnection: (state) => states.push(state),
      onEvent: (frame) => events.push(frame.event),
      onGap: () => gaps++,
    });
    client.start();
  }

  it("offers both protocols and sends the typed secret both ways", async () => {
    await transport.challenge();
    expect(transport.link.sent[0]).toMatchObject({
      method: "connect",
      params: { minProtocol: 3, maxProtocol: 4, role: "operator", caps: ["tool-events"], client: { id: "webchat-ui", mode: "webchat" }, auth: { token: "typed-secret", password: "typed-secret" } },
    });
  });

  it("keeps the device token and never the secret", async () => {
    await transport.welcome({ auth: { deviceToken: "dt-1" } });
    expect(phase().phase).toBe("ready");
    expect(JSON.stringify(localStorage)).toContain("dt-1");
    expect(JSON.stringify(localStorage)).not.toContain("typed-secret");
    start(new Credentials());
    await transport.challenge();
    expect(transport.link.sent[0]!.params.auth).toEqual({ token: "dt-1" });
  });

  it("drops a refused device token and asks the person", async () => {
    localStorage.setItem("webchat:deviceToken", "old");
    start(new Credentials());
    await transport.refuse("AUTH_DEVICE_TOKEN_MISMATCH", "unauthorized: device token mismatch");
    expect(phase()).toMatchObject({ phase: "blocked", cause: { kind: "wrong-secret" } });
    expect(localStorage.getItem("webchat:deviceToken")).toBeNull();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(transport.links.filter((link) => link.sent.length > 0)).toHaveLength(1);
  });

  it("signs in with a code once, and remembers what it got for it", async () => {
    start(new Credentials({ code: "c-1" }));
    await transport.welcome({ auth: { deviceToken: "dt-1" } });
    expect(transport.link.sent[0]!.params.auth).toEqual({ bootstrapToken: "c-1" });
    expect(JSON.stringify(localStorage)).not.toContain("c-1");
    transport.link.events.onClose({ code: 1006, reason: "" });
    client.retryNow();
    await transport.challenge();
    expect(transport.link.sent[0]!.params.auth).toEqual({ token: "dt-1" });
  });

  it("a used code is no harm to a browser that was let in before, and is said to another one", async () => {
    localStorage.setItem("webchat:deviceToken", "dt-1");
    start(new Credentials({ code: "c-1" }));
    await transport.refuse("AUTH_BOOTSTRAP_TOKEN_INVALID", "unauthorized: setup code invalid");
    await transport.challenge();
    expect(transport.link.sent[0]!.params.auth).toEqual({ token: "dt-1" });
    localStorage.clear();
    start(new Credentials({ code: "c-1" }));
    await transport.refuse("AUTH_BOOTSTRAP_TOKEN_INVALID", "unauthorized: setup code invalid");
    expect(phase()).toMatchObject({ phase: "blocked", cause: { kind: "used-code" } });
  });

  it("tries again with growing waits, and at once when asked", async () => {
    await transport.welcome();
    transport.link.events.onClose({ code: 1006, reason: "" });
    expect(phase()).toMatchObject({ phase: "waiting", cause: { kind: "unreachable" } });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(transport.links).toHaveLength(2);
    transport.link.events.onClose({ code: 1006, reason: "" });
    client.retryNow();
    expect(transport.links).toHaveLength(3);
    await transport.welcome();
    expect(phase().phase).toBe("ready");
  });

  it("keeps asking while a pairing waits for approval", async () => {
    await transport.challenge();
    transport.say({ type: "res", id: transport.link.sent[0]!.id, ok: false, error: { code: "NOT_PAIRED", message: "pairing required", details: { requestId: "q1", deviceId: "d1" } } });
    transport.link.events.onClose({ code: 1008, reason: "pairing required" });
    expect(phase()).toMatchObject({ phase: "waiting", cause: { kind: "pairing", requestId: "q1", deviceId: "d1" } });
    await vi.advanceTimersByTimeAsync(4_000);
    expect(transport.links).toHaveLength(2);
  });

  it("gives up on silence after two ticks", async () => {
    await transport.welcome({ policy: { tickIntervalMs: 1_000 } });
    await vi.advanceTimersByTimeAsync(1_900);
    transport.say({ type: "event", event: "tick", payload: {} });
    await vi.advanceTimersByTimeAsync(1_900);
    expect(phase().phase).toBe("ready");
    await vi.advanceTimersByTimeAsync(200);
    expect(phase()).toMatchObject({ phase: "waiting", cause: { kind: "silent" } });
    expect(transport.links[0]!.closed).toBe(4000);
  });

  it("answers requests, refusals, timeouts and a lost connection", async () => {
    await transport.welcome();
    const ok = client.request("a");
    const no = client.request("b").catch((error) => error as { failure: string; code: string });
    const never = client.request("c", {}, 1_000).catch((error) => error as { failure: string });
    const lost = client.request("d").catch((error) => error as { failure: string });
    const id = (method: string) => transport.link.sent.find((frame) => frame.method === method)!.id;
    transport.say({ type: "res", id: id("a"), ok: true, payload: 7 });
    transport.say({ type: "res", id: id("a"), ok: true, payload: 8 });
    transport.say({ type: "res", id: id("b"), ok: false, error: { code: "FORBIDDEN", message: "no" } });
    expect(await ok).toBe(7);
    expect(await no).toMatchObject({ failure: "refused", code: "FORBIDDEN" });
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await never).toMatchObject({ failure: "timeout" });
    transport.link.events.onClose({ code: 1006, reason: "" });
    expect(await lost).toMatchObject({ failure: "disconnected" });
    await expect(client.request("e")).rejects.toMatchObject({ failure: "disconnected" });
  });

  it("notices lost events and ignores noise", async () => {
    await transport.welcome();
    for (const seq of [1, 2, 5]) transport.say({ type: "event", event: "tick", payload: {}, seq });
    expect(gaps).toBe(1);
    for (const raw of ["", "nope", "[]", "5", '{"type":"event"}', '{"type":"res","id":5,"ok":true}']) transport.link.events.onText(raw);
    expect(events).toEqual(["tick", "tick", "tick"]);
  });
});
