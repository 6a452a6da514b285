/** Why there is no connection: one layer, one kind, one thing to do. */
import type { WireError } from "../protocol/frames";
import { text } from "../protocol/frames";
import { HOST_FAILED, type CloseInfo } from "./transport";

export type CauseKind =
  | "unreachable"
  | "host-failed"
  | "silent"
  | "restarting"
  | "starting"
  | "secret-missing"
  | "wrong-secret"
  | "used-code"
  | "not-configured"
  | "pairing"
  | "origin"
  | "client-too-old"
  | "gateway-too-old"
  | "rate-limited"
  | "device-clock"
  | "device-proof"
  | "refused";

export interface Cause {
  kind: CauseKind;
  /** The gateway's own words, shown folded under the headline. */
  detail: string;
  deviceId?: string;
  requestId?: string;
  retryAfterMs?: number;
}

/** Kinds that cannot get better by waiting: the person has to act first. */
const NEEDS_PERSON: ReadonlySet<CauseKind> = new Set([
  "secret-missing",
  "wrong-secret",
  "used-code",
  "not-configured",
  "origin",
  "client-too-old",
  "gateway-too-old",
  "device-clock",
  "device-proof",
  "refused",
]);

/** Kinds that the connect screen can solve with a new secret. */
const ABOUT_SECRET: ReadonlySet<CauseKind> = new Set(["secret-missing", "wrong-secret", "used-code", "rate-limited"]);

export const needsPerson = (cause: Cause) => NEEDS_PERSON.has(cause.kind);
export const isAboutSecret = (cause: Cause) => ABOUT_SECRET.has(cause.kind);

const BY_CODE: Record<string, CauseKind> = {
  AUTH_TOKEN_MISSING: "secret-missing",
  AUTH_PASSWORD_MISSING: "secret-missing",
  AUTH_REQUIRED: "secret-missing",
  AUTH_TOKEN_MISMATCH: "wrong-secret",
  AUTH_PASSWORD_MISMATCH: "wrong-secret",
  AUTH_DEVICE_TOKEN_MISMATCH: "wrong-secret",
  AUTH_UNAUTHORIZED: "wrong-secret",
  AUTH_BOOTSTRAP_TOKEN_INVALID: "used-code",
  AUTH_TOKEN_NOT_CONFIGURED: "not-configured",
  AUTH_PASSWORD_NOT_CONFIGURED: "not-configured",
  AUTH_RATE_LIMITED: "rate-limited",
  CONTROL_UI_ORIGIN_NOT_ALLOWED: "origin",
  PAIRING_REQUIRED: "pairing",
  DEVICE_AUTH_SIGNATURE_EXPIRED: "device-clock",
};

/** Protocol 3 sends prose only, as the error message or as the close reason. */
const BY_PROSE: [RegExp, CauseKind][] = [
  [/too many failed/i, "rate-limited"],
  [/not configured/i, "not-configured"],
  [/(token|password|credentials?) (missing|required)/i, "secret-missing"],
  [/(token|password|credentials?) mismatch/i, "wrong-secret"],
  [/pairing required|not.paired/i, "pairing"],
  [/origin/i, "origin"],
  [/device signature expired/i, "device-clock"],
  [/^device /i, "device-proof"],
  [/unauthorized/i, "wrong-secret"],
];

function kindFromProse(message: string): CauseKind | undefined {
  return BY_PROSE.find(([pattern]) => pattern.test(message))?.[1];
}

function protocolKind(error: WireError): CauseKind {
  const expected = error.details?.expectedProtocol;
  return typeof expected === "number" && expected < 3 ? "gateway-too-old" : "client-too-old";
}

/** The cause behind an error answer to `connect`. */
export function causeOfRefusal(error: WireError, deviceId?: string): Cause {
  const detailCode = text(error.details?.code);
  const detail = error.message;
  const retryAfterMs = error.retryAfterMs;
  if (detailCode === "PROTOCOL_MISMATCH" || /protocol mismatch/i.test(detail)) {
    return { kind: protocolKind(error), detail };
  }
  if (error.code === "NOT_PAIRED" || detailCode === "PAIRING_REQUIRED") {
    return {
      kind: "pairing",
      detail,
      deviceId: text(error.details?.deviceId) ?? deviceId,
      requestId: text(error.details?.requestId),
    };
  }
  if (error.code === "UNAVAILABLE" && error.retryable) return { kind: "starting", detail, retryAfterMs };
  const kind = (detailCode && BY_CODE[detailCode]) || (detailCode?.startsWith("DEVICE_AUTH_") && "device-proof");
  return { kind: kind || kindFromProse(detail) || "refused", detail, retryAfterMs };
}

/** The cause behind a close; a refusal seen on the same connection says more and wins. */
export function causeOfClose(close: CloseInfo, refusal: Cause | null): Cause {
  if (refusal) return refusal;
  const detail = close.reason;
  if (close.code === HOST_FAILED && detail) return { kind: "host-failed", detail };
  if (close.code === 1012) return { kind: "restarting", detail, retryAfterMs: 400 };
  if (close.code === 1013) return { kind: "starting", detail, retryAfterMs: 500 };
  if (close.code === 1002) return { kind: "client-too-old", detail };
  if (close.code === 4000) return { kind: "silent", detail };
  if (close.code === 1008 || close.code === 4001) {
    const kind = kindFromProse(detail);
    if (kind) return { kind, detail };
    if (/slow consumer/i.test(detail)) return { kind: "unreachable", detail, retryAfterMs: 100 };
    return { kind: close.code === 4001 ? "wrong-secret" : "refused", detail };
  }
  return { kind: "unreachable", detail };
}
