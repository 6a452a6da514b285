// One test: its own gateway, model and browser profile, and a check that nothing forbidden happened.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Browsing, launch } from "./browser.mjs";
import { FakeModel } from "./fake-model.mjs";
import { GatewayProcess } from "./gateway.mjs";

export const OUT = fileURLToPath(new URL("../../out/e2e/", import.meta.url));
const TEST_MS = 90_000;
const WAIT_MS = 15_000;

let browser;
after(() => browser?.close());

/**
 * A test. `body` gets `{gateway, model, browsing, open}`; `open(options)` makes another profile.
 * `configured: false` starts the gateway without any configuration, `context` goes to Chromium.
 */
export function scene(name, options, body) {
  test(name, { timeout: TEST_MS }, async () => {
    browser ??= await launch();
    const model = await FakeModel.start();
    const gateway = await GatewayProcess.start(options.configured === false ? undefined : model);
    const profiles = [];
    const open = async (context) => {
      const browsing = await Browsing.open(browser, gateway, context);
      browsing.context.setDefaultTimeout(WAIT_MS);
      profiles.push(browsing);
      return browsing;
    };
    const problems = [];
    try {
      await body({ gateway, model, browsing: await open(options.context), open });
    } catch (error) {
      await picture(profiles, name);
      throw error;
    } finally {
      for (const browsing of profiles) {
        problems.push(...browsing.problems);
        await browsing.context.close();
      }
      problems.push(...(await gateway.stop()));
      await model.stop();
    }
    assert.deepEqual(problems, []);
  });
}

/** What the pages looked like when a test failed. */
async function picture(profiles, name) {
  const file = name.replace(/\W+/g, "-").toLowerCase();
  await mkdir(OUT, { recursive: true });
  const pages = profiles.flatMap((browsing) => browsing.context.pages());
  for (const [index, page] of pages.entries()) {
    await page.screenshot({ path: join(OUT, `failed-${file}-${index}.png`) }).catch(() => {});
  }
}

/** Asks again until `probe` gives something true. */
export async function eventually(probe, what) {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const value = await probe();
    if (value) return value;
    assert.ok(Date.now() < end, `${what}: not within ${WAIT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
