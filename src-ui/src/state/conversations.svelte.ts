/** Conversations: history, sending, stopping. The reducers decide what is shown; this decides what is asked for. */
import { encode, inspect, type Attachment } from "../attachments/attachment";
import { attachmentLimits } from "../attachments/limits";
import { readHistory, type HistoryPage } from "../chat/history";
import { activeRun, type Conversation, type NotePart, type Run, type Turn } from "../chat/model";
import { initialChat, reduce, REWRITTEN, type ChatAction, type ChatState } from "../chat/reduce";
import { isObject, type EventFrame } from "../protocol/frames";
import { canonicalKey } from "../protocol/hello";
import { uuid } from "../protocol/uuid";
import { RequestError } from "../transport/errors";
import type { Gateway } from "./gateway.svelte";

export interface ConversationHooks {
  onRunStart(key: string): void;
  onRunEnd(key: string, run: Run, turn: Turn): void;
  onProblem(text: string): void;
}

interface Outgoing {
  key: string;
  text: string;
  attachments: Attachment[];
  at: number;
  resent: boolean;
}

const PAGE = 60;
/** A gateway of protocol 3 cannot page; it can only be asked for more. */
const V3_LAST_LIMIT = 1000;
const V3_LIMITS = [PAGE, 200, V3_LAST_LIMIT];
const REFRESH_MS = 250;
/** The gateway remembers a send for five minutes; repeating it later could run it twice. */
const RESEND_WINDOW_MS = 4 * 60_000;

export class Conversations {
  chat = $state.raw<ChatState>(initialChat);
  loadingOlder = $state.raw<ReadonlySet<string>>(new Set());
  /** The last reason a history could not be read, by session. */
  loadErrors = $state.raw<Readonly<Record<string, string>>>({});

