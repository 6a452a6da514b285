/** Keys that were pressed, in the words of the app's shortcuts. */

const NAMED: Record<string, string> = { " ": "Space", ArrowUp: "Up", ArrowDown: "Down", ArrowLeft: "Left", ArrowRight: "Right", Escape: "Escape", "+": "Plus" };
const ALONE = ["Control", "Shift", "Alt", "Meta", "AltGraph", "OS", "Dead", "Unidentified", "Process"];

/** `undefined` while only modifiers are held, `null` when the keys make no shortcut. */
export function shortcutOf(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "altKey" | "shiftKey" | "metaKey">, mac = false): string | null | undefined {
  if (ALONE.includes(event.key)) return undefined;
  const modifiers = [event.ctrlKey && "Ctrl", event.altKey && "Alt", event.metaKey && "Super"].filter((name) => name !== false);
  const key = keyName(event, mac);
  if (modifiers.length === 0 || key === null) return null;
  return [...modifiers, ...(event.shiftKey ? ["Shift"] : []), key].join("+");
}

/** Letters are what is printed on the key, but for macOS, which goes by the key's place, as all goes for the rest. */
function keyName(event: Pick<KeyboardEvent, "key" | "code">, mac: boolean): string | null {
  if (!mac && /^[a-z]$/i.test(event.key)) return event.key.toUpperCase();
  const letter = /^(?:Key([A-Z])|Digit(\d))$/.exec(event.code);
  if (letter) return letter[1] ?? letter[2] ?? null;
  if (/^F([1-9]|1\d|2[0-4])$/.test(event.key)) return event.key;
  if (/^(Comma|Period|Slash|Minus|Equal|Semicolon|Quote|Backquote|Backslash|BracketLeft|BracketRight|Enter|Tab|Backspace|Delete|Home|End|PageUp|PageDown|Insert)$/.test(event.code)) return event.code;
  return NAMED[event.key] ?? null;
}

/** A shortcut as this platform writes it. */
export function shortcutLabel(shortcut: string, mac: boolean): string {
  return shortcut
    .split("+")
    .map((part) => {
      if (/^(cmdorctrl|commandorcontrol)$/i.test(part)) return mac ? "⌘" : "Ctrl";
      if (/^(super|cmd|command)$/i.test(part)) return mac ? "⌘" : "Super";
      return part;
    })
    .join(" ");
}
