/** The headline of a failed run and the one thing to do about it. */
import type { MessageKey } from "../i18n/en";
import type { RunError } from "./model";

export type ErrorAction = "choose-model" | "new-chat" | "retry";

export interface ErrorText {
  headline: MessageKey;
  action: ErrorAction;
}

const KEY: ErrorText = { headline: "error.key", action: "choose-model" };
const RATE: ErrorText = { headline: "error.rate", action: "retry" };
const CONTEXT: ErrorText = { headline: "error.context", action: "new-chat" };
const TIMEOUT: ErrorText = { headline: "error.timeout", action: "retry" };
const UNREACHABLE: ErrorText = { headline: "error.unreachable", action: "retry" };
const BILLING: ErrorText = { headline: "error.billing", action: "choose-model" };
const REFUSAL: ErrorText = { headline: "error.refusal", action: "retry" };
const NO_MODEL: ErrorText = { headline: "error.noModel", action: "choose-model" };
const GENERIC: ErrorText = { headline: "error.generic", action: "retry" };

const BY_KIND: Record<string, ErrorText> = {
  auth: KEY,
  billing: BILLING,
  context_length: CONTEXT,
  no_model: NO_MODEL,
  rate_limit: RATE,
  refusal: REFUSAL,
  timeout: TIMEOUT,
  unreachable: UNREACHABLE,
};

/** Texts of gateways that send no kind. */
const BY_PROSE: [RegExp, ErrorText][] = [
  [/no (model|api key|provider) (is )?(configured|found|set)|choose a model/i, NO_MODEL],
  [/\b(401|403)\b|invalid.{0,20}api key|unauthori[sz]ed|authentication/i, KEY],
  [/\b429\b|rate.?limit|too many requests|overloaded/i, RATE],
  [/context (length|window)|prompt is too long|maximum context|too many tokens/i, CONTEXT],
  [/\b402\b|insufficient (credit|quota|funds)|billing/i, BILLING],
  [/timed? ?out|deadline/i, TIMEOUT],
  [/econnrefused|enotfound|network|dns|connection (refused|reset|error)|unreachable|failed to connect/i, UNREACHABLE],
];

function byStatus(status: number | undefined): ErrorText | undefined {
  if (status === 401 || status === 403) return KEY;
  if (status === 402) return BILLING;
  if (status === 408 || status === 504) return TIMEOUT;
  if (status === 429 || status === 529) return RATE;
  return undefined;
}

export function errorText(error: RunError): ErrorText {
  const byKind = error.kind ? BY_KIND[error.kind] : undefined;
  const byProse = () => BY_PROSE.find(([pattern]) => pattern.test(error.message))?.[1];
  return byKind ?? byStatus(error.httpStatus) ?? byProse() ?? GENERIC;
}

/** Long keys and tokens never reach the screen, whatever a provider puts into its message. */
export function maskSecrets(text: string): string {
  return text
    .replace(/\b(sk|pk|xai|gsk|ghp|AIza)[-_]?[A-Za-z0-9_-]{12,}/g, "$1…")
    .replace(/(Bearer|token|key)(["'\s:=]+)[A-Za-z0-9._~+/-]{16,}/gi, "$1$2…");
}
