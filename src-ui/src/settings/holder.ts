/** Names the program that has the gateway's port, as far as it is known. */
import { isObject, number, text } from "../protocol/frames";

export function holderName(holder: unknown): string {
  if (typeof holder === "string") return holder;
  if (!isObject(holder)) return "?";
  const name = text(holder.name) ?? "?";
  const pid = number(holder.pid);
  return pid === undefined ? name : `${name} (${pid})`;
}
