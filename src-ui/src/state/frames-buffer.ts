/**
 * Collects events and hands them over no more often than can be seen. By a timer: asking for an animation frame would
 * make the browser prepare one even when nothing on screen changes.
 */
import type { EventFrame } from "../protocol/frames";

const VISIBLE_MS = 16;
const HIDDEN_MS = 250;

export class FrameBuffer {
  private waiting: EventFrame[] = [];
  private scheduled = false;

  constructor(private readonly flush: (frames: EventFrame[]) => void) {
    // Timers of a page that was hidden can be late.
    document.addEventListener("visibilitychange", () => this.run());
  }

  push(frame: EventFrame): void {
    this.waiting.push(frame);
    if (this.scheduled) return;
    this.scheduled = true;
    setTimeout(this.run, document.hidden ? HIDDEN_MS : VISIBLE_MS);
  }

  /** For callers that must see everything received so far. */
  readonly run = (): void => {
    this.scheduled = false;
    if (this.waiting.length === 0) return;
    const frames = this.waiting;
    this.waiting = [];
    this.flush(frames);
  };
}