  private readonly outgoing = new Map<string, Outgoing>();
  private readonly v3Limit = new Map<string, number>();
  private readonly refreshTimers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly gateway: () => Gateway,
    private readonly hooks: ConversationHooks,
  ) {}

  /**
   * Another gateway answers from now on, and nothing here is about it. What the old one had not taken is
   * handed back: it must not reach the new one by itself.
   */
  forget(): { key: string; text: string }[] {
    const untaken = [...this.outgoing.values()].map(({ key, text }) => ({ key, text }));
    for (const timer of this.refreshTimers.values()) clearTimeout(timer);
    this.refreshTimers.clear();
    this.outgoing.clear();
    this.v3Limit.clear();
    this.loadErrors = {};
    this.chat = initialChat;
    return untaken;
  }

  get(key: string): Conversation | undefined {
    return this.chat.conversations[key];
  }

  dispatch(...actions: ChatAction[]): void {
    const before = this.chat;
    const after = actions.reduce(reduce, before);
    if (after === before) return;
    this.chat = after;
    for (const [key, conversation] of Object.entries(after.conversations)) {
      const old = before.conversations[key];
      if (old && old !== conversation) this.noticeRuns(key, old, conversation);
    }
  }

  private noticeRuns(key: string, old: Conversation, conversation: Conversation): void {
    const was = activeRun(old);
    const is = activeRun(conversation);
    if (is && !was) this.hooks.onRunStart(key);
    if (!was || is?.id === was.id) return;
    const turn = conversation.turns.findLast((candidate) => candidate.run?.id === was.id);
    if (turn?.run) this.hooks.onRunEnd(key, turn.run, turn);
  }

  onFrames(frames: EventFrame[], at: number): void {
    this.dispatch(...frames.map((frame): ChatAction => ({ type: "frame", frame, at })));
    for (const frame of frames) {
      const payload = isObject(frame.payload) ? frame.payload : {};
      const terminal = frame.event === "chat" && ["final", "aborted", "error"].includes(String(payload.state));
      const rewritten = frame.event === "sessions.changed" && REWRITTEN.includes(String(payload.reason));
      const key = typeof payload.sessionKey === "string" ? canonicalKey(payload.sessionKey, this.chat.defaults) : "";
      if ((terminal || rewritten) && this.get(key)?.loaded === "yes") this.scheduleRefresh(key);
    }
  }

  /** Opens a session: shows what is known at once and reads the rest. */
  async open(key: string): Promise<void> {
    if (!this.get(key)) this.dispatch({ type: "model", key });
    if (this.get(key)?.loaded === "no") await this.refresh(key);
  }

  scheduleRefresh(key: string): void {
    clearTimeout(this.refreshTimers.get(key));
    this.refreshTimers.set(key, setTimeout(() => void this.refresh(key), REFRESH_MS));
  }

  scheduleRefreshAll(): void {
    for (const [key, conversation] of Object.entries(this.chat.conversations)) {
      if (conversation.loaded === "yes") this.scheduleRefresh(key);
    }
  }

  async refresh(key: string): Promise<void> {
    const gateway = this.gateway();
    if (!gateway.ready) return;
    try {
      const page = await this.readPage(key, 0);
      this.dispatch({ type: "history", key, page, at: Date.now() });
      this.loadErrors = { ...this.loadErrors, [key]: "" };
    } catch (error) {
      // A lost connection is the banner's news; the next hello reads again.
      if (reasonOf(error) !== null) this.loadErrors = { ...this.loadErrors, [key]: reasonOf(error) ?? "" };
    }
  }

  private async readPage(key: string, offset: number): Promise<HistoryPage> {
    const gateway = this.gateway();
    const pages = gateway.protocol >= 4;
    const limit = pages ? PAGE : (this.v3Limit.get(key) ?? PAGE);
    const payload = await gateway.request("chat.history", { sessionKey: key, limit, ...(pages && offset > 0 && { offset }) });
    const page = readHistory(payload, offset);
    if (!pages && page.messages.length >= limit) {
      page.hasMore = limit < V3_LAST_LIMIT;
      page.truncated = !page.hasMore;
    }
    return page;
  }

  async loadOlder(key: string): Promise<void> {
    const conversation = this.get(key);
    if (!conversation?.hasMore || this.loadingOlder.has(key) || !this.gateway().ready) return;
    this.loadingOlder = new Set([...this.loadingOlder, key]);
    try {
      if (this.gateway().protocol >= 4) {
        this.dispatch({ type: "older", key, page: await this.readPage(key, conversation.nextOffset) });
      } else {
        const limit = this.v3Limit.get(key) ?? PAGE;
        this.v3Limit.set(key, V3_LIMITS.find((step) => step > limit) ?? limit);
        this.dispatch({ type: "history", key, page: await this.readPage(key, 0), at: Date.now() });
      }
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== null) this.hooks.onProblem(reason);
    } finally {
      this.loadingOlder = new Set([...this.loadingOlder].filter((other) => other !== key));
    }
  }

  /** Shows the message in this frame, then hands it to the gateway. */
  send(key: string, text: string, attachments: Attachment[]): void {
    const runId = uuid();
    const at = Date.now();
    const files = attachments.map(({ name, mimeType, size, previewUrl }) => ({ name, mimeType, sizeBytes: size, previewUrl }));
    this.outgoing.set(runId, { key, text, attachments, at, resent: false });
    this.dispatch({ type: "send", key, runId, text, files, at });
    void this.deliver(runId);
  }

  /** Sends a failed message again, under its own key so that it cannot run twice. */
  retry(key: string, turn: Turn): void {
    if (!turn.user) return;
    const known = this.outgoing.get(turn.key);
    if (!known) {
      this.dispatch({ type: "discard", key, turn: turn.key });
      this.send(key, turn.user.text, []);
      return;
    }
    this.dispatch({ type: "resend", key, runId: turn.key, at: Date.now() });
    void this.deliver(turn.key);
  }

  discard(key: string, turn: Turn): Attachment[] {
    const attachments = this.outgoing.get(turn.key)?.attachments ?? [];
    this.outgoing.delete(turn.key);
    this.dispatch({ type: "discard", key, turn: turn.key });
    return attachments;
  }

  private async deliver(runId: string): Promise<void> {
    const out = this.outgoing.get(runId);
    if (!out) return;
    const { key } = out;
    try {
      const attachments = await encode(out.attachments);
      const params = { sessionKey: key, message: out.text, idempotencyKey: runId, deliver: false };
      const payload = await this.gateway().request("chat.send", attachments.length > 0 ? { ...params, attachments } : params);
      const status = isObject(payload) ? payload.status : undefined;
      const running = status === "started" || status === "in_flight" || status === "accepted";
      this.outgoing.delete(runId);
      this.dispatch({ type: "accepted", key, runId, running, at: Date.now() });
      if (!running) this.scheduleRefresh(key);
    } catch (error) {
      const confirmed = error instanceof RequestError ? error.failure === "refused" : true;
      const reason = error instanceof Error ? error.message : String(error);
      this.dispatch({ type: "send-failed", key, runId, reason, confirmed, at: Date.now() });
    }
  }

  /** The files of a sent message again, so that it can be sent once more. */
  async attachmentsOf(turn: Turn): Promise<Attachment[]> {
    const limits = attachmentLimits(this.gateway().hello);
    const attachments: Attachment[] = [];
    for (const media of turn.user?.media ?? []) {
      const handle = await this.gateway().media(media.url);
      const bytes = await handle.bytes();
      handle.release();
      const name = media.fileName ?? media.url.split("/").at(-1) ?? "file";
      attachments.push(await inspect(new File([bytes], name, { type: media.contentType }), attachments, limits));
    }
    return attachments;
  }

  /** Goes back to before a message; what followed it stays on the gateway but leaves the conversation. */
  async rewind(key: string, turn: Turn): Promise<void> {
    const entryId = turn.user?.id;
    if (entryId === undefined) return;
    await this.gateway().request("sessions.rewind", { sessionKey: key, entryId });
    this.dispatch({ type: "rewound", key, turn: turn.key });
  }

  /** After a reconnect: reads every open history, then settles the sends the drop left in doubt. */
  async reconcile(): Promise<void> {
    const opened = Object.keys(this.chat.conversations);
    await Promise.all(opened.map((key) => this.refresh(key)));
    for (const [runId, out] of this.outgoing) {
      const turn = this.get(out.key)?.turns.find((candidate) => candidate.key === runId);
      if (!turn || turn.user?.delivery === "accepted") {
        this.outgoing.delete(runId);
      } else if (turn.user?.delivery === "unconfirmed" && !out.resent && Date.now() - out.at < RESEND_WINDOW_MS) {
        out.resent = true;
        this.dispatch({ type: "resend", key: out.key, runId, at: Date.now() });
        void this.deliver(runId);
      }
    }
  }

  async stop(key: string): Promise<void> {
    const run = activeRun(this.get(key));
    if (!run) return;
    this.dispatch({ type: "stopping", key });
    try {
      const payload = await this.gateway().request("chat.abort", { sessionKey: key, runId: run.id });
      // Nothing was running any more: its end got lost, so the page ends it.
      const gone = isObject(payload) && payload.aborted === false;
      if (gone) this.dispatch({ type: "settled", key, runId: run.id, state: "stopped", at: Date.now() });
      this.scheduleRefresh(key);
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== null) this.hooks.onProblem(reason);
    }
  }

  note(key: string, note: Omit<NotePart, "kind" | "key">): void {
    const id = uuid();
    this.dispatch({ type: "note", key, id, note: { kind: "note", key: `${id}:n`, ...note } });
  }
}

/** The words to show for a failed request, or `null` when the connection itself is the problem. */
export function reasonOf(error: unknown): string | null {
  if (error instanceof RequestError && error.failure === "disconnected") return null;
  return error instanceof Error ? error.message : String(error);
}
