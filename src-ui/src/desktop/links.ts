/** A link from outside, and what it would do. Nothing in it is trusted. */
import { isObject, number, text } from "../protocol/frames";
import { MODES, type Target } from "./commands";

export type LinkAction =
  | { kind: "message"; text: string; sessionKey?: string }
  | { kind: "session"; sessionKey: string }
  | { kind: "connect"; target: Target }
  | { kind: "unknown" };

export interface OutsideLink {
  url: string;
  action: LinkAction;
}

const MAX_TEXT = 20_000;
const MAX_KEY = 512;

export function readLink(detail: unknown): OutsideLink {
  const link = isObject(detail) ? detail : {};
  return { url: (text(link.url) ?? "").slice(0, 2_000), action: readAction(link) };
}

function readAction(link: Record<string, unknown>): LinkAction {
  const sessionKey = readKey(link.sessionKey);
  const message = text(link.text)?.slice(0, MAX_TEXT);
  if (link.action === "message" && message) return { kind: "message", text: message, sessionKey };
  if (link.action === "session" && sessionKey) return { kind: "session", sessionKey };
  const target = link.action === "connect" ? readTarget(link.target) : null;
  return target ? { kind: "connect", target } : { kind: "unknown" };
}

function readKey(value: unknown): string | undefined {
  const key = text(value);
  return key && key.length <= MAX_KEY && !/\p{Cc}/u.test(key) ? key : undefined;
}

export function readTarget(value: unknown): Target | null {
  if (!isObject(value)) return null;
  const mode = MODES.find((known) => known === value.mode);
  if (!mode) return null;
  return {
    mode,
    url: text(value.url),
    sshTarget: text(value.sshTarget),
    sshIdentity: text(value.sshIdentity),
    remotePort: number(value.remotePort),
    tlsFingerprint: text(value.tlsFingerprint),
  };
}

/** The target in one line, for people. */
export function targetLine(target: Target): string {
  if (target.mode === "ssh") return [target.sshTarget, target.remotePort].filter(Boolean).join(" → ");
  return target.url ?? "";
}
