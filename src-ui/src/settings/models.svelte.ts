/** Providers, their keys and the model that answers. Keys pass through and are not kept. */
import { isObject, list, number, text } from "../protocol/frames";
import { DEMO_PROVIDER, modelRef, readModels, type ModelRow } from "../protocol/rows";
import type { Gateway } from "../state/gateway.svelte";
import { patchConfig } from "./config";

export interface ProviderRow {
  id: string;
  /** It can be asked now. */
  usable: boolean;
  /** Where its key is from; `local` needs none. */
  source: "config" | "env" | "local" | "missing";
}

export interface ProbeResult {
  ok: boolean;
  ms: number;
  error: string;
}

/** Usable ones first, in the order in which they were told. */
export function readProviders(auth: unknown, models: ModelRow[]): ProviderRow[] {
  const rows = isObject(auth) ? list(auth.providers).filter(isObject) : [];
  const told = rows.flatMap((row): ProviderRow[] => {
    const id = text(row.provider);
    if (!id || id === DEMO_PROVIDER) return [];
    const usable = row.status !== "missing" && models.some((model) => model.provider === id);
    const source = isObject(row.apiKey) ? text(row.apiKey.source) : undefined;
    return [{ id, usable, source: source === "config" || source === "env" ? source : usable ? "local" : "missing" }];
  });
  const others = [...new Set(models.map((model) => model.provider))]
    .filter((id) => id !== DEMO_PROVIDER && !told.some((row) => row.id === id))
    .map((id): ProviderRow => ({ id, usable: true, source: "local" }));
  const all = [...told, ...others];
  return [...all.filter((row) => row.usable), ...all.filter((row) => !row.usable)];
}

export function readKeyProviders(auth: unknown): string[] {
  const rows = isObject(auth) ? list(auth.providerCapabilities).filter(isObject) : [];
  return rows.flatMap((row) => (row.apiKeySupported === true ? (text(row.provider) ?? []) : []));
}

export function readProbe(payload: unknown): ProbeResult {
  const result = isObject(payload) ? payload : {};
  return { ok: result.status === "ok", ms: number(result.latencyMs) ?? 0, error: text(result.error) ?? "" };
}

/** The default model's reference, or an empty text. */
export function readPrimary(payload: unknown): string {
  const rows = isObject(payload) ? list(payload.models).filter(isObject) : [];
  const row = rows.find((candidate) => list(candidate.tags).includes("default"));
  const [id, provider] = [text(row?.id), text(row?.provider)];
  return id && provider ? modelRef({ id, provider }) : "";
}

/** One key alone: what a provider hands out has no spaces, and `$` would name a variable. */
export const looksLikeKey = (key: string): boolean => /^[\x21-\x7e]+$/.test(key) && !key.includes("$");

export class ModelSettings {
  providers = $state.raw<ProviderRow[]>([]);
  keyProviders = $state.raw<string[]>([]);
  models = $state.raw<ModelRow[]>([]);
  primary = $state("");
  loaded = $state(false);
  results = $state.raw<Record<string, ProbeResult | "running">>({});

  constructor(private readonly gateway: Gateway) {}

  get canProbe(): boolean {
    return this.gateway.supports("models.probe");
  }

  /** `search` looks for servers on the gateway's computer again. */
  async load(search: boolean): Promise<void> {
    const listed = await this.gateway.request("models.list", search ? { refresh: true } : {});
    const auth = this.gateway.supports("models.authStatus") ? await this.gateway.request("models.authStatus", {}) : null;
    this.models = readModels(listed);
    this.primary = readPrimary(listed);
    this.providers = readProviders(auth, this.models);
    this.keyProviders = readKeyProviders(auth);
    this.loaded = true;
  }

  async choose(primary: string): Promise<void> {
    await patchConfig(this.gateway, { agents: { defaults: { model: { primary } } } });
    await this.load(false);
  }

  async saveKey(provider: string, apiKey: string): Promise<void> {
    await patchConfig(this.gateway, { models: { providers: { [provider]: { apiKey } } } });
    await this.load(false);
  }

  async probe(provider: string): Promise<ProbeResult> {
    this.results = { ...this.results, [provider]: "running" };
    let result: ProbeResult;
    try {
      result = readProbe(await this.gateway.request("models.probe", { provider }));
    } catch (error) {
      result = { ok: false, ms: 0, error: error instanceof Error ? error.message : String(error) };
    }
    this.results = { ...this.results, [provider]: result };
    return result;
  }
}
