/** What the app around the page can do. Only the native window has it; the types are those of the Rust side. */
import { isObject, text } from "../protocol/frames";

export interface Notifications {
  answers: boolean;
  approvals: boolean;
  pairing: boolean;
  connection: boolean;
}

export interface DesktopSettings {
  notifications: Notifications;
  quickChat: string | null;
  firstRunDone: boolean;
  language: string | null;
}

export interface SettingsReport {
  settings: DesktopSettings;
  /** What the app speaks: the chosen language, or else that of the desktop. */
  language: string;
  autostart: boolean;
  version: string;
  stateDir: string;
  configPath: string;
  shortcutSupported: boolean;
  /** Why the shortcut does nothing: `SHORTCUT_TAKEN` and others. */
  shortcutTrouble: string | null;
  platform: string;
}

export interface SettingsPatch {
  notifications?: Partial<Notifications>;
  quickChat?: string | null;
  firstRunDone?: boolean;
  language?: string | null;
  autostart?: boolean;
}

export const MODES = ["local", "ssh", "direct"] as const;
export type Mode = (typeof MODES)[number];

/** Where the gateway is, without its secrets. */
export interface Target {
  mode: Mode;
  url?: string;
  sshTarget?: string;
  sshIdentity?: string;
  remotePort?: number;
  tlsFingerprint?: string;
}

export interface Credential {
  token?: string;
  password?: string;
}

export const STATES = ["starting", "ready", "connecting", "waiting", "paused", "failed"] as const;

export interface ConnectionReport {
  /** Tells the gateway from others; empty for this computer's own. */
  gateway: string;
  mode: Mode;
  target: Partial<Target>;
  state: (typeof STATES)[number];
  headline?: string | null;
  message?: string | null;
  remedy?: string | null;
  /** `127.0.0.1:18789`, where other programs of this computer reach the gateway. */
  frontDoor?: string | null;
  /** The gateway is another program's on this computer. */
  attached?: boolean;
  /** Who that is. */
  holder?: unknown;
  /** Runs that end when the gateway here does. */
  runs?: number;
}

export const LAYERS = ["name", "ssh", "hostKey", "port", "gateway", "version", "authentication"] as const;

export interface TestStep {
  layer: (typeof LAYERS)[number];
  state: "running" | "ok" | "failed" | "skipped";
  ms?: number | null;
  detail?: string | null;
  remedy?: string | null;
}

export interface Question {
  id: string | number;
  kind: "passphrase" | "password" | "code" | "hostKey";
  prompt: string;
  host?: string | null;
  fingerprint?: string | null;
  /** Whose host key it is, as `ssh` names it, and of which kind. */
  machine?: string | null;
  algorithm?: string | null;
  /** The answer before was not accepted. */
  again?: boolean;
}

export const TAILSCALE_MODES = ["off", "serve", "funnel"] as const;
export type TailscaleMode = (typeof TAILSCALE_MODES)[number];

export interface TailscaleReport {
  installed: boolean;
  mode: TailscaleMode;
  state: string;
  url?: string | null;
  consentUrl?: string | null;
  hint?: string | null;
  /** What of it is a command, to be copied. */
  command?: string | null;
}

export const LINKS = ["window", "app", "tunnel", "gateway", "model"] as const;

export interface ChainLink {
  id: (typeof LINKS)[number];
  state: "ok" | "broken" | "off" | "unknown";
  detail?: string | null;
  ms?: number | null;
  remedy?: string | null;
}

export interface Show {
  page: "chat" | "settings" | "diagnostics" | "firstRun" | "link";
  detail?: unknown;
}

const core = () => import("@tauri-apps/api/core");

async function call<T>(command: string, args?: Record<string, unknown>): Promise<T> {
  const { invoke } = await core();
  return invoke<T>(command, args);
}

export const desktopCommands = {
  readSettings: () => call<SettingsReport>("settings_read"),
  writeSettings: (patch: SettingsPatch) => call<SettingsReport>("settings_write", { patch }),
  readConnection: () => call<ConnectionReport>("connection_read"),
  /** Resolves after the last step. */
  testConnection: async (target: Target, credential: Credential | undefined, onStep: (step: TestStep) => void) => {
    const { Channel, invoke } = await core();
    const channel = new Channel<TestStep>();
    channel.onmessage = onStep;
    await invoke("connection_test", { target, credential, onStep: channel });
  },
  /** Nobody looks at what comes of the test any more. */
  stopTest: () => call<unknown>("connection_test_stop"),
  /** Answers with what comes next. */
  useConnection: (target: Target, credential?: Credential) => call<ConnectionReport>("connection_use", { target, credential }),
  stopConnection: () => call<unknown>("connection_stop"),
  retryConnection: () => call<unknown>("connection_retry"),
  takeOver: () => call<unknown>("connection_take_over"),
  handBack: () => call<unknown>("connection_hand_back"),
  answer: (id: Question["id"], value: string | null) => call<unknown>("ask_answer", { id, value }),
  readTailscale: () => call<TailscaleReport>("tailscale_read"),
  useTailscale: (mode: TailscaleMode) => call<TailscaleReport | null>("tailscale_use", { mode }),
  readDiagnostics: () => call<{ links: ChainLink[] }>("diagnostics_read"),
  bundle: () => call<string>("diagnostics_bundle"),
  tailLog: (cursor: number | null) => call<{ lines: string[]; cursor: number }>("log_tail", { cursor }),
  qrCode: (text: string) => call<string>("qr_code", { text }),
  /** Answers with the place of the file. */
  exportSettings: () => call<string>("settings_export"),
  openPath: (what: "config" | "logs") => call<unknown>("open_path", { what }),
  takeShow: () => call<Show | null>("show_take"),
};

/** Calls back at each event of the app; the returned function ends that. */
export async function onEvent<T>(name: string, use: (payload: T) => void): Promise<() => void> {
  const { listen } = await import("@tauri-apps/api/event");
  return listen<T>(name, (event) => use(event.payload));
}

/** The sentence in a command's failure. */
export function reason(error: unknown): string {
  if (isObject(error)) return text(error.message) ?? text(error.code) ?? "";
  return String(error);
}
