/** A command as it is: what would be invisible, or reorder the rest, is written out as `\u{…}`. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]|\p{Zs}/gu;
const PLAIN = new Set([" ", "\n", "\t"]);

export function visibleCommand(command: string): string {
  return command.replace(HIDDEN, (found) => (PLAIN.has(found) ? found : `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`));
}
