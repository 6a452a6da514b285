/** Plain words for a step: the verb, and the one argument that matters. */
import { isObject } from "../protocol/frames";
import type { MessageKey } from "../i18n/en";

const VERBS: [RegExp, MessageKey][] = [
  [/^(exec|bash|shell|run|command|process|terminal)/, "tool.exec"],
  [/^(read|cat|view|open)/, "tool.read"],
  [/^(write|create_file|save)/, "tool.write"],
  [/^(edit|patch|apply|replace)/, "tool.edit"],
  [/^(web_?fetch|fetch|browse|http|get_url)/, "tool.fetch"],
  [/^(web_?search|search|grep|find|glob)/, "tool.search"],
  [/^(ls|list|dir)/, "tool.list"],
];

const ARGUMENTS = ["command", "cmd", "path", "file_path", "file", "url", "query", "pattern", "q", "name", "text"];
const MAX_ARGUMENT = 200;

export function toolVerb(name: string): MessageKey {
  return VERBS.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1] ?? "tool.other";
}

export function toolArgument(args: unknown): string {
  if (typeof args === "string") return args.slice(0, MAX_ARGUMENT);
  if (!isObject(args)) return "";
  const key = ARGUMENTS.find((candidate) => typeof args[candidate] === "string") ?? Object.keys(args).find((k) => typeof args[k] === "string");
  return key ? String(args[key]).replace(/\s+/g, " ").slice(0, MAX_ARGUMENT) : "";
}
