// Settings as a browser has them: models with their keys, and devices.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { openSettings, part } from "./support/chat.mjs";
import { Device } from "./support/device.mjs";
import { eventually, scene } from "./support/scene.mjs";

scene("a browser gets the pages that are not about an app around it", {}, async ({ browsing }) => {
  const page = await browsing.signedIn();
  const tabs = await (await openSettings(page)).allInnerTexts();
  assert.deepEqual(tabs, ["General", "Chat", "Models", "Devices", "Advanced"]);
  await page.getByRole("tab").first().press("End");
  await page.getByText("Configuration file").waitFor();
  assert.match(await part(page, "config-path").innerText(), /clawdbot\.json$/);
  const download = page.waitForEvent("download");
  await part(page, "export").click();
  const text = await readFile(await (await download).path(), "utf8");
  assert.match(text, /mock-1/);
  for (const secret of [browsing.gateway.token, "mock-key-0123456789abcdef"]) assert.ok(!text.includes(secret), "the export has no secrets");
});

scene("a key goes to the gateway and leaves the page; the model that answers is chosen and tested", {}, async ({ browsing, gateway, model }) => {
  const page = await browsing.signedIn();
  await openSettings(page, "models");
  await part(page, "key-provider").selectOption("mistral");
  await part(page, "key-value").fill("two words");
  await page.getByText("A key has no spaces").waitFor();
  assert.ok(await part(page, "key-save").isDisabled());
  await part(page, "key-value").fill("sk-new-key-778899");
  await part(page, "key-save").click();
  await part(page, "providers").locator(".what", { hasText: "mistral" }).waitFor();
  assert.equal(await part(page, "key-value").inputValue(), "");
  assert.equal(await page.evaluate(() => document.documentElement.outerHTML.includes("sk-new-key-778899")), false);
  assert.equal((await gateway.config()).models.providers.mistral.apiKey, "sk-new-key-778899");

  await part(page, "models-primary").selectOption("mock/mock-2");
  await eventually(async () => (await gateway.config()).agents.defaults.model.primary === "mock/mock-2", "the file has it");
  model.says("OK");
  await part(page, "probe-mock").click();
  await page.getByText("Answered after").waitFor();
  assert.equal(model.requests.at(-1).model, "mock-2");
  model.refuses(401, { message: "wrong key" });
  await part(page, "probe-mock").click();
  await page.getByText("models.providers.mock.apiKey").waitFor();
});

scene("devices are renamed and sent away, and a phone gets a code to scan", {}, async ({ browsing, gateway }) => {
  const page = await browsing.signedIn();
  const phone = new Device();
  await phone.connect(gateway);
  await openSettings(page, "devices");
  await part(page, "settings-page").getByRole("button", { name: "Let in" }).click();
  const row = (name) => part(page, "device").filter({ hasText: name });
  await row("Kitchen phone").getByTestId("device-rename").click();
  await part(page, "device-name").fill("Hall phone");
  await page.keyboard.press("Enter");
  await row("Hall phone").waitFor();
  assert.equal((await phone.connect(gateway)).ok, true);

  await part(page, "pair-address").fill("ftp://nowhere");
  await page.getByText("Only ws:// and wss://").waitFor();
  assert.ok(await part(page, "pair-make").isDisabled());
  await part(page, "pair-address").fill("wss://home.example");
  await part(page, "pair-make").click();
  const picture = await part(page, "pair-qr").getAttribute("src");
  assert.match(picture, /^data:image\/svg\+xml;base64,/);
  assert.ok((await part(page, "pair-qr").boundingBox()).width > 150);

  await row("Hall phone").getByTestId("device-remove").click();
  await page.keyboard.press("Escape");
  await row("Hall phone").getByTestId("device-remove").click();
  await part(page, "device-remove-yes").click();
  await row("Hall phone").waitFor({ state: "detached" });
  assert.equal((await phone.connect(gateway)).error.code, "NOT_PAIRED");
});
