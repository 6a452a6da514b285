/** Reading and changing the gateway's configuration through its own methods. */
import { isObject, text, type Json } from "../protocol/frames";
import type { Gateway } from "../state/gateway.svelte";

export interface ConfigReport {
  path: string;
  hash: string;
  /** As written, without secrets. */
  raw: string;
  config: Json;
}

export async function readConfig(gateway: Gateway): Promise<ConfigReport> {
  const payload = await gateway.request("config.get", {});
  const report = isObject(payload) ? payload : {};
  return {
    path: text(report.path) ?? "",
    hash: text(report.hash) ?? "",
    raw: text(report.raw) ?? "",
    config: isObject(report.config) ? report.config : {},
  };
}

/** Merges a change into the configuration as it is at this moment. */
export async function patchConfig(gateway: Gateway, change: object): Promise<void> {
  const { hash } = await readConfig(gateway);
  await gateway.request("config.patch", { raw: JSON.stringify(change), baseHash: hash });
}
