/** Collects events and hands them over once per frame, so that drawing never happens more often than it can be seen. */
import type { EventFrame } from "../protocol/frames";

const HIDDEN_MS = 250;

export class FrameBuffer {
  private waiting: EventFrame[] = [];
  private scheduled = false;

  constructor(private readonly flush: (frames: EventFrame[]) => void) {
    // A frame asked for just before the page was hidden would only come when it is shown again.
    document.addEventListener("visibilitychange", () => this.run());
  }

  push(frame: EventFrame): void {
    this.waiting.push(frame);
    if (this.scheduled) return;
    this.scheduled = true;
    if (document.hidden) setTimeout(this.run, HIDDEN_MS);
    else requestAnimationFrame(this.run);
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
