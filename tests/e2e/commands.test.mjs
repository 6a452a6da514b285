import assert from "node:assert/strict";
import { usable } from "./support/browser.mjs";
import { answer, idle, part, row, send } from "./support/chat.mjs";
import { eventually, scene } from "./support/scene.mjs";

const options = (page) => part(page, "slash-option").allInnerTexts();

scene("typing a slash lists the commands; arrows, Tab and Escape work", {}, async ({ browsing, model }) => {
  const page = await browsing.signedIn();
  const composer = part(page, "composer");
  await composer.pressSequentially("/");
  await part(page, "slash-list").waitFor();
  const all = (await options(page)).join("\n");
  for (const name of ["new", "reset", "clear", "status", "models", "help"]) assert.match(all, new RegExp(`/${name}\\b`));

  await composer.pressSequentially("stat");
  assert.match((await options(page))[0], /\/status/);
  await page.keyboard.press("Tab");
  assert.equal(await composer.inputValue(), "/status");
  await page.keyboard.press("Escape");
  await part(page, "slash-list").waitFor({ state: "detached" });
  assert.equal(await composer.inputValue(), "/status", "Escape keeps the text");
  assert.equal(model.requests.length, 0);
});

scene("/help lists commands and shortcuts", {}, async ({ browsing, model }) => {
  const page = await browsing.signedIn();
  await send(page, "/help");
  await part(page, "help").waitFor();
  assert.match(await page.getByRole("dialog").innerText(), /\/status[\s\S]*Shift\+?\s?Enter|Shift/);
  await page.keyboard.press("Escape");
  await part(page, "help").waitFor({ state: "detached" });
  assert.equal(model.requests.length, 0, "no model is asked");
});

scene("/status shows the gateway's state", {}, async ({ browsing, gateway, model }) => {
  const page = await browsing.signedIn();
  await send(page, "/status");
  const card = part(page, "note-card");
  await card.waitFor();
  const text = await card.innerText();
  assert.match(text, /mock-1|Mock One/);
  assert.ok(text.includes(`127.0.0.1:${gateway.port}`));
  assert.equal(model.requests.length, 0);
});

scene("/new opens another chat and keeps this one", {}, async ({ browsing }) => {
  const page = await browsing.signedIn();
  await part(page, "new-chat").click();
  await send(page, "About apples");
  await answer(page, "Understood.");
  await idle(page);
  await send(page, "/new");
  await part(page, "empty-state").waitFor();
  assert.equal(await part(page, "user-message").count(), 0);
  await row(page, "About apples").click();
  await answer(page, "Understood.");
});

for (const command of ["/reset", "/clear"]) {
  scene(`${command} asks first, then empties the chat`, {}, async ({ browsing, model }) => {
    const page = await browsing.signedIn();
    await send(page, "Remember the number 41");
    await answer(page, "Understood.");
    await idle(page);

    await send(page, command);
    await part(page, "confirm").waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await part(page, "user-message").filter({ hasText: "41" }).count(), 1, "Escape changes nothing");

    await send(page, command);
    await part(page, "confirm-ok").click();
    await eventually(async () => (await part(page, "user-message").filter({ hasText: "41" }).count()) === 0, "the words leave");
    await page.reload();
    await usable(page);
    assert.equal(await part(page, "user-message").filter({ hasText: "41" }).count(), 0);
    await send(page, "Which number?");
    await idle(page);
    await eventually(() => model.asked() === "Which number?", "the model is asked");
    assert.ok(!JSON.stringify(model.requests.at(-1)).includes("41"), "the model starts over too");
  });
}

scene("/models chooses who answers from now on", {}, async ({ browsing, model }) => {
  const page = await browsing.signedIn();
  await send(page, "/models");
  await part(page, "model-option").filter({ hasText: "Mock Two" }).click();
  await eventually(async () => /Mock Two/.test(await part(page, "model-menu").innerText()), "the header names the model");
  await send(page, "Hello");
  await answer(page, "Understood.");
  assert.equal(model.requests[0].model, "mock-2");
  await page.reload();
  await usable(page);
  await eventually(async () => /Mock Two/.test(await part(page, "model-menu").innerText()), "the choice is kept");
});

scene("an unknown command is not sent before asking", {}, async ({ browsing, model }) => {
  const page = await browsing.signedIn();
  await send(page, "/frobnicate now");
  await page.getByRole("button", { name: "Send as message" }).click();
  await answer(page, "Understood.");
  assert.equal(model.requests.length, 1);
  assert.equal(model.asked(), "/frobnicate now");
});
