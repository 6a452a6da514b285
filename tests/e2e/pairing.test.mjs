// A device from elsewhere asks to be let in; the owner decides in WebChat.
import assert from "node:assert/strict";
import { part } from "./support/chat.mjs";
import { Device } from "./support/device.mjs";
import { eventually, scene } from "./support/scene.mjs";

scene("a device that asks is let in from the page, or turned away", {}, async ({ gateway, browsing }) => {
  const page = await browsing.signedIn();
  const phone = new Device();
  assert.equal((await phone.connect(gateway)).error.code, "NOT_PAIRED");
  const card = part(page, "pairing");
  await card.waitFor();
  assert.match(await card.innerText(), /Kitchen phone/);
  assert.ok((await card.innerText()).includes(phone.id), "the id can be compared");
  await card.getByRole("button", { name: "Let in" }).click();
  await card.waitFor({ state: "detached" });
  assert.equal((await phone.connect(gateway)).ok, true);

  const stranger = new Device();
  assert.equal((await stranger.connect(gateway)).error.code, "NOT_PAIRED");
  await page.reload();
  await card.waitFor();
  await card.getByRole("button", { name: "Turn away" }).click();
  await eventually(async () => (await card.count()) === 0, "the card goes");
  assert.equal((await stranger.connect(gateway)).error.code, "NOT_PAIRED");
});
