/** The chain from the window to the model: what the app knows, and what the window measures itself. */
import { untrack } from "svelte";
import { p } from "../i18n/pages.svelte";
import { DEMO_PROVIDER } from "../protocol/rows";
import { readPrimary, readProbe } from "../settings/models.svelte";
import type { Gateway } from "../state/gateway.svelte";
import { desktopCommands, LINKS, reason, type ChainLink } from "./commands";

/** The app's links in order; what was measured wins, except that the app knows better why a link is broken; nothing behind one is called fine. */
export function chain(told: ChainLink[], measured: Partial<Record<ChainLink["id"], Partial<ChainLink>>>): ChainLink[] {
  let broken = false;
  return LINKS.map((id) => {
    const known = told.find((candidate) => candidate.id === id);
    const seen = known?.state === "broken" && measured[id]?.state === "broken" ? undefined : measured[id];
    const link: ChainLink = { state: "unknown", ...known, ...seen, id };
    if (broken && link.state !== "off") return { id, state: "unknown" };
    broken ||= link.state === "broken";
    return link;
  });
}

export class Diagnostics {
  links = $state.raw<ChainLink[]>(LINKS.map((id) => ({ id, state: "unknown" })));
  checking = $state(false);
  readonly broken = $derived(this.links.find((link) => link.state === "broken"));
  readonly good = $derived(!this.checking && this.links.every((link) => link.state === "ok" || link.state === "off"));

  private wanted = false;

  constructor(private readonly gateway: Gateway) {}

  async check(): Promise<void> {
    this.wanted = true;
    if (untrack(() => this.checking)) return;
    this.checking = true;
    try {
      // What changes meanwhile is looked at again.
      while (this.wanted) {
        this.wanted = false;
        await this.measure();
      }
    } finally {
      this.checking = false;
    }
  }

  private async measure(): Promise<void> {
    const started = performance.now();
    let told: ChainLink[];
    try {
      told = (await desktopCommands.readDiagnostics()).links;
    } catch (error) {
      this.links = chain([], { window: { state: "ok" }, app: { state: "broken", detail: reason(error) } });
      return;
    }
    const app = { state: "ok" as const, ms: performance.now() - started };
    const gateway = await this.measureGateway();
    this.links = chain(told, { window: { state: "ok" }, app, gateway, model: { state: "unknown" } });
    if (gateway.state !== "ok") return;
    const model = await this.measureModel();
    this.links = chain(told, { window: { state: "ok" }, app, gateway, model });
  }

  private async measureGateway(): Promise<Partial<ChainLink>> {
    const away = { state: "broken" as const, detail: p("diagnostics.gatewayAway"), remedy: p("diagnostics.gatewayAway.do") };
    if (!this.gateway.ready) {
      const { connection } = this.gateway;
      const said = connection.phase === "ready" ? undefined : connection.cause?.detail;
      return said ? { ...away, detail: said } : away;
    }
    const started = performance.now();
    try {
      await this.gateway.request("health", {});
      return { state: "ok", ms: performance.now() - started };
    } catch (error) {
      return { ...away, detail: reason(error) };
    }
  }

  private async measureModel(): Promise<Partial<ChainLink>> {
    try {
      const primary = readPrimary(await this.gateway.request("models.list", {}));
      const [provider = "", ...rest] = primary.split("/");
      if (provider === DEMO_PROVIDER) return { state: "ok", detail: p("diagnostics.demo") };
      if (provider === "" || !this.gateway.supports("models.probe")) return { state: "unknown", detail: primary };
      const probe = readProbe(await this.gateway.request("models.probe", { provider, model: rest.join("/") }));
      if (probe.ok) return { state: "ok", detail: primary, ms: probe.ms };
      return { state: "broken", detail: primary, remedy: probe.error };
    } catch (error) {
      return { state: "broken", detail: reason(error) };
    }
  }
}
