/** The order, grouping and naming of sessions. Pure. */
import type { SessionDefaults } from "../protocol/hello";
import { canonicalKey } from "../protocol/hello";
import { isObject, list, text } from "../protocol/frames";
import { readSession, type SessionRow } from "../protocol/rows";

export type GroupId = "pinned" | "today" | "yesterday" | "week" | "older";

export interface SessionGroup {
  id: GroupId;
  rows: SessionRow[];
}

const DAY_MS = 86_400_000;
const CHANNELS: Record<string, string> = {
  telegram: "Telegram",
  whatsapp: "WhatsApp",
  discord: "Discord",
  slack: "Slack",
  signal: "Signal",
  imessage: "iMessage",
  matrix: "Matrix",
  msteams: "Teams",
};

export function readSessionList(payload: unknown, defaults: SessionDefaults): SessionRow[] {
  const rows = isObject(payload) ? list(payload.sessions) : [];
  const seen = new Set<string>();
  return rows.flatMap((value) => {
    const row = readSession(value);
    if (!row) return [];
    const key = canonicalKey(row.key, defaults);
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ ...row, key }];
  });
}

/** The rows after a `sessions.changed` event. */
export function applyChange(rows: SessionRow[], payload: unknown, defaults: SessionDefaults): SessionRow[] {
  if (!isObject(payload)) return rows;
  const raw = text(payload.sessionKey);
  if (!raw) return rows;
  const key = canonicalKey(raw, defaults);
  if (payload.reason === "delete") return rows.filter((row) => row.key !== key);
  const fresh = readSession(payload.session);
  if (!fresh) return rows;
  const index = rows.findIndex((row) => row.key === key);
  const before = rows[index];
  // Titles and previews are only in list answers: a change event must not wipe them.
  const merged = { ...fresh, key, derivedTitle: fresh.derivedTitle ?? before?.derivedTitle, preview: fresh.preview ?? before?.preview };
  return before ? rows.with(index, merged) : [merged, ...rows];
}

export interface TitleWords {
  main: string;
  fresh: string;
}

export function titleOf(row: Pick<SessionRow, "label" | "derivedTitle" | "displayName" | "isMain">, words: TitleWords, firstPrompt?: string): string {
  const given = row.label?.trim() || row.derivedTitle?.trim() || (row.isMain ? words.main : row.displayName?.trim());
  return given || firstPrompt?.replace(/\s+/g, " ").trim().slice(0, 48) || words.fresh;
}

export function channelName(row: SessionRow): string | undefined {
  const channel = row.channel?.toLowerCase();
  return channel ? CHANNELS[channel] : undefined;
}

export function matches(row: SessionRow, title: string, query: string): boolean {
  const wanted = query.trim().toLowerCase();
  if (wanted === "") return true;
  return title.toLowerCase().includes(wanted) || (row.preview ?? "").toLowerCase().includes(wanted);
}

/** Groups by calendar day, newest first, pinned rows on top. */
export function groupSessions(rows: SessionRow[], now: number): SessionGroup[] {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const groupOf = (row: SessionRow): GroupId => {
    if (row.pinned) return "pinned";
    if (row.updatedAt >= midnight) return "today";
    if (row.updatedAt >= midnight - DAY_MS) return "yesterday";
    return row.updatedAt >= midnight - 7 * DAY_MS ? "week" : "older";
  };
  const sorted = rows.toSorted((a, b) => b.updatedAt - a.updatedAt);
  const order: GroupId[] = ["pinned", "today", "yesterday", "week", "older"];
  return order
    .map((id) => ({ id, rows: sorted.filter((row) => groupOf(row) === id) }))
    .filter((group) => group.rows.length > 0);
}
