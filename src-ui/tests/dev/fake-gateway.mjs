// A small scripted gateway for developing the interface and for its browser checks. Not part of the product.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import { WebSocketServer } from "ws";
import { ANSWERS, seedSessions } from "./script.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const MAIN = "agent:main:main";
const METHODS = [
  "chat.history", "chat.send", "chat.abort", "sessions.list", "sessions.patch", "sessions.reset", "sessions.delete",
  "sessions.subscribe", "sessions.messages.subscribe", "models.list", "commands.list", "agent.identity.get", "health", "status",
];

/** Starts the server and returns its address, its state and `stop`. */
export async function startFakeGateway({ port = 0, token = null, dist, tickMs = 15 }) {
  const state = { sessions: seedSessions(), sockets: new Set(), runs: new Map(), seq: 0, requests: [], media: new Map() };
  const http = createServer((request, response) => serve(request, response, dist, state));
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (socket) => accept(socket, state, token, tickMs));
  await new Promise((resolve) => http.listen(port, "127.0.0.1", resolve));
  const stop = async () => {
    for (const run of state.runs.values()) clearInterval(run.timer);
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  };
  return { port: http.address().port, url: `http://127.0.0.1:${http.address().port}`, state, stop, emit: (event, payload) => broadcast(state, event, payload) };
}

function serve(request, response, dist, state) {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
  if (path.startsWith("/media/")) {
    const media = state.media.get(path.slice(1).replace("media/", ""));
    response.writeHead(media ? 200 : 404, { "content-type": media?.type ?? "text/plain" });
    response.end(media?.bytes ?? "");
    return;
  }
  const file = join(dist, path);
  const found = !path.includes("..") && existsSync(file) && statSync(file).isFile() ? file : join(dist, "index.html");
  response.writeHead(200, { "content-type": TYPES[extname(found)] ?? "text/plain", "content-security-policy": CSP });
  createReadStream(found).pipe(response);
}

function broadcast(state, event, payload) {
  for (const socket of state.sockets) {
    socket.seq = (socket.seq ?? 0) + 1;
    socket.send(JSON.stringify({ type: "event", event, payload, seq: socket.seq }));
  }
}

function accept(socket, state, token, tickMs) {
  socket.send(JSON.stringify({ type: "event", event: "connect.challenge", payload: { nonce: randomUUID(), ts: Date.now() } }));
  socket.on("close", () => state.sockets.delete(socket));
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data));
    state.requests.push(frame);
    const answer = (ok, body) => socket.send(JSON.stringify({ type: "res", id: frame.id, ok, ...(ok ? { payload: body } : { error: body }) }));
    if (frame.method === "connect") {
      const given = frame.params.auth?.token;
      if (token !== null && given !== token && given !== "device-token-1") {
        const missing = given === undefined;
        const message = `unauthorized: gateway token ${missing ? "missing" : "mismatch"} (provide gateway auth token)`;
        answer(false, { code: "INVALID_REQUEST", message, details: { code: missing ? "AUTH_TOKEN_MISSING" : "AUTH_TOKEN_MISMATCH" } });
        socket.close(1008, message);
        return;
      }
      state.sockets.add(socket);
      answer(true, hello());
      return;
    }
    const handler = HANDLERS[frame.method];
    if (handler) answer(true, handler(state, frame.params ?? {}, tickMs));
    else answer(false, { code: "INVALID_REQUEST", message: `unknown method: ${frame.method}` });
  });
}

const hello = () => ({
  type: "hello-ok",
  protocol: 4,
  server: { version: "0.1.0", connId: randomUUID() },
  features: { methods: METHODS, events: ["chat", "agent"] },
  snapshot: { sessionDefaults: { defaultAgentId: "main", mainKey: "main", mainSessionKey: MAIN, modelConfigured: true } },
  auth: { role: "operator", scopes: ["operator.admin"], deviceToken: "device-token-1" },
  policy: { maxPayload: 26214400, tickIntervalMs: 30000, attachments: { maxBytes: 20971520, maxImageBytes: 6291456 } },
});

