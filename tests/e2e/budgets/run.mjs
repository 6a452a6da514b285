// What WebChat costs in a browser, beside its budgets: CLAWDBOT_BIN=… node budgets/run.mjs
// Not a test: the numbers belong to the machine they were taken on.
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { Browsing, launch, usable } from "../support/browser.mjs";
import { answer, part, send } from "../support/chat.mjs";
import { FakeModel } from "../support/fake-model.mjs";
import { GatewayProcess } from "../support/gateway.mjs";

const require = createRequire(new URL("../../../src-ui/package.json", import.meta.url));
const WebSocket = require("ws");

const RUNS = 5_000;
const IN_FLIGHT = 32;
const PROBES = await readFile(new URL("./probes.js", import.meta.url), "utf8");

const rows = [];
const row = (what, value, budget, unit) => rows.push({ what, measured: `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`, budget: `${budget} ${unit}`, ok: value <= budget ? "yes" : "NO" });
const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0;
const note = (what, value, unit) => rows.push({ what, measured: `${value.toFixed(0)} ${unit}`, budget: "", ok: "" });
const median = (values) => quantile(values, 0.5);

/** A command-line client on this machine, which needs no device. */
async function client(gateway) {
  const socket = new WebSocket(gateway.origin.replace("http", "ws"));
  const waiting = new Map();
  const ended = new Map();
  let id = 0;
  socket.on("message", (data) => {
    const frame = JSON.parse(data);
    if (frame.type === "res") waiting.get(frame.id)?.(frame);
    if (frame.event === "chat" && frame.payload.state === "final") ended.get(frame.payload.runId)?.();
  });
  const request = (method, params) =>
    new Promise((resolve) => {
      const name = String(++id);
      waiting.set(name, resolve);
      socket.send(JSON.stringify({ type: "req", id: name, method, params }));
    });
  await new Promise((resolve) => socket.once("message", resolve));
  const hello = await request("connect", {
    minProtocol: 4, maxProtocol: 4, role: "operator", scopes: ["operator.admin"], caps: [],
    client: { id: "cli", mode: "cli", version: "1", platform: "linux" }, auth: { token: gateway.token },
  });
  if (!hello.ok) throw new Error(JSON.stringify(hello.error));
  const run = async (sessionKey, message) => {
    const idempotencyKey = crypto.randomUUID();
    const done = new Promise((resolve) => ended.set(idempotencyKey, resolve));
    await request("chat.send", { sessionKey, message, idempotencyKey });
    await done;
  };
  return { run, close: () => socket.close() };
}

async function seed(gateway, key, runs) {
  const { run, close } = await client(gateway);
  let next = 0;
  const worker = async () => {
    while (next < runs) {
      await run(key, `${key.split(":").at(-1)} question ${++next}, about nothing in particular`);
      model.requests.length = 0;
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, runs) }, worker));
  close();
}

/** Proportional set size of the largest of the browser's page processes, in MB; its own surface is one, too. */
async function pagePss() {
  let kilobytes = 0;
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!command.includes("--type=renderer") || command.includes("--extension-process") || command.includes("--top-chrome-webui")) continue;
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    kilobytes = Math.max(kilobytes, Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0));
  }
  return kilobytes / 1024;
}

async function times(count, body) {
  const all = [];
  for (let index = 0; index < count; index++) all.push(await body());
  return all;
}

const model = await FakeModel.start();
const gateway = await GatewayProcess.start(model);
const browser = await launch();
try {
  console.error(`Filling one session with ${2 * RUNS} messages and one with 500`);
  await seed(gateway, "agent:main:long", RUNS);
  await seed(gateway, "agent:main:short", 250);
  const open = async (path) => {
    const browsing = await Browsing.open(browser, gateway);
    await browsing.context.addInitScript(PROBES);
    const page = await (path.includes(".") ? browsing.visit(path) : browsing.signedIn(path));
    return { page, close: () => browsing.context.close() };
  };

  const bare = await open("/icon.svg");
  note("memory of a page with one picture", await pagePss(), "MB");
  await bare.close();

  const cold = await times(5, async () => {
    const { page, close } = await open("/chat/agent:main:main");
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
    await close();
    return { paint };
  });
  row("first paint, cold", median(cold.map((one) => one.paint)), 250, "ms");

  const warm = await open("/chat/agent:main:main");
  const ready = async (path) => {
    await warm.page.goto(gateway.origin + path);
    await usable(warm.page);
    return warm.page.evaluate(() => probes.readyAt);
  };
  row("chat usable, signed in", median(await times(5, () => ready("/chat/agent:main:main"))), 600, "ms");
  row("open the long session", median(await times(5, () => ready("/chat/agent%3Amain%3Along"))), 600, "ms");
  row("elements on that page", await warm.page.evaluate(() => probes.nodes()), 6000, "");
  const gaps = await warm.page.evaluate(() => probes.scroll(4000));
  row("scroll it, frame p95", quantile(gaps, 0.95), 24, "ms");
  row("scroll it, longest frame", Math.max(...gaps), 100, "ms");
  row("page memory (PSS) there", await pagePss(), 150, "MB");

  await warm.page.goto(`${gateway.origin}/chat/agent%3Amain%3Along`);
  await usable(warm.page);
  const switching = [];
  for (const name of ["short", "long", "short", "long", "short", "long"]) switching.push(await warm.page.evaluate((title) => probes.switchTo(title), name));
  row("switch to a known session", median(switching.slice(2)), 100, "ms");

  const words = Array.from({ length: 3_000 }, (_, index) => (index % 12 === 0 ? `**word${index}** ` : index % 90 === 89 ? `\n\n## Part ${index}\n\n` : "lorem ")).join("");
  model.saysSlowly(words, 10);
  await send(warm.page, "A long answer, please");
  await answer(warm.page, "word24");
  const cdp = await warm.page.context().newCDPSession(warm.page);
  // In processor time: what else runs on this machine makes wall time longer.
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const metric = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  const before = await metric();
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  const after = await metric();
  row("main thread while an answer streams", ((after.TaskDuration - before.TaskDuration) / (after.Timestamp - before.Timestamp)) * 100, 10, "%");
  const keys = await warm.page.evaluate(() => probes.keystrokes(40));
  row("keystroke to paint meanwhile, p95", quantile(keys, 0.95), 32, "ms");
  await part(warm.page, "stop").click();
  await part(warm.page, "stop").waitFor({ state: "detached" });
  const rest = await metric();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const rested = await metric();
  row("main thread while nothing happens", ((rested.TaskDuration - rest.TaskDuration) / (rested.Timestamp - rest.Timestamp)) * 100, 0.5, "%");
  await warm.close();
} finally {
  await browser.close();
  await gateway.stop();
  await model.stop();
}
console.table(rows);
