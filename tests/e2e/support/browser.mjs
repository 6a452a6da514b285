// Debian's Chromium, and pages that report everything a page of ours must never do.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const FOUND = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const ARGS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch() {
  const executablePath = process.env.CHROMIUM ?? FOUND;
  if (!executablePath) throw new Error("No browser was found. Install Chromium or Google Chrome, or set CHROMIUM to the path of one.");
  return chromium.launch({ executablePath, args: ARGS });
}

/** What a browser says by itself when a gateway is away. */
const AWAY = /WebSocket connection to .* failed|ERR_CONNECTION_(REFUSED|RESET)/;

/** One private profile on one gateway. Every page in it is watched. */
export class Browsing {
  problems = [];

  static async open(browser, gateway, options = {}) {
    const browsing = new Browsing();
    browsing.gateway = gateway;
    browsing.context = await browser.newContext({ viewport: { width: 900, height: 700 }, locale: "en-GB", ...options });
    await browsing.context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => {
        console.error(`CSP ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    browsing.context.on("request", (request) => browsing.#check(request.url()));
    browsing.context.on("page", (page) => browsing.#watch(page));
    return browsing;
  }

  /** A new page at a path of the gateway. */
  async visit(path = "/") {
    const page = await this.context.newPage();
    await page.goto(this.gateway.origin + path);
    return page;
  }

  /** A new page, signed in and usable. */
  async signedIn(path = "/") {
    const page = await this.visit(`${path}#token=${this.gateway.token}`);
    await usable(page);
    return page;
  }

  #watch(page) {
    page.on("websocket", (socket) => this.#check(socket.url()));
    page.on("pageerror", (error) => this.problems.push(`exception in the page: ${error.stack ?? error}`));
    page.on("dialog", (dialog) => {
      this.problems.push(`the page opened a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      if (message.type() === "error" && !AWAY.test(message.text())) this.problems.push(`console: ${message.text()}`);
    });
  }

  #check(address) {
    const url = new URL(address);
    const inner = url.protocol === "data:" || (url.protocol === "blob:" && url.origin === this.gateway.origin);
    if (!inner && url.host !== new URL(this.gateway.origin).host) this.problems.push(`request left the gateway: ${address}`);
  }
}

/** Waits until the page is signed in and the conversation drawn. */
export async function usable(page) {
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true");
}
