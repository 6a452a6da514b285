// Drives the built interface in a real browser against the fake gateway. Usage: node tests/dev/behaviour.mjs [name…]
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { startFakeGateway } from "./fake-gateway.mjs";

const dist = new URL("../../dist/", import.meta.url).pathname;
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const id = (name) => `[data-testid=${name}]`;
const READY = "html[data-ready=true]";

async function say(page, text) {
  await page.fill(id("composer"), text);
  await page.press(id("composer"), "Enter");
}
const done = (page, count = 1) => page.waitForFunction((n) => document.querySelectorAll('article[data-state="done"] [data-testid=assistant-message]').length >= n, count);

const CHECKS = {
  async "a draft, the session and the place survive a reload"({ page, gateway }) {
    await page.click(`${id("session-row")}:has-text("Ten thousand")`);
    await page.waitForSelector(`${id("assistant-message")} >> text=answer 199`);
    await page.mouse.move(600, 300);
    await page.mouse.wheel(0, -2500);
    await page.waitForTimeout(600);
    await page.fill(id("composer"), "half a thought");
    const place = () => page.evaluate(() => {
      const scroller = document.querySelector("[data-testid=transcript]");
      const edge = scroller.getBoundingClientRect().top;
      const first = [...scroller.querySelectorAll("[data-turn]")].find((node) => node.getBoundingClientRect().bottom > edge + 1);
      return { key: first.dataset.turn, top: Math.round(first.getBoundingClientRect().top) };
    });
    const before = await place();
    await page.goto(gateway.url);
    await page.waitForSelector(READY);
    assert.equal(await page.inputValue(id("composer")), "half a thought");
    assert.match(page.url(), /dashboard:big$/);
    await page.waitForTimeout(200);
    const after = await place();
    assert.equal(after.key, before.key);
    assert.ok(Math.abs(after.top - before.top) <= 2, JSON.stringify({ before, after }));
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), "composer");
  },

  async "older pages load without moving the reading point"({ page }) {
    await page.click(`${id("session-row")}:has-text("Ten thousand")`);
    await page.waitForSelector(`${id("assistant-message")} >> text=answer 199`);
    await page.mouse.move(600, 300);
    for (let step = 0; step < 25; step++) {
      await page.mouse.wheel(0, -1200);
      await page.waitForTimeout(60);
    }
    const jumps = await page.evaluate(async () => {
      const scroller = document.querySelector("[data-testid=transcript]");
      const first = () => [...scroller.querySelectorAll("[data-turn]")].find((node) => node.getBoundingClientRect().bottom > 45);
      const node = first();
      const tops = [];
      for (let frame = 0; frame < 40; frame++) {
        tops.push(node.getBoundingClientRect().top);
        await new Promise(requestAnimationFrame);
      }
      return Math.max(...tops) - Math.min(...tops);
    });
    assert.ok(jumps <= 1, `moved by ${jumps}`);
    const mounted = await page.locator("[data-turn]").count();
    assert.ok(mounted <= 40, `${mounted} turns mounted`);
    await page.keyboard.press("Control+ArrowDown");
    await page.click(id("latest")).catch(() => {});
    await page.waitForSelector(`${id("assistant-message")} >> text=answer 199`);
  },

  async "output does not move a reader who scrolled up"({ page }) {
    await say(page, "a long one please");
    await page.waitForFunction(() => document.querySelector("[data-testid=transcript]").scrollHeight > 1800);
    await page.mouse.move(600, 300);
    await page.mouse.wheel(0, -500);
    await page.waitForTimeout(150);
    const moved = await page.evaluate(async () => {
      const scroller = document.querySelector("[data-testid=transcript]");
      const start = scroller.scrollTop;
      const height = scroller.scrollHeight;
      for (let frame = 0; frame < 60; frame++) await new Promise(requestAnimationFrame);
      return { moved: Math.abs(scroller.scrollTop - start), grew: scroller.scrollHeight - height };
    });
    assert.ok(moved.grew > 0, "text kept arriving");
    assert.ok(moved.moved <= 1, JSON.stringify(moved));
    await page.click(id("latest"));
    await page.waitForSelector(`${id("transcript")}[data-follow=true]`);
  },

  async "the queue waits for the run and then goes out"({ page, gateway }) {
    await say(page, "slow please");
    await page.waitForSelector(id("working-line"));
    await say(page, "second");
    await say(page, "third");
    assert.equal(await page.locator(id("queue-row")).count(), 2);
    await page.locator(id("queue-row")).last().locator("button").last().click();
    await page.click(id("stop"));
    await page.waitForSelector(`${id("user-message")} >> text=second`);
    assert.equal(await page.locator(id("queue-row")).count(), 0);
    await done(page);
    assert.equal(gateway.state.requests.filter((frame) => frame.method === "chat.send").length, 2);
    assert.equal(await page.locator(id("run-outcome")).first().innerText(), "Stopped");
  },

  async "stopped text is still marked after a reload"({ page }) {
    await say(page, "slow please");
    await page.waitForSelector(id("assistant-message"));
    await page.waitForTimeout(200);
    await page.keyboard.press("Escape");
    await page.waitForSelector(id("run-outcome"));
    const text = await page.locator(id("assistant-message")).innerText();
    await page.reload();
    await page.waitForSelector(id("run-outcome"));
    assert.equal(await page.locator(id("assistant-message")).innerText(), text);
  },

  async "deleting can be undone, renaming works by keyboard"({ page, gateway }) {
    await page.focus(`${id("session-row")}:has-text("Train to Lyon")`);
    await page.keyboard.press("F2");
    await page.fill(id("session-rename"), "Train to Paris");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`${id("session-row")}:has-text("Train to Paris")`);
    await page.focus(`${id("session-row")}:has-text("Train to Paris")`);
    await page.keyboard.press("Delete");
    await page.waitForSelector(`${id("session-row")}:has-text("Train to Paris")`, { state: "detached" });
    await page.click(id("toast-undo"));
    await page.waitForSelector(`${id("session-row")}:has-text("Train to Paris")`);
    assert.equal(gateway.state.requests.some((frame) => frame.method === "sessions.delete"), false);
    await page.focus(`${id("session-row")}:has-text("Train to Paris")`);
    await page.keyboard.press("Delete");
    await page.waitForTimeout(6600);
    assert.equal(gateway.state.requests.some((frame) => frame.method === "sessions.delete"), true);
  },

  async "slash commands complete, run and ask"({ page, gateway }) {
    await page.fill(id("composer"), "/mod");
    await page.keyboard.press("Tab");
    assert.equal(await page.inputValue(id("composer")), "/models");
    await page.keyboard.press("Enter");
    await page.waitForSelector(id("model-option"));
    await page.click(`${id("model-option")}:has-text("Claude")`);
    await page.waitForFunction(() => document.querySelector("[data-testid=model-menu]").textContent.includes("Claude"));
    assert.deepEqual(gateway.state.requests.find((frame) => frame.method === "sessions.patch").params.model, "anthropic/claude-sonnet-4-5");
    await say(page, "/new");
    await page.waitForFunction(() => location.pathname.includes("dashboard"));
    await say(page, "hello");
    await done(page);
    await page.fill(id("composer"), "/reset");
    await page.keyboard.press("Enter");
    await page.click(id("confirm-ok"));
    await page.waitForSelector(id("empty-state"));
    await page.fill(id("composer"), "/nothing of that name");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=/nothing is not a command");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`${id("user-message")} >> text=/nothing of that name`);
  },

  async "files are sent and shown again after a reload"({ page, gateway }) {
    await page.setInputFiles(id("attach-input"), { name: "dot.png", mimeType: "image/png", buffer: PNG });
    await page.waitForSelector(id("attachment-chip"));
    await say(page, "look");
    await done(page);
    const sent = gateway.state.requests.find((frame) => frame.method === "chat.send").params.attachments[0];
    assert.deepEqual({ ...sent, content: undefined }, { type: "image", mimeType: "image/png", fileName: "dot.png", content: undefined });
    assert.equal(sent.content, PNG.toString("base64"));
    await page.reload();
    await page.waitForFunction(() => document.querySelector("img.shot")?.naturalWidth === 1);
  },

  async "pasted and dropped files become chips"({ page }) {
    const give = (event, target) => page.evaluate(([kind, selector]) => {
      const data = new DataTransfer();
      data.items.add(new File(["some words"], `${kind}.txt`, { type: "text/plain" }));
      const init = { bubbles: true, cancelable: true };
      const made = kind === "paste" ? new ClipboardEvent("paste", { ...init, clipboardData: data }) : new DragEvent("drop", { ...init, dataTransfer: data });
      document.querySelector(selector).dispatchEvent(made);
    }, [event, target]);
    await give("paste", id("composer"));
    await give("drop", "body");
    await page.waitForSelector(`${id("attachment-chip")}:nth-child(2)`);
    await page.keyboard.press("Backspace");
    assert.equal(await page.locator(id("attachment-chip")).count(), 1);
  },

  async "hostile answers load nothing and run nothing"({ page, outside }) {
    await say(page, "xss please");
    await done(page);
    await page.waitForTimeout(300);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.deepEqual(outside, []);
  },

  async "a gateway in the address is never contacted"({ page, gateway, outside }) {
    await page.goto(`${gateway.url}/?gatewayUrl=ws://127.0.0.1:9&token=t#gatewayUrl=ws://127.0.0.1:9`);
    await page.waitForSelector(READY);
    assert.deepEqual(outside, []);
    assert.equal(gateway.state.requests.filter((frame) => frame.method === "connect").every((frame) => frame.params.auth?.token !== "t"), true);
  },

  async "the gateway may go away and come back"({ page, gateway }) {
    await say(page, "hello");
    await done(page);
    await page.fill(id("composer"), "not sent yet");
    const port = gateway.port;
    const state = gateway.state;
    await gateway.stop();
    await page.waitForSelector(id("readonly-banner"), { timeout: 12000 });
    assert.equal(await page.isDisabled(id("send")), true);
    assert.equal(await page.inputValue(id("composer")), "not sent yet");
    const again = await startFakeGateway({ dist, port });
    again.state.sessions = state.sessions;
    await page.waitForSelector(id("readonly-banner"), { state: "detached", timeout: 20000 });
    assert.equal(await page.locator(id("user-message")).count(), 1);
    await page.press(id("composer"), "Enter");
    await done(page, 2);
    await again.stop();
  },
};

