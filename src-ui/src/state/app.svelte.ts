/** The application: which session is open, and what the person's actions do. */
import { answerText } from "../chat/parts";
import { activeRun, type Run, type Turn } from "../chat/model";
import type { EventFrame } from "../protocol/frames";
import { canonicalKey, FALLBACK_DEFAULTS, type Hello } from "../protocol/hello";
import { modelRef, type ModelRow, type SessionRow } from "../protocol/rows";
import { t, tn } from "../i18n/i18n.svelte";
import type { Credentials } from "../transport/credentials";
import type { DeviceIdentity } from "../transport/identity";
import type { Transport } from "../transport/transport";
import { Approvals } from "./approvals.svelte";
import { Catalog } from "./catalog.svelte";
import { Composer } from "./composer.svelte";
import { Conversations, reasonOf } from "./conversations.svelte";
import { Gateway } from "./gateway.svelte";
import { Pairings } from "./pairings.svelte";
import { keyFromPath, showPath } from "./router";
import { Sessions } from "./sessions.svelte";
import { settings } from "./settings.svelte";
import { gatewayName, here, readText, turnTo, writeText } from "./storage";
import { ui } from "./ui.svelte";

const LAST_SESSION = "lastSession";
/** The gateway that a window of the app was about last. */
const GATEWAY = "gateway";
const ANNOUNCED_CHARACTERS = 200;

export class App {
  activeKey = $state("");
  /** Grows when the transcript must go to its end: own send, jump to latest. */
  followSignal = $state(0);
  /** Grows when the composer must take the focus. */
  focusSignal = $state(0);
  /** The turn whose message is being changed in place. */
  editing = $state("");

  readonly gateway: Gateway;
  readonly catalog = new Catalog(() => this.gateway);
  readonly sessions = new Sessions(() => this.gateway);
  readonly composer = new Composer(() => this.gateway);
  readonly approvals = new Approvals(() => this.gateway);
  readonly pairings = new Pairings(() => this.gateway);
  readonly conversations = new Conversations(() => this.gateway, {
    onRunStart: (key) => this.onRunStart(key),
    onRunEnd: (key, run, turn) => this.onRunEnd(key, run, turn),
    onProblem: (reason) => ui.problem(t("error.stop", { reason })),
  });

  readonly conversation = $derived.by(() => this.conversations.chat.conversations[this.activeKey]);
  readonly run = $derived(activeRun(this.conversation));
  readonly row = $derived.by((): SessionRow | undefined => this.sessions.row(this.activeKey));
  readonly title = $derived.by(() => this.titleOfActive());

  constructor(transport: Transport, credentials: Credentials, identity: Promise<DeviceIdentity | null>) {
    this.gateway = new Gateway(transport, credentials, identity, {
      onReady: (hello, again) => this.onReady(hello, again),
      onFrames: (frames) => this.onFrames(frames),
      onGap: () => this.onGap(),
      onAway: () => {},
      onGateway: (name) => this.changeGateway(name),
    });
  }

  start(): void {
    if (this.gateway.transport.native) turnTo(readText(GATEWAY) ?? "");
    window.addEventListener("popstate", () => {
      const key = keyFromPath(location.pathname);
      if (key) this.open(key, { navigate: false });
    });
    window.addEventListener("pagehide", () => ui.flushToasts());
    const wanted = keyFromPath(location.pathname) ?? readText(here(LAST_SESSION));
    if (wanted) this.open(wanted, { replace: true });
    this.gateway.start();
  }

  /** Switches to a session; its draft is there at once, its history follows. */
  open(rawKey: string, options: { replace?: boolean; navigate?: boolean } = {}): void {
    const key = canonicalKey(rawKey, this.gateway.hello?.defaults ?? FALLBACK_DEFAULTS);
    if (options.navigate !== false) showPath(key, options.replace === true);
    ui.sidebarSheet = false;
    this.focusSignal++;
    if (key === this.activeKey) return;
    this.activeKey = key;
    this.editing = "";
    this.composer.open(key);
    writeText(here(LAST_SESSION), key);
    if (this.gateway.ready) this.load(key);
  }

  /** Another gateway answers from now on: what the page knows, and what was written, is not for it. */
  changeGateway(name: string): void {
    if (name === gatewayName()) return;
    for (const { key, text } of this.conversations.forget()) this.composer.giveBack(key, text);
    this.composer.close();
    turnTo(name);
    writeText(GATEWAY, name);
    this.sessions.forget();
    this.approvals.pending = [];
    this.pairings.pending = [];
    this.activeKey = "";
    this.editing = "";
  }

  private load(key: string): void {
    void this.conversations.open(key);
    this.sessions.markRead(key);
    if (this.gateway.supports("sessions.messages.subscribe")) {
      void this.gateway.request("sessions.messages.subscribe", { key }).catch(() => {});
    }
  }

  private onReady(hello: Hello, again: boolean): void {
    this.conversations.dispatch({ type: "defaults", defaults: hello.defaults });
    if (this.activeKey === "") this.open(hello.defaults.mainSessionKey, { replace: true });
    this.load(this.activeKey);
    if (again) {
      void this.conversations.reconcile();
      ui.announce(t("announce.connected"));
    }
    if (this.gateway.supports("sessions.subscribe")) {
      void this.gateway.request("sessions.subscribe", {}).catch(() => {});
    }
    void this.sessions.list();
    void this.catalog.load();
    void this.approvals.load();
    void this.pairings.load();
  }

  private onFrames(frames: EventFrame[]): void {
    this.conversations.onFrames(frames, Date.now());
    this.sessions.onFrames(frames);
    this.approvals.onFrames(frames);
    this.pairings.onFrames(frames);
    for (const frame of frames) {
      if (frame.event === "health") this.catalog.noticeHealth(frame.payload);
      if (frame.event === "session.message" && !this.run) this.conversations.scheduleRefreshAll();
    }
  }

