// The app around the page, played by a script: the same commands and events as the native window has,
// with the real gateway behind its frames. Its state and what it was asked are in `window.desktopApp`.
import { once } from "node:events";
import { createRequire } from "node:module";

const WebSocket = createRequire(new URL("../../../src-ui/package.json", import.meta.url))("ws");

/** Runs in the page before anything of ours. `state` is what the commands answer at first. */
function play({ state }) {
  const callbacks = new Map();
  const listeners = new Map();
  let nextId = 1;
  const desktopApp = { calls: [], state };
  const desktopLanguage = navigator.language.slice(0, 2);
  state.report.language ??= desktopLanguage;
  window.desktopApp = desktopApp;

  const give = (channel) => {
    let index = 0;
    return (message) => callbacks.get(channel.id)?.({ message, index: index++ });
  };

  /** Frames go through the test's own socket, as they go through the app: without an origin. */
  function openGateway({ onFrame }) {
    if (state.gatewayAway) throw { code: "AWAY", message: state.gatewayAway };
    desktopApp.frame = give(onFrame);
    return window.gatewayOpen();
  }

  function merge(target, patch) {
    for (const [name, value] of Object.entries(patch)) {
      if (value !== null && typeof value === "object") merge((target[name] ??= {}), value);
      else target[name] = value;
    }
  }

  const commands = {
    gateway_open: openGateway,
    gateway_send: ({ frame }) => window.gatewaySend(frame),
    gateway_took: () => {},
    gateway_close: () => window.gatewayClose(),
    open_external: () => {},
    settings_read: () => structuredClone(state.report),
    settings_write({ patch }) {
      if (state.refuses) throw state.refuses;
      const { autostart, ...rest } = patch;
      if (autostart !== undefined) state.report.autostart = autostart;
      merge(state.report.settings, rest);
      state.report.language = state.report.settings.language ?? desktopLanguage;
      return structuredClone(state.report);
    },
    connection_read: () => structuredClone(state.connection),
    async connection_test({ onStep }) {
      const send = give(onStep);
      for (const step of state.testSteps) {
        send({ ...step, state: "running" });
        await new Promise((resolve) => setTimeout(resolve));
        send(step);
      }
      if (state.testHangs) await new Promise((resolve) => (desktopApp.endTest = resolve));
    },
    connection_test_stop: () => desktopApp.endTest?.(),
    connection_use({ target }) {
      if (state.refuses) throw state.refuses;
      state.connection = { ...state.connection, mode: target.mode, target, ...state.turning };
      desktopApp.emit("connection", structuredClone(state.connection));
      return structuredClone(state.connection);
    },
    tailscale_read: () => structuredClone(state.tailscale),
    tailscale_use({ mode }) {
      state.tailscale = { ...state.tailscale, mode };
    },
    qr_code: () => state.picture,
    open_path: () => {},
    settings_export: () => "/home/me/Downloads/clawdbot-settings.json",
    ask_answer: () => {},
    diagnostics_read: () => ({ links: state.links }),
    diagnostics_bundle: () => "/home/me/Downloads/clawdbot-support.zip",
    log_tail: ({ cursor }) => ({ lines: cursor === null ? state.log : [], cursor: 1 }),
    show_take: () => null,
    "plugin:event|listen"({ event, handler }) {
      listeners.set(event, [...(listeners.get(event) ?? []), handler]);
      return handler;
    },
    "plugin:event|unlisten": () => {},
  };

  desktopApp.emit = (event, payload) => {
    for (const handler of listeners.get(event) ?? []) callbacks.get(handler)?.({ event, id: handler, payload });
  };

  window.__TAURI_EVENT_PLUGIN_INTERNALS__ = { unregisterListener: () => {} };
  window.__TAURI_INTERNALS__ = {
    metadata: { currentWindow: { label: "main" }, currentWebview: { windowLabel: "main", label: "main" } },
    convertFileSrc: (path) => path,
    transformCallback(callback) {
      callbacks.set(nextId, callback);
      return nextId++;
    },
    unregisterCallback: (id) => callbacks.delete(id),
    async invoke(command, args = {}) {
      if (!command.startsWith("gateway_")) desktopApp.calls.push({ command, args: JSON.parse(JSON.stringify(args)) });
      const missing = (command.startsWith("connection_") && !state.connection) || (command.startsWith("tailscale_") && !state.tailscale);
      if (!commands[command] || missing) throw { code: "UNKNOWN", message: `There is no command ${command}.` };
      return commands[command](args);
    },
  };
}

