/** The end of the app's log, kept up to date while somebody looks. */
import { isObject, text } from "../protocol/frames";
import { desktopCommands, reason } from "./commands";

/** A line of the log as people read it: when, how grave, what. */
export function readable(line: string): string {
  const entry = parsed(line);
  const message = text(entry?.message);
  if (!entry || message === undefined) return line;
  const level = isObject(entry._meta) ? text(entry._meta.logLevelName) : undefined;
  const at = new Date(text(entry.time) ?? "");
  const time = Number.isNaN(at.getTime()) ? "" : at.toTimeString().slice(0, 8);
  return [time, level, message].filter(Boolean).join("  ");
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const INTERVAL_MS = 1_000;
const KEPT = 400;

export class Log {
  lines = $state.raw<string[]>([]);
  problem = $state("");
  private cursor: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;

  async start(): Promise<void> {
    try {
      const { lines, cursor } = await desktopCommands.tailLog(this.cursor);
      this.cursor = cursor;
      if (lines.length > 0) this.lines = [...this.lines, ...lines].slice(-KEPT);
      this.problem = "";
    } catch (error) {
      this.problem = reason(error);
    }
    if (!this.stopped) this.timer = setTimeout(() => void this.start(), INTERVAL_MS);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }
}