  private onGap(): void {
    this.conversations.scheduleRefreshAll();
    this.sessions.listSoon();
  }

  private onRunStart(key: string): void {
    if (key === this.activeKey && settings.announce !== "off") {
      ui.announce(t("announce.answering", { agent: this.catalog.agent }));
    }
  }

  private onRunEnd(key: string, run: Run, turn: Turn): void {
    if (key === this.activeKey) this.announceEnd(run, turn);
    this.sessions.listSoon();
    const unsent = turn.user?.delivery === "failed" || turn.user?.delivery === "unconfirmed";
    if (run.state === "failed" || run.state === "interrupted" || unsent) {
      if (key === this.composer.key && this.composer.queue.length > 0) this.composer.paused = true;
      return;
    }
    this.sendNext(key);
  }

  private announceEnd(run: Run, turn: Turn): void {
    if (run.state === "stopped") return ui.announce(t("turn.stopped"));
    if (run.state === "interrupted") return ui.announce(t("turn.interrupted"));
    if (run.state === "failed") return ui.announce(t("error.generic"));
    if (settings.announce === "off") return;
    const text = answerText(turn);
    const words = text.split(/\s+/).filter(Boolean).length;
    const read = settings.announce === "full" ? text : text.slice(0, ANNOUNCED_CHARACTERS);
    ui.announce(`${read} ${tn("announce.complete", words)}`);
  }

  /** Sends the first queued message of a session, if there is one. */
  sendNext(key: string): void {
    const next = this.composer.next(key);
    if (!next) return;
    if (key === this.composer.key) this.composer.paused = false;
    this.conversations.send(key, next.text, next.attachments);
    if (key === this.activeKey) this.followSignal++;
  }

  /** Stops what is running, then sends this one first. */
  sendNow(id: string): void {
    this.composer.move(id, 0);
    if (this.run) this.stop();
    else this.sendNext(this.activeKey);
  }

  /** Enter: sends, or queues while a run is active. */
  submit(): void {
    const { text, attachments } = this.composer.take();
    if (text === "" && attachments.length === 0) return;
    this.sendOrQueue(text, attachments);
  }

  sendOrQueue(text: string, attachments: Parameters<Conversations["send"]>[2] = []): void {
    this.focusSignal++;
    if (this.run) {
      this.composer.enqueue({ text, attachments });
      ui.announce(t("announce.queued"));
      return;
    }
    this.conversations.send(this.activeKey, text, attachments);
    this.followSignal++;
    ui.announce(t("announce.sent"));
  }

  stop(): void {
    void this.conversations.stop(this.activeKey);
  }

  newChat(): void {
    const empty = this.row?.draft === true && (this.conversation?.turns.length ?? 0) === 0;
    if (empty) this.focusSignal++;
    else this.open(this.sessions.create());
  }

  removeSession(row: SessionRow): void {
    const wasOpen = row.key === this.activeKey;
    this.sessions.remove(row);
    if (!wasOpen) return;
    const next = this.sessions.rows.find((other) => other.key !== row.key)?.key ?? this.sessions.mainKey;
    this.open(next, { replace: true });
  }

  async resetSession(key: string): Promise<void> {
    try {
      await this.gateway.request("sessions.reset", { key });
      this.conversations.dispatch({ type: "cleared", key });
      await this.conversations.refresh(key);
      this.sessions.listSoon();
    } catch (error) {
      ui.problem(t("confirm.failed", { reason: reasonOf(error) ?? t("status.offline") }));
    }
  }

  async chooseModel(model: ModelRow): Promise<void> {
    const key = this.activeKey;
    const before = this.conversation;
    this.conversations.dispatch({ type: "model", key, model: model.id, modelProvider: model.provider });
    try {
      await this.gateway.request("sessions.patch", { key, model: modelRef(model) });
      ui.announce(t("model.changed", { name: model.name }));
    } catch (error) {
      this.conversations.dispatch({ type: "model", key, model: before?.model, modelProvider: before?.modelProvider });
      ui.problem(t("model.failed", { reason: reasonOf(error) ?? t("status.offline") }));
    }
  }

  /** Whether an edited message takes the place of the old one and of what follows it. */
  replaces(turn: Turn): boolean {
    return turn.user?.id !== undefined && this.gateway.supports("sessions.rewind");
  }

  /** Sends a changed message: in the old one's place where the gateway can go back, else as a new one. */
  async resend(turn: Turn, words: string): Promise<void> {
    const key = this.activeKey;
    this.editing = "";
    try {
      const attachments = await this.conversations.attachmentsOf(turn);
      if (this.replaces(turn)) {
        if (this.run) await this.conversations.stop(key);
        await this.conversations.rewind(key, turn);
      }
      this.sendOrQueue(words, attachments);
    } catch (error) {
      this.composer.edit({ text: words, attachments: [] });
      ui.problem(t("turn.failed", { reason: reasonOf(error) ?? t("status.offline") }));
    }
  }

  /** Takes a failed or queued message back into the composer. */
  editTurn(turn: Turn): void {
    const text = turn.user?.text ?? "";
    const attachments = this.conversations.discard(this.activeKey, turn);
    this.composer.edit({ text, attachments });
    this.focusSignal++;
  }

  private titleOfActive(): string {
    const row = this.row;
    const first = this.conversation?.turns.find((turn) => turn.user)?.user?.text;
    if (row && (row.label || row.derivedTitle || row.isMain)) return this.sessions.title(row);
    return first?.replace(/\s+/g, " ").slice(0, 48) || (row ? this.sessions.title(row) : t("sessions.new"));
  }
}
