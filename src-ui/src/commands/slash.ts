/** Slash commands: parsing and ranking. What they do lives with the application state. */

export type CommandId = "new" | "reset" | "clear" | "status" | "models" | "help" | "stop";

export interface Command {
  name: string;
  description: string;
  /** Set for the commands this interface runs itself; others are sent to the gateway as a message. */
  local?: CommandId;
  acceptsArgs: boolean;
  choices: string[];
}

export interface Parsed {
  name: string;
  args: string;
}

/** `/name rest`; a path such as `/etc/hosts` or a lone `/` is not a command. */
export function parseSlash(text: string): Parsed | null {
  const match = /^\/([a-zA-Z][\w-]*)(?:\s+([\s\S]*))?$/.exec(text.trimEnd());
  return match ? { name: (match[1] ?? "").toLowerCase(), args: (match[2] ?? "").trim() } : null;
}

/** What is being completed: `null` when the text is not the start of a command line. */
export function completionQuery(text: string): { name: string; argument: string | null } | null {
  const match = /^\/([\w-]*)(?:( )([^\n]*))?$/.exec(text);
  if (!match) return null;
  return { name: (match[1] ?? "").toLowerCase(), argument: match[2] === undefined ? null : (match[3] ?? "") };
}

/** Higher is better; -1 does not match. */
export function score(query: string, name: string, description: string): number {
  if (query === "") return 1;
  if (name === query) return 100;
  if (name.startsWith(query)) return 80 - name.length / 10;
  if (name.includes(query)) return 50;
  if (isSubsequence(query, name)) return 30;
  return query.length > 1 && description.toLowerCase().includes(query) ? 10 : -1;
}

function isSubsequence(needle: string, hay: string): boolean {
  let from = 0;
  for (const character of needle) {
    from = hay.indexOf(character, from) + 1;
    if (from === 0) return false;
  }
  return true;
}

export interface Ranking {
  running: boolean;
}

/** Best match first; a command that can do nothing now goes to the end. */
export function rank(commands: Command[], query: string, now: Ranking): Command[] {
  const useless = (command: Command) => command.local === "stop" && !now.running;
  return commands
    .map((command, index) => ({ command, index, score: score(query, command.name, command.description) }))
    .filter((entry) => entry.score >= 0)
    .sort((a, b) => Number(useless(a.command)) - Number(useless(b.command)) || b.score - a.score || a.index - b.index)
    .map((entry) => entry.command);
}
