/** What the gateway offers: models, commands, the agent's name, and its health. */
import type { Command, CommandId } from "../commands/slash";
import { isObject, list, text } from "../protocol/frames";
import { DEMO_PROVIDER, readCommands, readModels, type CommandRow, type ModelRow } from "../protocol/rows";
import { t } from "../i18n/i18n.svelte";
import type { Methods } from "../protocol/contract";
import type { Gateway } from "./gateway.svelte";

const LOCAL: CommandId[] = ["new", "reset", "clear", "status", "models", "help", "stop"];

export interface Channel {
  id: string;
  label: string;
  connected: boolean;
}

export class Catalog {
  models = $state.raw<ModelRow[]>([]);
  modelsLoaded = $state(false);
  remote = $state.raw<CommandRow[]>([]);
  agentName = $state("");
  channels = $state.raw<Channel[]>([]);

  readonly commands = $derived.by((): Command[] => {
    const own = LOCAL.map((name): Command => ({
      name,
      description: t(`slash.${name}`),
      local: name,
      acceptsArgs: false,
      choices: [],
    }));
    const others = this.remote.filter((row) => !LOCAL.some((name) => name === row.name));
    return [...own, ...others];
  });

  constructor(private readonly gateway: () => Gateway) {}

  get agent(): string {
    return this.agentName || t("app.assistant");
  }

  /** The gateway runs `/clear` itself. */
  get gatewayClears(): boolean {
    return this.remote.some((row) => row.name === "clear");
  }

  async load(): Promise<void> {
    await Promise.all([this.loadModels(), this.loadCommands(), this.loadAgent(), this.loadHealth()]);
  }

  async loadModels(): Promise<void> {
    const payload = await this.ask("models.list");
    if (payload === undefined) return;
    this.models = readModels(payload);
    this.modelsLoaded = true;
  }

  private async loadCommands(): Promise<void> {
    if (!this.gateway().supports("commands.list")) return;
    const payload = await this.ask("commands.list");
    if (payload !== undefined) this.remote = readCommands(payload);
  }

  private async loadAgent(): Promise<void> {
    const payload = await this.ask("agent.identity.get");
    const name = isObject(payload) ? text(payload.name)?.trim() : undefined;
    if (name) this.agentName = name === "Assistant" ? "" : name;
  }

  async loadHealth(): Promise<void> {
    const payload = await this.ask("health");
    this.noticeHealth(payload);
  }

  noticeHealth(payload: unknown): void {
    if (!isObject(payload) || !isObject(payload.channels)) return;
    const labels = isObject(payload.channelLabels) ? payload.channelLabels : {};
    const order = list(payload.channelOrder).filter((id): id is string => typeof id === "string");
    const channels = payload.channels;
    this.channels = order.flatMap((id): Channel[] => {
      const state = channels[id];
      if (!isObject(state) || state.configured !== true) return [];
      const down = state.running === false || state.connected === false || state.linked === false;
      return [{ id, label: text(labels[id]) ?? id, connected: !down }];
    });
  }

  /** These only enrich the page: a gateway that lacks one of them is still a gateway to talk to. */
  private async ask(method: keyof Methods): Promise<unknown> {
    try {
      return await this.gateway().request(method, {});
    } catch {
      return undefined;
    }
  }

  find(provider: string | undefined, id: string | undefined): ModelRow | undefined {
    return this.models.find((row) => row.id === id && (provider === undefined || row.provider === provider));
  }

  isDemo(provider: string | undefined): boolean {
    return provider === DEMO_PROVIDER;
  }
}
