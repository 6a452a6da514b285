/** Smooths lumpy text: the backlog is shown over the next 120 ms, cut between characters people see as one. */
const SPREAD_MS = 120;
const CARRIAGE_RETURN = 13;

const segmenter = typeof Intl.Segmenter === "function" ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

/** How much of `text` to show after `elapsedMs` when `shown` characters are on screen. */
export function revealLength(text: string, shown: number, elapsedMs: number): number {
  if (shown >= text.length) return text.length;
  const backlog = text.length - shown;
  const step = Math.ceil((backlog * elapsedMs) / SPREAD_MS);
  return graphemeEnd(text, Math.min(text.length, shown + Math.max(1, step)));
}

/** The end of the grapheme that contains position `index - 1`. */
function graphemeEnd(text: string, index: number): number {
  if (index >= text.length || standsAlone(text, index)) return Math.min(index, text.length);
  if (!segmenter) return isLowSurrogate(text, index) ? index + 1 : index;
  const from = Math.max(0, index - 32);
  for (const part of segmenter.segment(text.slice(from, index + 32))) {
    const end = from + part.index + part.segment.length;
    if (end >= index) return end;
  }
  return index;
}

/** Nothing joins two characters before U+0300 but the two of a line end; asking the segmenter takes far longer. */
function standsAlone(text: string, index: number): boolean {
  const before = text.charCodeAt(index - 1);
  const after = text.charCodeAt(index);
  return before < 0x300 && after < 0x300 && before !== CARRIAGE_RETURN;
}

function isLowSurrogate(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xdc00 && code <= 0xdfff;
}
