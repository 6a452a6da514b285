/** One gateway connection: handshake, requests, events, watchdog and reconnect. */
import { isObject, number, parseFrame, text, type EventFrame, type ResponseFrame } from "../protocol/frames";
import { readHello, type Hello } from "../protocol/hello";
import { backoffMs } from "./backoff";
import { causeOfClose, causeOfRefusal, needsPerson, type Cause } from "./cause";
import type { Credentials } from "./credentials";
import { uuid } from "../protocol/uuid";
import { RequestError } from "./errors";
import type { DeviceIdentity } from "./identity";
import type { CloseInfo, Link, Transport } from "./transport";

export type Connection =
  | { phase: "connecting"; cause: Cause | null; awaySince: number }
  | { phase: "ready"; hello: Hello }
  | { phase: "waiting"; cause: Cause; awaySince: number; retryAt: number }
  | { phase: "blocked"; cause: Cause; awaySince: number };

export interface ClientEvents {
  onConnection(connection: Connection): void;
  onEvent(frame: EventFrame): void;
  /** At least one event was lost between two others. */
  onGap(): void;
  /** In the app's window: which gateway answers. */
  onGateway?(name: string): void;
}

interface Pending {
  resolve(payload: unknown): void;
  reject(error: RequestError): void;
  timer: ReturnType<typeof setTimeout>;
}

const ROLE = "operator";
const SCOPES = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"] as const;
const REQUEST_TIMEOUT_MS = 30_000;
const HANDSHAKE_TIMEOUT_MS = 15_000;
const PAIRING_RETRY_MS = 4_000;
const CLOSE_SILENT = 4000;
const CLOSE_REFUSED = 4008;

declare const __APP_VERSION__: string;

