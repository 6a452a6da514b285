/** What the interface keeps from `hello-ok`. */
import { isObject, list, number, text, type Json } from "./frames";

export interface SessionDefaults {
  agentId: string;
  mainKey: string;
  mainSessionKey: string;
}

export interface Hello {
  protocol: number;
  serverVersion: string;
  methods: ReadonlySet<string>;
  defaults: SessionDefaults;
  deviceToken?: string;
  tickIntervalMs: number;
  maxPayload: number;
  maxAttachmentBytes: number;
  maxImageBytes: number;
  modelConfigured: boolean;
}

const MIB = 1024 * 1024;
/** Used when the gateway states no limit of its own. */
export const DEFAULT_ATTACHMENT_BYTES = 20 * MIB;

export const FALLBACK_DEFAULTS: SessionDefaults = {
  agentId: "main",
  mainKey: "main",
  mainSessionKey: "agent:main:main",
};

function child(value: Json, key: string): Json {
  const inner = value[key];
  return isObject(inner) ? inner : {};
}

export function readHello(payload: unknown): Hello {
  const root = isObject(payload) ? payload : {};
  const policy = child(root, "policy");
  const attachments = child(policy, "attachments");
  const defaults = child(child(root, "snapshot"), "sessionDefaults");
  const maxAttachmentBytes = number(attachments.maxBytes) ?? DEFAULT_ATTACHMENT_BYTES;
  return {
    protocol: number(root.protocol) ?? 3,
    serverVersion: text(child(root, "server").version) ?? "",
    methods: new Set(list(child(root, "features").methods).filter((name): name is string => typeof name === "string")),
    defaults: {
      agentId: text(defaults.defaultAgentId) ?? FALLBACK_DEFAULTS.agentId,
      mainKey: text(defaults.mainKey) ?? FALLBACK_DEFAULTS.mainKey,
      mainSessionKey: text(defaults.mainSessionKey) ?? FALLBACK_DEFAULTS.mainSessionKey,
    },
    deviceToken: text(child(root, "auth").deviceToken),
    tickIntervalMs: number(policy.tickIntervalMs) ?? 30_000,
    maxPayload: number(policy.maxPayload) ?? 512 * 1024,
    maxAttachmentBytes,
    maxImageBytes: Math.min(number(attachments.maxImageBytes) ?? maxAttachmentBytes, maxAttachmentBytes),
    modelConfigured: defaults.modelConfigured !== false,
  };
}

/** Brings the aliases a gateway may echo (`main`, short keys) to the one canonical form. */
export function canonicalKey(key: string, defaults: SessionDefaults): string {
  if (key === defaults.mainKey || key === "main") return defaults.mainSessionKey;
  if (key === "global" || key === "unknown") return key;
  if (key.startsWith("agent:") && key.split(":").length >= 3) {
    return key === `agent:${defaults.agentId}:main` ? defaults.mainSessionKey : key;
  }
  return `agent:${defaults.agentId}:${key}`;
}
