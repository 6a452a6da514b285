/** The connection as the interface sees it. */
import type { EventFrame } from "../protocol/frames";
import type { Methods } from "../protocol/contract";
import type { Hello } from "../protocol/hello";
import { GatewayClient, type Connection } from "../transport/client";
import type { Credentials } from "../transport/credentials";
import type { DeviceIdentity } from "../transport/identity";
import type { MediaHandle, Transport } from "../transport/transport";
import { FrameBuffer } from "./frames-buffer";

export interface GatewayHooks {
  onReady(hello: Hello, again: boolean): void;
  onFrames(frames: EventFrame[]): void;
  onGap(): void;
  onAway(): void;
  /** The app says which gateway answers; it comes before anything is presented to that one. */
  onGateway(name: string): void;
}

/** Away this long before the header says so, and before the page calls itself read-only. */
export const NOTICE_MS = 1_500;
export const READ_ONLY_MS = 6_000;

export class Gateway {
  connection = $state.raw<Connection>({ phase: "connecting", cause: null, awaySince: Date.now() });
  /** Kept after the connection is lost, for limits and features. */
  hello = $state.raw<Hello | null>(null);
  /** Becomes true with the first hello of this page. */
  everReady = $state(false);
  /** The desktop app has a connection of its own that may wait, too. */
  onRetry?: () => void;
  /** The desktop app has stopped trying, so that this page tries in vain. */
  givenUp = $state(false);
  readonly ready = $derived(this.connection.phase === "ready");
  /** Somebody is working on it; otherwise a person has to. */
  readonly trying = $derived(!this.givenUp && this.connection.phase !== "blocked");

  private readonly client: GatewayClient;

  constructor(
    readonly transport: Transport,
    private readonly credentials: Credentials,
    identity: Promise<DeviceIdentity | null>,
    private readonly hooks: GatewayHooks,
  ) {
    const buffer = new FrameBuffer((frames) => hooks.onFrames(frames));
    this.client = new GatewayClient(transport, credentials, identity, {
      onConnection: (connection) => {
        buffer.run();
        this.onConnection(connection);
      },
      onEvent: (frame) => buffer.push(frame),
      onGap: () => hooks.onGap(),
      onGateway: (name) => hooks.onGateway(name),
    });
  }

  start(): void {
    addEventListener("online", () => this.client.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.connection.phase === "waiting") this.client.retryNow();
    });
    this.client.start();
  }

  retryNow(): void {
    this.onRetry?.();
    this.client.retryNow();
  }

  signIn(secret: string): void {
    this.client.signIn(secret);
  }

  /** The parameters are those of the gateway's own method table; answers are read with care, whoever gives them. */
  request<M extends keyof Methods>(method: M, params: Methods[M]["params"] = {} as Methods[M]["params"]): Promise<unknown> {
    return this.client.request(method, params as object);
  }

  supports(method: string): boolean {
    return this.hello?.methods.has(method) ?? false;
  }

  get protocol(): number {
    return this.hello?.protocol ?? 3;
  }

  media(url: string): Promise<MediaHandle> {
    return this.transport.media(url, this.credentials.token);
  }

  private onConnection(connection: Connection): void {
    const wasReady = this.connection.phase === "ready";
    this.connection = connection;
    if (connection.phase === "ready") {
      const again = this.everReady;
      this.hello = connection.hello;
      this.everReady = true;
      this.hooks.onReady(connection.hello, again);
    } else if (wasReady) {
      this.hooks.onAway();
    }
  }
}
