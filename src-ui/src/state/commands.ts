/** What the interface's own slash commands do. */
import type { CommandId } from "../commands/slash";
import { formatDuration, formatNumber, t } from "../i18n/i18n.svelte";
import { isObject, number, text, type Json } from "../protocol/frames";
import type { App } from "./app.svelte";
import { ui } from "./ui.svelte";

export function runCommand(app: App, id: CommandId): void {
  switch (id) {
    case "new":
      return app.newChat();
    case "stop":
      return app.stop();
    case "help":
      ui.dialog = "help";
      return;
    case "models":
      ui.modelMenu = true;
      return;
    case "reset":
      return askReset(app, app.activeKey);
    case "clear":
      return askClear(app);
    case "status":
      void showStatus(app);
  }
}

export function askReset(app: App, key: string): void {
  ui.ask({
    title: t("confirm.reset.title"),
    body: t("confirm.reset.body"),
    ok: t("confirm.reset.ok"),
    run: () => void app.resetSession(key),
  });
}

/** `/clear` goes to the gateway when it knows the command; otherwise the chat is reset, and the dialog says so. */
function askClear(app: App): void {
  const key = app.activeKey;
  const viaGateway = app.catalog.gatewayClears;
  ui.ask({
    title: t("confirm.clear.title"),
    body: t(viaGateway ? "confirm.clear.gateway" : "confirm.clear.reset"),
    ok: t("confirm.clear.ok"),
    run: () => (viaGateway ? app.sendOrQueue("/clear") : void app.resetSession(key)),
  });
}

async function showStatus(app: App): Promise<void> {
  const key = app.activeKey;
  const started = performance.now();
  const [health, status] = await Promise.allSettled([app.gateway.request("health"), app.gateway.request("status")]);
  const healthy = health.status === "fulfilled" && isObject(health.value) ? health.value : null;
  if (healthy) app.catalog.noticeHealth(healthy);
  const state = status.status === "fulfilled" && isObject(status.value) ? status.value : {};
  const took = formatDuration(performance.now() - started);
  const ok = healthy?.ok === true;
  const rows: [string, string][] = [
    [t("statusCard.health"), `${ok ? t("statusCard.ok") : t("statusCard.bad")}, ${took}`],
    [t("statusCard.version"), app.gateway.hello?.serverVersion ?? ""],
    [t("statusCard.address"), app.gateway.transport.native ? t("app.name") : location.host],
    [t("statusCard.sessions"), formatNumber(sessionCount(healthy, state, app))],
    [t("statusCard.model"), defaultModel(state, app)],
    [t("statusCard.channels"), channels(app)],
  ];
  app.conversations.note(key, { note: "status", text: t("statusCard.title"), rows: rows.filter(([, value]) => value !== "") });
  app.followSignal++;
}

function sessionCount(health: Json | null, status: Json, app: App): number {
  const fromStatus = isObject(status.sessions) ? number(status.sessions.count) : undefined;
  const fromHealth = health && isObject(health.sessions) ? number(health.sessions.count) : undefined;
  return fromStatus ?? fromHealth ?? app.sessions.rows.length;
}

function defaultModel(status: Json, app: App): string {
  const sessions = isObject(status.sessions) ? status.sessions : {};
  const defaults = isObject(sessions.defaults) ? sessions.defaults : {};
  return text(defaults.model) ?? app.conversation?.model ?? "";
}

function channels(app: App): string {
  if (app.catalog.channels.length === 0) return t("statusCard.noChannels");
  return app.catalog.channels
    .map((channel) => t(channel.connected ? "statusCard.connected" : "statusCard.off", { channel: channel.label }))
    .join(", ");
}