const LOCKED = {
  async "the secret opens the gateway and is not kept"({ page, gateway }) {
    await page.goto(gateway.url);
    await page.waitForSelector(id("connect-secret"));
    await page.fill(id("connect-secret"), "wrong");
    await page.click(id("connect-submit"));
    await page.waitForSelector("[data-cause=wrong-secret]");
    await page.fill(id("connect-secret"), "secret");
    await page.click(id("connect-submit"));
    await page.waitForSelector(READY);
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.ok(!kept.includes("secret\"") && kept.includes("device-token-1"), kept);
    await page.reload();
    await page.waitForSelector(READY);
    const connects = gateway.state.requests.filter((frame) => frame.method === "connect");
    assert.deepEqual(connects.at(-1).params.auth, { token: "device-token-1" });
    assert.match(connects.at(-1).params.device.id, /^[0-9a-f]{64}$/);
    assert.equal(connects.at(-1).params.device.id, connects[0].params.device.id);
  },

  async "a token in the fragment signs in and leaves the address"({ page, gateway }) {
    await page.goto(`${gateway.url}/#token=secret`);
    await page.waitForSelector(READY);
    assert.ok(!page.url().includes("secret"), page.url());
    assert.equal(await page.evaluate(() => history.length <= 2), true);
  },
};

