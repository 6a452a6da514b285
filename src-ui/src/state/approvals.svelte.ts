/** Commands that wait for a decision. Closing the page never decides. */
import { isObject, list, number, text, type EventFrame, type Json } from "../protocol/frames";
import { t } from "../i18n/i18n.svelte";
import { reasonOf } from "./conversations.svelte";
import type { Gateway } from "./gateway.svelte";
import { ui } from "./ui.svelte";

export type Decision = "allow-once" | "allow-always" | "deny";

export interface Approval {
  id: string;
  command: string;
  cwd?: string;
  sessionKey?: string;
  expiresAt: number;
  /** What this request may be answered with. */
  allowed: Decision[];
}

/** More than this do not wait for a person; a gateway that names more does not mean them. */
export const MAX_PENDING = 64;

const DEFAULT_LIFE_MS = 120_000;
const DECISIONS: Decision[] = ["allow-once", "allow-always", "deny"];

export function readApproval(value: unknown, now: number): Approval | null {
  if (!isObject(value)) return null;
  const id = text(value.id);
  const request: Json = isObject(value.request) ? value.request : {};
  const command = text(request.command);
  if (!id || command === undefined) return null;
  return {
    id,
    command,
    cwd: text(request.cwd),
    sessionKey: text(request.sessionKey),
    expiresAt: number(value.expiresAtMs) ?? now + DEFAULT_LIFE_MS,
    allowed: Array.isArray(request.allowedDecisions)
      ? DECISIONS.filter((decision) => list(request.allowedDecisions).includes(decision))
      : DECISIONS,
  };
}

export class Approvals {
  pending = $state.raw<Approval[]>([]);

  constructor(private readonly gateway: () => Gateway) {}

  async load(): Promise<void> {
    if (!this.gateway().supports("exec.approval.list")) return;
    try {
      const payload = await this.gateway().request("exec.approval.list", {});
      const rows = Array.isArray(payload) ? payload : list(isObject(payload) ? (payload.approvals ?? payload.pending) : []);
      this.pending = rows.flatMap((row) => readApproval(row, Date.now()) ?? []).slice(0, MAX_PENDING);
    } catch {
      // The event stream still brings new requests.
    }
  }

  onFrames(frames: EventFrame[]): void {
    for (const frame of frames) {
      if (frame.event === "exec.approval.requested") {
        const approval = readApproval(frame.payload, Date.now());
        if (approval) this.pending = [...this.pending.filter((other) => other.id !== approval.id), approval].slice(0, MAX_PENDING);
      } else if (frame.event === "exec.approval.resolved" && isObject(frame.payload)) {
        this.onResolved(frame.payload);
      }
    }
  }

  private onResolved(payload: Json): void {
    const known = this.pending.some((approval) => approval.id === payload.id);
    this.drop(text(payload.id));
    const who = text(payload.resolvedBy);
    if (!known || !who) return;
    const decision = { "allow-once": "approval.once", "allow-always": "approval.always", deny: "approval.deny" } as const;
    const key = decision[payload.decision as Decision];
    if (key) ui.announce(t("approval.elsewhere", { who, decision: t(key) }));
  }

  async decide(approval: Approval, decision: Decision): Promise<void> {
    try {
      await this.gateway().request("exec.approval.resolve", { id: approval.id, decision });
      this.drop(approval.id);
    } catch (error) {
      ui.problem(t("approval.failed", { reason: reasonOf(error) ?? t("status.offline") }));
    }
  }

  drop(id: string | undefined): void {
    this.pending = this.pending.filter((approval) => approval.id !== id);
  }
}