export class GatewayClient {
  private link: Link | null = null;
  private epoch = 0;
  private attempt = 0;
  private awaySince = Date.now();
  private refusal: Cause | null = null;
  private hello: Hello | null = null;
  private lastSeq: number | undefined;
  private requestNumber = 0;
  private readonly pending = new Map<string, Pending>();
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly credentials: Credentials,
    private readonly identity: Promise<DeviceIdentity | null>,
    private readonly events: ClientEvents,
  ) {}

  start(): void {
    this.open(null);
  }

  /** Skips the wait; does nothing while a connection is open or being opened. */
  retryNow(): void {
    if (this.link === null) this.open(null);
  }

  /** Connects with a secret the person typed. */
  signIn(secret: string): void {
    this.credentials.typed(secret);
    this.dropLink();
    this.open(null);
  }

  stop(): void {
    clearTimeout(this.retryTimer);
    this.dropLink();
  }

  request(method: string, params: object = {}, timeoutMs = REQUEST_TIMEOUT_MS): Promise<unknown> {
    if (this.hello === null) return Promise.reject(RequestError.disconnected());
    return this.post(method, params, timeoutMs);
  }

  supports(method: string): boolean {
    return this.hello?.methods.has(method) ?? false;
  }

  private open(cause: Cause | null): void {
    clearTimeout(this.retryTimer);
    const epoch = ++this.epoch;
    this.refusal = null;
    this.lastSeq = undefined;
    this.events.onConnection({ phase: "connecting", cause, awaySince: this.awaySince });
    this.armWatchdog(HANDSHAKE_TIMEOUT_MS);
    this.link = this.transport.open({
      onOpen: () => {},
      onText: (raw) => {
        if (epoch === this.epoch) this.receive(raw);
      },
      onClose: (info) => {
        if (epoch === this.epoch) this.closed(info);
      },
    });
  }

  private dropLink(): void {
    this.epoch++;
    clearTimeout(this.watchdog);
    this.link?.close(1000, "");
    this.link = null;
    this.hello = null;
    this.failPending();
  }

  private receive(raw: string): void {
    const frame = parseFrame(raw);
    if (frame === null) return;
    if (this.hello) this.armWatchdog(this.hello.tickIntervalMs * 2);
    if (frame.type === "res") return this.settle(frame);
    if (frame.event === "connect.challenge") {
      if (this.transport.native) this.events.onGateway?.((isObject(frame.payload) && text(frame.payload.gateway)) || "");
      void this.handshake(frame.payload, this.epoch);
      return;
    }
    this.checkSequence(frame);
    this.events.onEvent(frame);
  }

  private checkSequence(frame: EventFrame): void {
    if (frame.seq === undefined) return;
    const expected = this.lastSeq === undefined ? frame.seq : this.lastSeq + 1;
    this.lastSeq = frame.seq;
    if (frame.seq > expected) this.events.onGap();
  }

  private async handshake(challenge: unknown, epoch: number): Promise<void> {
    const identity = this.transport.native ? null : await this.identity;
    const params = await this.connectParams(challenge, identity);
    if (epoch !== this.epoch) return;
    try {
      const payload = await this.post("connect", params, HANDSHAKE_TIMEOUT_MS);
      if (epoch === this.epoch) this.ready(payload);
    } catch (error) {
      if (epoch === this.epoch && error instanceof RequestError && error.failure !== "refused") {
        this.link?.close(CLOSE_REFUSED, "connect failed");
      }
    }
  }

  private async connectParams(challenge: unknown, identity: DeviceIdentity | null): Promise<object> {
    const nonce = isObject(challenge) ? (text(challenge.nonce) ?? "") : "";
    const signedAt = (isObject(challenge) ? number(challenge.ts) : undefined) ?? Date.now();
    const { clientId, clientMode, native } = this.transport;
    const auth = native ? undefined : this.credentials.auth;
    const proof = { clientId, clientMode, role: ROLE, scopes: SCOPES, token: auth?.token ?? auth?.bootstrapToken ?? "", nonce, signedAt };
    return {
      minProtocol: 3,
      maxProtocol: 4,
      client: { id: clientId, version: __APP_VERSION__, platform: navigator.platform || "web", mode: clientMode },
      caps: ["tool-events"],
      role: ROLE,
      scopes: SCOPES,
      locale: navigator.language,
      ...(auth && { auth }),
      ...(identity && { device: await identity.prove(proof) }),
    };
  }

  private ready(payload: unknown): void {
    const hello = readHello(payload);
    this.hello = hello;
    this.attempt = 0;
    if (hello.deviceToken && !this.transport.native) this.credentials.remember(hello.deviceToken);
    this.armWatchdog(hello.tickIntervalMs * 2);
    this.events.onConnection({ phase: "ready", hello });
  }

  private post(method: string, params: object, timeoutMs: number): Promise<unknown> {
    const link = this.link;
    if (link === null) return Promise.reject(RequestError.disconnected());
    const id = `${++this.requestNumber}:${uuid()}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(RequestError.timeout(method, timeoutMs));
      }, timeoutMs);
      this.pending.set(id, { resolve, reject, timer });
      link.send(JSON.stringify({ type: "req", id, method, params }));
    });
  }

  private settle(frame: ResponseFrame): void {
    const pending = this.pending.get(frame.id);
    if (!pending) return;
    this.pending.delete(frame.id);
    clearTimeout(pending.timer);
    if (frame.ok) return pending.resolve(frame.payload);
    if (this.hello === null && frame.error) void this.noteRefusal(frame.error);
    pending.reject(RequestError.refused(frame.error));
  }

  private noteRefusal(error: NonNullable<ResponseFrame["error"]>): void {
    this.refusal = causeOfRefusal(error);
    if (this.refusal.kind === "wrong-secret" || this.refusal.kind === "used-code") this.credentials.forget();
    if (this.refusal.kind === "pairing" && !this.refusal.deviceId) {
      const refusal = this.refusal;
      void this.identity.then((identity) => (refusal.deviceId = identity?.id));
    }
  }

  private closed(info: CloseInfo): void {
    if (this.hello) this.awaySince = Date.now();
    this.epoch++;
    clearTimeout(this.watchdog);
    this.link = null;
    this.hello = null;
    const cause = causeOfClose(info, this.refusal);
    if (cause.kind === "wrong-secret" && !this.refusal) this.credentials.forget();
    this.failPending();
    // A browser that was let in earlier needs no code.
    if (cause.kind === "used-code" && this.credentials.auth) return this.open(null);
    if (needsPerson(cause)) {
      this.events.onConnection({ phase: "blocked", cause, awaySince: this.awaySince });
      return;
    }
    this.retryLater(cause);
  }

  private retryLater(cause: Cause): void {
    const delay = cause.kind === "pairing" ? PAIRING_RETRY_MS : this.nextDelay(cause);
    const retryAt = Date.now() + delay;
    this.events.onConnection({ phase: "waiting", cause, awaySince: this.awaySince, retryAt });
    this.retryTimer = setTimeout(() => this.open(cause), delay);
  }

  private nextDelay(cause: Cause): number {
    const delay = backoffMs(this.attempt++);
    // The hint is a floor for refusals and a head start for announced restarts, but only once.
    if (cause.retryAfterMs === undefined) return delay;
    return this.attempt === 1 || cause.kind === "rate-limited" ? cause.retryAfterMs : Math.max(delay, cause.retryAfterMs);
  }

  private armWatchdog(ms: number): void {
    clearTimeout(this.watchdog);
    const epoch = this.epoch;
    this.watchdog = setTimeout(() => {
      if (epoch !== this.epoch) return;
      const link = this.link;
      this.closed({ code: CLOSE_SILENT, reason: "tick timeout" });
      link?.close(CLOSE_SILENT, "tick timeout");
    }, ms);
  }

  private failPending(): void {
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const pending of waiting) {
      clearTimeout(pending.timer);
      pending.reject(RequestError.disconnected());
    }
  }
}
