/** What of a message is meant to be read: envelopes, delivery directives and silent replies are not. */
import { isObject, list, text } from "../protocol/frames";

const SILENT = /^\s*(NO_REPLY|HEARTBEAT_OK)\s*$/;
const DIRECTIVE = /\[\[\s*(reply_to_current|reply_to:[^\]]*|audio_as_voice)\s*\]\]\s*/g;
const CONTROL = /<\|(?:im_start|im_end|endoftext|eot_id|start_header_id|end_header_id)\|>/g;
const ENVELOPE = /^\[(?:WhatsApp|Telegram|Slack|Discord|Signal|iMessage|Matrix|WebChat|Teams)\b[^\]\n]*\]\s*/;

export function visibleReply(raw: string): string {
  if (SILENT.test(raw)) return "";
  return raw.replace(DIRECTIVE, "").replace(CONTROL, "");
}

export function visiblePrompt(raw: string): string {
  return raw.replace(ENVELOPE, "").replace(/\n?\[message_id: [^\]]*\]\s*$/, "");
}

/** Joined text of a `content` member, which is a string or a list of blocks. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  return list(content)
    .filter(isObject)
    .filter((block) => block.type === "text")
    .map((block) => text(block.text) ?? "")
    .join("\n");
}

export function normalise(value: string): string {
  return value.replace(/\s+/g, " ").trim();
}
