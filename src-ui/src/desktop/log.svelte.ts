/** The end of the app's log, kept up to date while somebody looks. */
import { desktopCommands, reason } from "./commands";

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
