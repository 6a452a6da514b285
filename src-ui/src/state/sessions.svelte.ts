/** The session list and what can be done to a session. */
import { isObject, text, type EventFrame } from "../protocol/frames";
import { canonicalKey, FALLBACK_DEFAULTS } from "../protocol/hello";
import type { SessionRow } from "../protocol/rows";
import { uuid } from "../protocol/uuid";
import { t } from "../i18n/i18n.svelte";
import { reasonOf } from "./conversations.svelte";
import type { Gateway } from "./gateway.svelte";
import { applyChange, readSessionList, titleOf } from "./session-list";
import { ui } from "./ui.svelte";

const LIST_MS = 400;
const SEARCH_MS = 200;
const TERMINAL = new Set(["final", "aborted", "error"]);

export class Sessions {
  rows = $state.raw<SessionRow[]>([]);
  loaded = $state(false);
  query = $state("");
  /** Rows the gateway found for the current search, beyond what the loaded list holds. */
  found = $state.raw<SessionRow[]>([]);
  /** Sessions with a run, learned from the event stream. */
  running = $state.raw<ReadonlySet<string>>(new Set());
  private readonly deleting = new Set<string>();
  private listTimer: ReturnType<typeof setTimeout> | undefined;
  private searchTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly gateway: () => Gateway) {}

  private get defaults() {
    return this.gateway().hello?.defaults ?? FALLBACK_DEFAULTS;
  }

  get mainKey(): string {
    return this.defaults.mainSessionKey;
  }

  /** Another gateway has other conversations. */
  forget(): void {
    clearTimeout(this.listTimer);
    clearTimeout(this.searchTimer);
    this.rows = [];
    this.found = [];
    this.running = new Set();
    this.loaded = false;
  }

  row(key: string): SessionRow | undefined {
    return this.rows.find((row) => row.key === key);
  }

  title(row: SessionRow): string {
    return titleOf(row, { main: t("sessions.main"), fresh: t("sessions.new") });
  }

  async list(): Promise<void> {
    clearTimeout(this.listTimer);
    try {
      const params = { limit: 100, includeDerivedTitles: true, includeLastMessage: true };
      const fresh = readSessionList(await this.gateway().request("sessions.list", params), this.defaults);
      const drafts = this.rows.filter((row) => row.draft && !fresh.some((other) => other.key === row.key));
      this.rows = [...drafts, ...fresh.filter((row) => !this.deleting.has(row.key))];
      this.running = new Set(fresh.filter((row) => row.running).map((row) => row.key));
      this.loaded = true;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== null) ui.problem(reason);
    }
  }

  listSoon(): void {
    clearTimeout(this.listTimer);
    this.listTimer = setTimeout(() => void this.list(), LIST_MS);
  }

  search(query: string): void {
    this.query = query;
    clearTimeout(this.searchTimer);
    this.found = [];
    const wanted = query.trim();
    if (wanted === "") return;
    this.searchTimer = setTimeout(() => void this.searchGateway(wanted), SEARCH_MS);
  }

  private async searchGateway(search: string): Promise<void> {
    try {
      const params = { limit: 50, includeDerivedTitles: true, includeLastMessage: true, search };
      const found = readSessionList(await this.gateway().request("sessions.list", params), this.defaults);
      if (this.query.trim() === search) this.found = found.filter((row) => !this.deleting.has(row.key));
    } catch {
      // The rows already loaded stay searchable.
    }
  }

  onFrames(frames: EventFrame[]): void {
    for (const frame of frames) {
      if (frame.event === "sessions.changed") {
        const rows = applyChange(this.rows, frame.payload, this.defaults);
        this.rows = rows.filter((row) => !this.deleting.has(row.key));
        this.listSoon();
      } else if (frame.event === "chat") {
        this.noticeRun(frame.payload);
      }
    }
  }

  private noticeRun(payload: unknown): void {
    if (!isObject(payload)) return;
    const raw = text(payload.sessionKey);
    if (!raw) return;
    const key = canonicalKey(raw, this.defaults);
    const ended = TERMINAL.has(String(payload.state));
    if (ended) this.listSoon();
    if (this.running.has(key) !== ended) return;
    this.running = new Set(ended ? [...this.running].filter((other) => other !== key) : [...this.running, key]);
  }

  /** A key and a row at once; the gateway makes the session with its first message. */
  create(): string {
    const key = `agent:${this.defaults.agentId}:dashboard:${uuid()}`;
    this.rows = [draftRow(key), ...this.rows.filter((row) => !row.draft)];
    return key;
  }

  async rename(row: SessionRow, name: string): Promise<void> {
    const label = name.trim();
    if (label === (row.label ?? "")) return;
    const before = this.rows;
    this.rows = this.rows.map((other) => (other.key === row.key ? { ...other, label: label || undefined } : other));
    try {
      await this.gateway().request("sessions.patch", { key: row.key, label: label === "" ? null : label });
    } catch (error) {
      this.rows = before;
      ui.problem(t("sessions.renameFailed", { reason: reasonOf(error) ?? t("status.offline") }));
    }
  }

  /** The row leaves now; the gateway is told when the offer to undo ends. */
  remove(row: SessionRow): void {
    const before = this.rows;
    const title = this.title(row);
    this.deleting.add(row.key);
    this.rows = this.rows.filter((other) => other.key !== row.key);
    this.found = this.found.filter((other) => other.key !== row.key);
    if (row.draft) return;
    const restore = () => {
      this.deleting.delete(row.key);
      if (!this.row(row.key)) this.rows = before.filter((other) => other.key === row.key || this.row(other.key));
      this.listSoon();
    };
    ui.toast({
      text: t("sessions.deleted", { title }),
      tone: "plain",
      action: { label: t("sessions.undo"), run: restore },
      onEnd: () => void this.sendDelete(row, title, restore),
    });
  }

  private async sendDelete(row: SessionRow, title: string, restore: () => void): Promise<void> {
    try {
      await this.gateway().request("sessions.delete", { key: row.key });
      this.deleting.delete(row.key);
    } catch (error) {
      restore();
      ui.problem(t("sessions.deleteFailed", { title, reason: reasonOf(error) ?? t("status.offline") }));
    }
  }

  markRead(key: string): void {
    const row = this.row(key);
    if (!row?.unread) return;
    this.rows = this.rows.map((other) => (other.key === key ? { ...other, unread: false } : other));
    if (this.gateway().protocol >= 4) void this.gateway().request("sessions.patch", { key, unread: false }).catch(() => {});
  }
}

function draftRow(key: string): SessionRow {
  return { key, draft: true, updatedAt: Date.now(), running: false, unread: false, pinned: false, isMain: false };
}