const session = (state, key) => {
  if (!state.sessions.has(key)) state.sessions.set(key, { key, updatedAt: Date.now(), messages: [] });
  return state.sessions.get(key);
};

const row = (item) => ({
  key: item.key,
  kind: "direct",
  label: item.label,
  derivedTitle: item.messages.find((message) => message.role === "user")?.content?.slice(0, 48),
  lastMessagePreview: item.preview,
  channel: item.channel,
  updatedAt: item.updatedAt,
  isMain: item.key === MAIN,
  hasActiveRun: Boolean(item.active),
  model: item.model ?? "demo-1",
  modelProvider: item.provider ?? "builtin",
  totalTokens: item.tokens ?? 0,
  contextTokens: 200000,
});

const HANDLERS = {
  "sessions.list": (state, { search }) => ({
    sessions: [...state.sessions.values()].map(row).filter((item) => !search || JSON.stringify(item).toLowerCase().includes(search.toLowerCase())),
  }),
  "sessions.patch": (state, { key, ...change }) => {
    const item = session(state, key);
    if ("label" in change) item.label = change.label ?? undefined;
    if (change.model) [item.provider, item.model] = change.model.split("/");
    return { ok: true, key };
  },
  "sessions.reset": (state, { key }) => ((session(state, key).messages = []), { ok: true, key }),
  "sessions.delete": (state, { key }) => ({ ok: true, key, deleted: state.sessions.delete(key) }),
  "sessions.subscribe": () => ({ subscribed: true }),
  "sessions.messages.subscribe": (_state, { key }) => ({ subscribed: true, key }),
  "models.list": () => ({
    models: [
      { id: "demo-1", name: "Offline demo", provider: "builtin", contextWindow: 200000 },
      { id: "claude-sonnet-4-5", name: "Claude Sonnet 4.5", provider: "anthropic", contextWindow: 200000 },
      { id: "gpt-5", name: "GPT-5", provider: "openai", contextWindow: 400000, available: false },
    ],
  }),
  "commands.list": () => ({
    commands: [
      { name: "help", description: "Show available commands." },
      { name: "think", description: "Set how much the model thinks", acceptsArgs: true, args: [{ name: "level", choices: ["off", "low", "high"] }] },
      { name: "compact", description: "Summarise the older part of this chat", acceptsArgs: false },
    ],
  }),
  "agent.identity.get": () => ({ agentId: "main", name: "Clawd" }),
  health: () => ({
    ok: true,
    channels: { telegram: { configured: true, running: true, connected: false }, whatsapp: { configured: true, linked: true, connected: true } },
    channelOrder: ["telegram", "whatsapp"],
    channelLabels: { telegram: "Telegram", whatsapp: "WhatsApp" },
    sessions: { count: 6 },
  }),
  status: (state) => ({ sessions: { count: state.sessions.size, defaults: { model: "demo-1", contextTokens: 200000 } } }),
  "chat.history": history,
  "chat.send": send,
  "chat.abort": (state, { sessionKey }) => abort(state, sessionKey),
};

function history(state, { sessionKey, limit = 60, offset = 0 }) {
  const item = state.sessions.get(sessionKey) ?? { key: sessionKey, messages: [] };
  const end = item.messages.length - offset;
  const start = Math.max(0, end - limit);
  const run = item.active && state.runs.get(item.active);
  return {
    sessionKey,
    messages: item.messages.slice(start, end),
    hasMore: start > 0,
    nextOffset: offset + (end - start),
    totalMessages: item.messages.length,
    defaults: { modelProvider: "builtin", model: "demo-1", contextTokens: 200000 },
    sessionInfo: row(item),
    ...(run && { inFlightRun: { runId: item.active, text: run.text } }),
  };
}

