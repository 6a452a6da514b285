/** Which turns of a long conversation are mounted. Pure arithmetic over heights. */

export interface Slice {
  start: number;
  /** One past the last mounted turn. */
  end: number;
  /** Heights of the unmounted turns before and after. */
  top: number;
  bottom: number;
}

export function sameSlice(a: Slice, b: Slice): boolean {
  return a.start === b.start && a.end === b.end && a.top === b.top && a.bottom === b.bottom;
}

export const MAX_MOUNTED = 40;
/** Used for a turn that was never measured. */
export const TYPICAL_HEIGHT = 220;
const OVERSCAN_SCREENS = 1.5;

export function sliceAt(heights: readonly number[], scrollTop: number, viewport: number): Slice {
  const from = scrollTop - viewport * OVERSCAN_SCREENS;
  const to = scrollTop + viewport * (1 + OVERSCAN_SCREENS);
  let start = 0;
  let top = 0;
  while (start < heights.length - 1 && top + (heights[start] ?? 0) < from) {
    top += heights[start] ?? 0;
    start++;
  }
  let end = start;
  let y = top;
  while (end < heights.length && end - start < MAX_MOUNTED && (y < to || end === start)) {
    y += heights[end] ?? 0;
    end++;
  }
  let bottom = 0;
  for (let index = end; index < heights.length; index++) bottom += heights[index] ?? 0;
  return { start, end, top, bottom };
}

/** The last turns, for a view that follows the end. */
export function sliceAtEnd(heights: readonly number[], viewport: number): Slice {
  const total = heights.reduce((sum, height) => sum + height, 0);
  const needed = viewport * (1 + OVERSCAN_SCREENS);
  let start = heights.length;
  let mounted = 0;
  while (start > 0 && heights.length - start < MAX_MOUNTED && (mounted < needed || start === heights.length)) {
    start--;
    mounted += heights[start] ?? 0;
  }
  return { start, end: heights.length, top: total - mounted, bottom: 0 };
}
