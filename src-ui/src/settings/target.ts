/** The form of the connection, checked where it is typed. The app checks it again. */
import type { PageKey } from "../i18n/pages/en";
import type { ConnectionReport, Mode, Target } from "../desktop/commands";

export const DEFAULT_PORT = 18789;

/** What is typed, field by field. */
export interface TargetForm {
  mode: Mode;
  sshTarget: string;
  sshIdentity: string;
  remotePort: string;
  url: string;
  tlsFingerprint: string;
}

export type TargetProblems = Partial<Record<Exclude<keyof TargetForm, "mode">, PageKey>>;

export function formOf(mode: Mode, target: Partial<Target>): TargetForm {
  return {
    mode,
    sshTarget: target.sshTarget ?? "",
    sshIdentity: target.sshIdentity ?? "",
    remotePort: String(target.remotePort ?? DEFAULT_PORT),
    url: target.url ?? "",
    tlsFingerprint: target.tlsFingerprint ?? "",
  };
}

/** A form that means the same target has the same text. */
export const meaning = (form: TargetForm): string => JSON.stringify(targetOf(form));

/** Nothing comes of it by itself, or not soon. */
export const isBad = (state: ConnectionReport["state"]): boolean => ["failed", "waiting", "paused"].includes(state);

/** What is wrong in the fields of the chosen mode. Empty fields that are needed count, too. */
export function problemsOf(form: TargetForm): TargetProblems {
  if (form.mode === "ssh") {
    return present({ sshTarget: sshTarget(form.sshTarget), sshIdentity: identity(form.sshIdentity), remotePort: port(form.remotePort) });
  }
  if (form.mode === "direct") return present({ url: url(form.url), tlsFingerprint: fingerprint(form.tlsFingerprint, form.url) });
  return {};
}

/** The target that a form without problems means. */
export function targetOf(form: TargetForm): Target {
  const given = (value: string) => value.trim() || undefined;
  if (form.mode === "ssh") {
    return { mode: "ssh", sshTarget: form.sshTarget.trim(), sshIdentity: given(form.sshIdentity), remotePort: Number(form.remotePort.trim() || DEFAULT_PORT) };
  }
  if (form.mode === "direct") return { mode: "direct", url: form.url.trim(), tlsFingerprint: given(form.tlsFingerprint) };
  return { mode: "local" };
}

const present = (problems: { [K in keyof TargetProblems]: PageKey | undefined }): TargetProblems =>
  Object.fromEntries(Object.entries(problems).filter(([, problem]) => problem !== undefined));

function sshTarget(typed: string): PageKey | undefined {
  const value = typed.trim();
  if (value === "") return "connection.bad.required";
  if (/[\s\p{Cc}]/u.test(value)) return "connection.bad.space";
  const host = value.slice(value.lastIndexOf("@") + 1);
  if (value.startsWith("-") || host.startsWith("-")) return "connection.bad.dash";
  const shape = /^(?:[\w.][\w.-]*@)?(?:\[[0-9a-fA-F:.%]+\]|[\w][\w.-]*)(?::(\d{1,5}))?$/.exec(value) ?? /^(?:[\w.][\w.-]*@)?[0-9a-fA-F]*(?::[0-9a-fA-F]*){2,}$/.exec(value);
  if (!shape) return "connection.bad.sshTarget";
  return shape[1] === undefined ? undefined : port(shape[1]);
}

function identity(typed: string): PageKey | undefined {
  const value = typed.trim();
  if (value === "") return undefined;
  if (value.startsWith("-")) return "connection.bad.dash";
  if (/\p{Cc}/u.test(value)) return "connection.bad.space";
  return /^(?:\/|~\/|[a-z]:[\\/])[^%"'$`]*$/i.test(value) ? undefined : "connection.bad.identity";
}

function port(typed: string): PageKey | undefined {
  const value = typed.trim();
  if (value === "") return undefined;
  return /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535 ? undefined : "connection.bad.port";
}

function url(typed: string): PageKey | undefined {
  const value = typed.trim();
  if (value === "") return "connection.bad.required";
  const problem = addressProblem(value, ["ws:", "wss:"]);
  if (problem) return problem;
  const address = new URL(value);
  return address.protocol === "ws:" && !isPrivate(address.hostname) ? "connection.bad.plain" : undefined;
}

/** What is wrong with the address of a gateway, which has no secret in it. */
export function addressProblem(value: string, schemes: string[]): PageKey | undefined {
  if (/[\s\p{Cc}]/u.test(value)) return "connection.bad.space";
  if (!URL.canParse(value)) return "connection.bad.url";
  const address = new URL(value);
  if (!schemes.includes(address.protocol)) return "connection.bad.scheme";
  if (address.username !== "" || address.password !== "") return "connection.bad.credentials";
  if (address.hostname === "") return "connection.bad.url";
  return /[?#]/.test(value) ? "connection.bad.query" : undefined;
}

/** Numbers that only this computer, the own network or the tailnet can be. Of a name, the app judges what it leads to. */
export function isPrivate(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  if (name.includes(":")) return name === "::1" || /^f[cd][0-9a-f]{2}:/.test(name) || /^fe[89ab][0-9a-f]:/.test(name);
  const parts = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(name);
  if (!parts) return true;
  const [a, b] = [Number(parts[1]), Number(parts[2])];
  return a === 127 || a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168) || (a === 169 && b === 254) || (a === 100 && b >= 64 && b <= 127);
}

function fingerprint(typed: string, url: string): PageKey | undefined {
  const digits = typed.trim().replace(/^sha256[:/]?/i, "").replaceAll(":", "");
  if (digits === "") return undefined;
  if (!/^[0-9a-f]{64}$/i.test(digits)) return "connection.bad.fingerprint";
  return /^(?:ws|http):/i.test(url.trim()) ? "connection.bad.pinPlain" : undefined;
}
