import assert from "node:assert/strict";
import { usable } from "./support/browser.mjs";
import { answer, part, send } from "./support/chat.mjs";
import { scene } from "./support/scene.mjs";

/** Everything the page could leave a secret in. */
function traces(page) {
  return page.evaluate(async () => {
    const stored = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise((resolve) => (indexedDB.open(name).onsuccess = (event) => resolve(event.target.result)));
      for (const store of database.objectStoreNames) {
        const all = database.transaction(store).objectStore(store).getAll();
        stored.push(await new Promise((resolve) => (all.onsuccess = () => resolve(JSON.stringify(all.result)))));
      }
      database.close();
    }
    const fields = [...document.querySelectorAll("input, textarea")].map((field) => field.value);
    const storage = JSON.stringify([{ ...localStorage }, { ...sessionStorage }]);
    return [location.href, document.cookie, storage, document.documentElement.outerHTML, ...fields, ...stored].join("\n");
  });
}

scene("a wrong token is named, the right one lets in and need not be typed again", {}, async ({ gateway, browsing }) => {
  const page = await browsing.visit();
  await part(page, "connect-secret").fill("not-the-token");
  await part(page, "connect-submit").click();
  const cause = part(page, "connect-cause");
  await page.locator("[data-testid=connect-cause][data-cause=wrong-secret]").waitFor();
  assert.match(await cause.innerText(), /refused this token/);
  assert.match(await cause.innerText(), /gateway\.auth/, "says what to do");

  await part(page, "connect-secret").fill(gateway.token);
  await part(page, "connect-submit").click();
  await usable(page);
  await send(page, "Hello");
  await answer(page, "Understood.");

  await page.reload();
  await usable(page);
  await answer(page, "Understood.");
  assert.equal(await part(page, "connect-secret").count(), 0, "signed in by itself");
  const left = await traces(page);
  assert.match(left, /deviceToken/, "the search sees what the browser stores");
  assert.ok(!left.includes(gateway.token), "the shared token is kept nowhere in the browser");
});

scene("without a token the page asks for one", {}, async ({ browsing }) => {
  const page = await browsing.visit();
  await page.locator("[data-cause=secret-missing]").waitFor();
  assert.ok(await part(page, "connect-secret").isVisible());
  assert.equal(await part(page, "composer").count(), 0);
});

scene("a token in the fragment signs in and leaves the address", {}, async ({ gateway, browsing }) => {
  const page = await browsing.signedIn();
  assert.equal(new URL(page.url()).hash, "");
  assert.ok(!(await traces(page)).includes(gateway.token));
});

scene("clawdbot web signs in with a code that is good once", {}, async ({ gateway, browsing }) => {
  const url = new URL(await gateway.clawdbot("web", "--no-open"));
  assert.equal(url.origin, gateway.origin);
  const page = await browsing.visit(url.pathname + url.hash);
  await usable(page);
  const code = url.hash.slice("#code=".length);
  assert.ok(code.length > 20);
  const left = await traces(page);
  assert.ok(!left.includes(code) && !left.includes(gateway.token));
  await page.reload();
  await usable(page);

  await page.evaluate(() => localStorage.clear());
  const other = await browsing.visit(url.pathname + url.hash);
  await other.locator("[data-cause=used-code]").waitFor();
  assert.ok(await part(other, "connect-secret").isVisible());
});