function send(state, { sessionKey, message, idempotencyKey, attachments = [] }) {
  const item = session(state, sessionKey);
  if (item.messages.some((other) => other.idempotencyKey === `${idempotencyKey}:user`)) return { runId: idempotencyKey, status: "in_flight" };
  const media = attachments.map((file) => {
    const id = `inbound/${randomUUID()}.${file.mimeType.split("/")[1].replace(/[^a-z0-9]/g, "")}`;
    state.media.set(id, { type: file.mimeType, bytes: Buffer.from(file.content, "base64") });
    return { url: `media://${id}`, contentType: file.mimeType, kind: file.mimeType.split("/")[0], sizeBytes: Buffer.from(file.content, "base64").length, fileName: file.fileName };
  });
  item.messages.push({
    role: "user",
    content: message,
    timestamp: Date.now(),
    idempotencyKey: `${idempotencyKey}:user`,
    __openclaw: { id: randomUUID(), seq: item.messages.length + 1, runId: idempotencyKey, ...(media.length > 0 && { media }) },
  });
  item.updatedAt = Date.now();
  item.active = idempotencyKey;
  setTimeout(() => play(state, item, idempotencyKey, message), 30);
  return { runId: idempotencyKey, status: "started" };
}

function play(state, item, runId, message) {
  const script = ANSWERS.find((answer) => answer.when.test(message)) ?? ANSWERS.at(-1);
  const run = { seq: 0, text: "", timer: null };
  state.runs.set(runId, run);
  const base = { runId, sessionKey: item.key };
  const chat = (extra) => broadcast(state, "chat", { ...base, seq: ++run.seq, ...extra });
  const agent = (stream, data) => broadcast(state, "agent", { ...base, seq: ++run.seq, stream, ts: Date.now(), data });
  chat({ state: "status", phase: "starting_model" });
  agent("lifecycle", { phase: "start", startedAt: Date.now() });
  agent("lifecycle", { phase: "model", provider: "builtin", model: "demo-1" });
  for (const step of script.steps ?? []) agent(step.stream, step.data);
  const pieces = script.text.match(/[\s\S]{1,14}/g) ?? [];
  run.timer = setInterval(() => {
    const piece = pieces.shift();
    if (piece !== undefined) {
      run.text += piece;
      chat({ state: "delta", deltaText: piece, message: { role: "assistant", content: [{ type: "text", text: run.text }] } });
    } else if (!script.stall) {
      finish(state, item, runId, script, chat);
    }
  }, script.everyMs ?? 15);
}

function finish(state, item, runId, script, chat) {
  const run = state.runs.get(runId);
  clearInterval(run.timer);
  state.runs.delete(runId);
  item.active = null;
  if (script.error) {
    chat({ state: "error", ...script.error });
    return;
  }
  store(item, runId, script, run.text, { stopReason: "stop" });
  chat({ state: "final", stopReason: "stop", message: { role: "assistant", content: [{ type: "text", text: run.text }] } });
}

function store(item, runId, script, text, extra) {
  const steps = (script.rows ?? []).map((message) => ({ timestamp: Date.now(), ...message, __openclaw: { id: randomUUID(), runId } }));
  item.messages.push(...steps, {
    role: "assistant",
    content: [{ type: "text", text }],
    provider: "builtin",
    model: "demo-1",
    usage: { input: 1240, output: 240, totalTokens: 1480 },
    timestamp: Date.now(),
    ...extra,
    __openclaw: { id: randomUUID(), runId, ...extra.__openclaw },
  });
  item.tokens = (item.tokens ?? 0) + 1480;
}

function abort(state, key) {
  const item = state.sessions.get(key);
  const runId = item?.active;
  const run = runId && state.runs.get(runId);
  if (!run) return { ok: true, aborted: false, runIds: [] };
  clearInterval(run.timer);
  state.runs.delete(runId);
  item.active = null;
  const message = { role: "assistant", content: [{ type: "text", text: run.text }] };
  broadcast(state, "chat", { runId, sessionKey: key, seq: ++run.seq, state: "aborted", stopReason: "rpc", message });
  if (run.text) store(item, runId, {}, run.text, { stopReason: "stop", openclawAbort: { aborted: true, origin: "rpc", runId } });
  return { ok: true, aborted: true, runIds: [runId] };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const dist = new URL("../../dist/", import.meta.url).pathname;
  const gateway = await startFakeGateway({ port: Number(process.env.PORT ?? 18789), token: process.env.TOKEN ?? null, dist });
  console.log(gateway.url);
}
