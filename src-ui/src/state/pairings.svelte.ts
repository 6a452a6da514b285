/** Devices that ask to be let in. Closing the page never decides. */
import { isObject, list, text, type EventFrame } from "../protocol/frames";
import { t } from "../i18n/i18n.svelte";
import { MAX_PENDING } from "./approvals.svelte";
import { reasonOf } from "./conversations.svelte";
import type { Gateway } from "./gateway.svelte";
import { ui } from "./ui.svelte";

export interface Pairing {
  id: string;
  /** What the device calls itself, which proves nothing. */
  name: string;
  deviceId: string;
  from?: string;
}

export function readPairing(value: unknown): Pairing | null {
  if (!isObject(value) || value.silent === true) return null;
  const id = text(value.requestId);
  const deviceId = text(value.deviceId);
  if (!id || !deviceId) return null;
  const name = [value.displayName, value.clientId].map(text).find(Boolean) ?? "";
  return { id, deviceId, name: [name, text(value.platform)].filter(Boolean).join(", "), from: text(value.remoteIp) };
}

export class Pairings {
  pending = $state.raw<Pairing[]>([]);
  /** Grows with everything that happens to devices. */
  changes = $state(0);

  constructor(private readonly gateway: () => Gateway) {}

  async load(): Promise<void> {
    if (!this.gateway().supports("device.pair.list")) return;
    try {
      const payload = await this.gateway().request("device.pair.list", {});
      this.pending = list(isObject(payload) ? payload.pending : []).flatMap((row) => readPairing(row) ?? []).slice(0, MAX_PENDING);
    } catch {
      // Without the scope for it, somebody else decides.
    }
  }

  onFrames(frames: EventFrame[]): void {
    for (const { event, payload } of frames) {
      if (event.startsWith("device.pair.")) this.changes++;
      if (event === "device.pair.requested") {
        const pairing = readPairing(payload);
        if (pairing) this.pending = [...this.pending.filter((other) => other.id !== pairing.id), pairing].slice(0, MAX_PENDING);
      } else if (event === "device.pair.resolved" && isObject(payload)) {
        this.drop(text(payload.requestId));
      }
    }
  }

  async decide(pairing: Pairing, method: "device.pair.approve" | "device.pair.reject"): Promise<void> {
    try {
      await this.gateway().request(method, { requestId: pairing.id });
    } catch (error) {
      ui.problem(t("approval.failed", { reason: reasonOf(error) ?? t("status.offline") }));
    }
    this.drop(pairing.id);
  }

  private drop(id: string | undefined): void {
    this.pending = this.pending.filter((pairing) => pairing.id !== id);
  }
}