const wanted = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
let failed = 0;
for (const [group, locked] of [[CHECKS, false], [LOCKED, true]]) {
  for (const [name, check] of Object.entries(group)) {
    if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
    const gateway = await startFakeGateway({ dist, token: locked ? "secret" : null });
    const context = await browser.newContext({ viewport: { width: 900, height: 700 } });
    const page = await context.newPage();
    const outside = [];
    const errors = [];
    page.on("request", (request) => !request.url().startsWith(gateway.url) && !/^(data|blob):/.test(request.url()) && outside.push(request.url()));
    page.on("websocket", (socket) => !socket.url().startsWith(gateway.url.replace("http", "ws")) && outside.push(socket.url()));
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => /Content Security Policy/.test(message.text()) && errors.push(message.text()));
    page.setDefaultTimeout(10_000);
    try {
      if (!locked) {
        await page.goto(gateway.url);
        await page.waitForSelector(READY);
      }
      await check({ page, gateway, outside });
      assert.deepEqual(errors, []);
      console.log(`ok   ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${name}\n     ${String(error.message).split("\n").slice(0, 4).join("\n     ")}${errors.length > 0 ? `\n     page: ${errors.join("; ")}` : ""}`);
      await page.screenshot({ path: `/tmp/fail-${failed}.png` }).catch(() => {});
    }
    await context.close();
    await gateway.stop().catch(() => {});
  }
}
await browser.close();
process.exitCode = failed > 0 ? 1 : 0;
