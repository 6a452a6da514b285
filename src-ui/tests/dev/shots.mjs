// Takes pictures of the main scenes for a person to look at. Usage: node tests/dev/shots.mjs <folder>
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { startFakeGateway } from "./fake-gateway.mjs";

const out = process.argv[2] ?? "shots";
const only = process.argv[3];
mkdirSync(out, { recursive: true });
const dist = new URL("../../dist/", import.meta.url).pathname;
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

const SCENES = {
  empty: async () => {},
  answer: async (page) => {
    await say(page, "Telegram shows as disconnected. Can you find out why?");
    await page.waitForSelector('article[data-state="done"] .act');
    await page.waitForTimeout(700);
  },
  streaming: async (page) => {
    await say(page, "slow please");
    await page.waitForSelector("[data-testid=assistant-message]");
    await say(page, "Then send me a test message");
    await page.waitForTimeout(400);
  },
  stopped: async (page) => {
    await say(page, "slow please");
    await page.waitForSelector("[data-testid=assistant-message]");
    await page.waitForTimeout(300);
    await page.click("[data-testid=stop]");
    await page.waitForSelector("[data-testid=run-outcome]");
    await say(page, "Now an error please");
    await page.waitForSelector("[data-testid=run-error]");
    await page.waitForTimeout(300);
  },
  slash: async (page) => {
    await page.fill("[data-testid=composer]", "/");
    await page.waitForSelector("[data-testid=slash-list]");
  },
  chips: async (page) => {
    await page.setInputFiles("[data-testid=attach-input]", [
      { name: "screen.png", mimeType: "image/png", buffer: PNG },
      { name: "error-log.txt", mimeType: "text/plain", buffer: Buffer.from("boom\n".repeat(3000)) },
      { name: "demo.mov", mimeType: "video/quicktime", buffer: Buffer.concat([Buffer.from("00000014667479707174202000000000", "hex"), Buffer.alloc(22 * 1024 * 1024)]) },
      { name: "tool.exe", mimeType: "application/x-msdownload", buffer: Buffer.from([0x4d, 0x5a, 0, 0, 1]) },
    ]);
    await page.waitForSelector("[data-testid=attachment-chip]:nth-child(4)");
    await page.fill("[data-testid=composer]", "Look at these");
  },
  models: async (page) => {
    await page.click("[data-testid=model-menu]");
    await page.waitForSelector("[data-testid=model-option]");
  },
  status: async (page) => {
    await say(page, "/status");
    await page.waitForSelector("[data-testid=note-card]");
  },
  sidebar: async (page, size) => {
    if (size.width < 720) await page.click("[data-testid=open-sidebar]");
    await page.hover("[data-testid=session-row]:has-text('Train')");
    await page.click(".item:has-text('Train') .more");
  },
  settings: async (page) => {
    await page.keyboard.press("Control+,");
    await page.waitForSelector("[data-testid=settings]");
  },
  approval: async (page, _size, gateway) => {
    gateway.emit("exec.approval.requested", { id: "ap1", request: { command: "channels restart telegram", cwd: "~/gateway" }, expiresAtMs: Date.now() + 115000 });
    await page.waitForSelector("[data-testid=approval]");
  },
  big: async (page, size) => {
    if (size.width < 720) await page.click("[data-testid=open-sidebar]");
    await page.click("[data-testid=session-row]:has-text('Ten thousand')");
    await page.waitForSelector("[data-testid=assistant-message] >> text=answer 199");
    await page.mouse.move(size.width - 100, 300);
    await page.mouse.wheel(0, -1500);
    await page.waitForTimeout(400);
  },
  readonly: async (page, _size, gateway) => {
    await say(page, "Hello there");
    await page.waitForSelector('article[data-state="done"]');
    await page.fill("[data-testid=composer]", "My unsent words");
    await gateway.stop();
    await page.waitForSelector("[data-testid=readonly-banner]", { timeout: 15000 });
  },
  connect: async () => {},
  refused: async (page) => {
    await page.fill("[data-testid=connect-secret]", "wrong");
    await page.click("[data-testid=connect-submit]");
    await page.waitForSelector("[data-cause=wrong-secret]");
  },
};

async function say(page, text) {
  await page.fill("[data-testid=composer]", text);
  await page.press("[data-testid=composer]", "Enter");
}

const SIZES = [
  { name: "900-light", width: 900, height: 700, theme: "light" },
  { name: "900-dark", width: 900, height: 700, theme: "dark" },
  { name: "400-light", width: 400, height: 560, theme: "light" },
];

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
let problems = 0;
for (const [scene, play] of Object.entries(SCENES)) {
  if (only && !only.split(",").includes(scene)) continue;
  for (const size of SIZES) {
    const locked = scene === "connect" || scene === "refused";
    const gateway = await startFakeGateway({ dist, token: locked ? "secret" : null });
    const context = await browser.newContext({ viewport: size, colorScheme: size.theme, locale: process.env.LOCALE ?? "en-GB" });
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && !/WebSocket|ERR_/.test(message.text()) && (problems++, console.log(scene, size.name, message.text())));
    page.on("pageerror", (error) => (problems++, console.log(scene, size.name, error.message)));
    try {
      await page.goto(gateway.url);
      await page.waitForSelector(locked ? "[data-testid=connect-secret]" : "html[data-ready=true]", { timeout: 8000 });
      await play(page, size, gateway);
    } catch (error) {
      problems++;
      console.log(scene, size.name, error.message.split("\n").slice(0, 3).join(" "));
    }
    await page.screenshot({ path: `${out}/${scene}-${size.name}.png` });
    await context.close();
    await gateway.stop().catch(() => {});
  }
}
await browser.close();
console.log(problems === 0 ? "no problems" : `${problems} problems`);
