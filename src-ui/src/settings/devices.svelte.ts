/** Devices that were let in, and the invitation for a phone. */
import { isObject, list, number, text } from "../protocol/frames";
import type { Gateway } from "../state/gateway.svelte";

export interface DeviceRow {
  id: string;
  name: string;
  platform: string;
  connected: boolean;
  seenAt?: number;
  approvedAt?: number;
}

export interface Invitation {
  setupId: string;
  code: string;
  picture?: string;
  expiresAt: number;
  address: string;
  limited: boolean;
  done: boolean;
}

export function readDevices(payload: unknown): DeviceRow[] {
  const rows = isObject(payload) ? list(payload.paired).filter(isObject) : [];
  return rows.flatMap((row): DeviceRow[] => {
    const id = text(row.deviceId);
    if (!id) return [];
    const name = text(row.displayName) || text(row.clientId) || id.slice(0, 12);
    return [{ id, name, platform: text(row.platform) ?? "", connected: row.connected === true, seenAt: number(row.lastSeenAtMs), approvedAt: number(row.approvedAtMs) }];
  });
}

export function readInvitation(payload: unknown): Invitation | null {
  if (!isObject(payload)) return null;
  const [setupId, code] = [text(payload.setupId), text(payload.setupCode)];
  if (!setupId || !code) return null;
  const picture = text(payload.qrDataUrl);
  return {
    setupId,
    code,
    // Only a picture, whatever a gateway says.
    picture: picture?.startsWith("data:image/") ? picture : undefined,
    expiresAt: number(payload.expiresAtMs) ?? 0,
    address: text(payload.gatewayUrl) ?? "",
    limited: payload.accessDowngraded === true,
    done: false,
  };
}

export class DeviceSettings {
  devices = $state.raw<DeviceRow[]>([]);
  loaded = $state(false);
  invitation = $state.raw<Invitation | null>(null);

  constructor(private readonly gateway: Gateway) {}

  async load(): Promise<void> {
    this.devices = readDevices(await this.gateway.request("device.pair.list", {}));
    this.loaded = true;
    await this.follow();
  }

  async rename(deviceId: string, label: string): Promise<void> {
    await this.gateway.request("device.pair.rename", { deviceId, label });
    await this.load();
  }

  async remove(deviceId: string): Promise<void> {
    await this.gateway.request("device.pair.remove", { deviceId });
    await this.load();
  }

  async invite(publicUrl: string): Promise<void> {
    this.invitation = null;
    this.invitation = readInvitation(await this.gateway.request("device.pair.setupCode", { includeQr: true, ...(publicUrl ? { publicUrl } : {}) }));
  }

  /** Whether the phone has come in meanwhile. */
  private async follow(): Promise<void> {
    const invitation = this.invitation;
    if (!invitation || invitation.done) return;
    const status = await this.gateway.request("device.pair.setupStatus", { setupId: invitation.setupId });
    if (isObject(status) && status.completion) this.invitation = { ...invitation, done: true, code: "", picture: undefined };
  }
}
