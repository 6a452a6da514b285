/**
 * Closes what is still open in the last line of growing text (`**`, `` ` ``, `~~`, a link), so that markers do not flash
 * on screen before their partner arrives.
 */

/** Only the last paragraph can hold an open mark: a blank line ends every inline span. */
function lastParagraph(source: string): [string, string] {
  const cut = source.lastIndexOf("\n\n") + 1;
  return [source.slice(0, cut), source.slice(cut)];
}

export function closeOpenMarks(source: string): string {
  const [before, paragraph] = lastParagraph(source);
  const lineStart = paragraph.lastIndexOf("\n") + 1;
  if (/^\s*(`{3,}|~{3,})/.test(paragraph.slice(lineStart))) return source;
  return before + closeParagraph(paragraph);
}

function closeParagraph(paragraph: string): string {
  const ticks = openCodeSpan(paragraph);
  if (ticks) return paragraph.endsWith(ticks) ? paragraph.slice(0, -ticks.length) : paragraph + ticks;
  let result = hideOpenLink(paragraph);
  const closers = openEmphasis(result);
  if (closers.length === 0) return result;
  result = result.replace(/[*_~]+$/, (run) => (closers.includes(run) ? "" : run));
  const still = openEmphasis(result);
  const body = result.trimEnd();
  return body + still.toReversed().join("") + result.slice(body.length);
}

/** The run of backticks that opened a span without an end, if any. */
function openCodeSpan(paragraph: string): string | null {
  let open: string | null = null;
  for (const [run] of paragraph.matchAll(/`+/g)) {
    if (open === null) open = run;
    else if (run.length === open.length) open = null;
  }
  return open;
}

function withoutCode(paragraph: string): string {
  return paragraph.replace(/(`+)[^`]*\1/g, (span) => " ".repeat(span.length));
}

/** `[text](http://unfin` is shown as its text until the address is complete. */
function hideOpenLink(paragraph: string): string {
  const match = /!?\[([^\]\n]*)\]\([^)\s]*$/.exec(withoutCode(paragraph));
  if (!match || match.index < 0) return paragraph;
  return paragraph.slice(0, match.index) + (match[1] ?? "");
}

/** Markers that opened emphasis and have no partner yet, outermost first. */
function openEmphasis(paragraph: string): string[] {
  const stack: string[] = [];
  const plain = withoutCode(paragraph).replace(/\\./g, "  ");
  for (const match of plain.matchAll(/\*\*\*|\*\*|\*|__|_|~~/g)) {
    const mark = match[0];
    const before = plain[match.index - 1] ?? " ";
    const after = plain[match.index + mark.length] ?? " ";
    const closes = stack.at(-1) === mark && !/\s/.test(before);
    if (closes) {
      stack.pop();
      continue;
    }
    const wordInside = mark.startsWith("_") && /\w/.test(before);
    const bullet = mark === "*" && /(^|\n)\s*$/.test(plain.slice(0, match.index)) && /\s/.test(after);
    const opens = !/\s/.test(after) || match.index + mark.length === plain.length;
    if (opens && !wordInside && !bullet) stack.push(mark);
  }
  return stack;
}