const PICTURE = "data:image/svg+xml;base64," + Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h4v4H0z"/><path d="M1 1h1v1H1zM2 2h1v1H2z"/></svg>').toString("base64");

/** As the gateway writes its log. */
const logLine = (at, message) => JSON.stringify({ 0: "{}", 1: message, _meta: { logLevelName: "INFO" }, time: `2026-11-25T${at}.000Z`, message });

/** A desktop app on this computer, with everything in order. */
export function desktopState() {
  return {
    report: {
      settings: { notifications: { answers: true, approvals: true, pairing: true, connection: true }, quickChat: "CmdOrCtrl+Shift+K", firstRunDone: true, language: null },
      autostart: false,
      version: "0.1.0",
      stateDir: "/home/me/.clawdbot",
      configPath: "/home/me/.clawdbot/clawdbot.json",
      shortcutSupported: true,
      shortcutTrouble: null,
      platform: "linux",
    },
    connection: { mode: "local", target: { mode: "local" }, gateway: "", state: "ready", headline: null, message: null, remedy: null, frontDoor: "127.0.0.1:18789", attached: false, holder: null },
    testSteps: [
      { layer: "name", state: "ok", ms: 4, detail: "192.0.2.7" },
      { layer: "ssh", state: "ok", ms: 210, detail: "OpenSSH_9.2" },
      { layer: "hostKey", state: "ok", ms: 3 },
      { layer: "port", state: "failed", ms: 12, detail: "Connection refused", remedy: "Nothing listens on port 18789 there. Start the gateway on that machine: clawdbot gateway" },
      { layer: "gateway", state: "skipped" },
      { layer: "version", state: "skipped" },
      { layer: "authentication", state: "skipped" },
    ],
    tailscale: { installed: true, mode: "serve", state: "published", url: "https://desk.tail1234.ts.net", consentUrl: null, hint: null },
    picture: PICTURE,
    links: [
      { id: "window", state: "ok" },
      { id: "app", state: "ok", detail: "0.1.0" },
      { id: "tunnel", state: "off" },
      { id: "gateway", state: "ok", detail: "127.0.0.1:18789" },
      { id: "model", state: "unknown" },
    ],
    log: [logLine("10:00:00", "ready address=127.0.0.1:18789 model=mock/mock-1"), logLine("10:00:01", "client connected client=gateway-client")],
  };
}

/** The app's end of the page's frames: a client of this computer with the access token. */
async function connect(page, gateway) {
  let socket;
  const give = (frame) => page.evaluate((frame) => window.desktopApp.frame(frame), frame).catch(() => {});
  await page.exposeFunction("gatewayOpen", async () => {
    socket?.terminate();
    socket = new WebSocket(gateway.origin.replace("http", "ws"));
    socket.on("message", (data) => void give(String(data)));
    socket.on("close", (code) => void give(JSON.stringify({ type: "close", code, reason: "" })));
    await once(socket, "open");
  });
  await page.exposeFunction("gatewaySend", (frame) => {
    const value = JSON.parse(frame);
    if (value.method === "connect") {
      value.params.auth = { token: gateway.token };
      value.params.client = { ...value.params.client, id: "cli", mode: "cli" };
    }
    socket.send(JSON.stringify(value));
  });
  await page.exposeFunction("gatewayClose", () => socket?.close());
  page.on("close", () => socket?.terminate());
}

/** A page as the native window shows it, listening to the app: it asks what to show once it does. */
export async function nativePage(browsing, state = desktopState(), path = "/") {
  const page = await browsing.context.newPage();
  await connect(page, browsing.gateway);
  await page.addInitScript(play, { state });
  await page.goto(browsing.gateway.origin + path);
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true" && window.desktopApp.calls.some((call) => call.command === "show_take"));
  return page;
}

/** An event of the app. */
export const emit = (page, name, payload) => page.evaluate(([name, payload]) => window.desktopApp.emit(name, payload), [name, payload]);

/** What the page asked the app for, oldest first. */
export const calls = (page, command) => page.evaluate((command) => window.desktopApp.calls.filter((call) => call.command === command).map((call) => call.args), command);
