import assert from "node:assert/strict";
import { usable } from "./support/browser.mjs";
import { answer, idle, part, row, send, userMessage } from "./support/chat.mjs";
import { eventually, scene } from "./support/scene.mjs";

/** Starts a new chat with one message and its answer. */
async function chat(page, model, text, reply) {
  model.says(reply);
  await part(page, "new-chat").click();
  await part(page, "empty-state").waitFor();
  await send(page, text);
  await answer(page, reply);
  await idle(page);
}

const rowGone = (page, text) => eventually(async () => (await row(page, text).count()) === 0, `the row ${text} leaves`);

scene("chats are separate, and switching shows each with its own words", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  await chat(page, model, "About apples", "Apples are red.");
  await chat(page, model, "About bananas", "Bananas are yellow.");
  assert.equal(await part(page, "user-message").count(), 1, "the new chat starts empty");
  assert.ok(!JSON.stringify(model.requests[1]).includes("apples"), "the model hears only this chat");

  await row(page, "About apples").click();
  await answer(page, "Apples are red.");
  assert.equal(await part(page, "assistant-message").filter({ hasText: "Bananas" }).count(), 0);
  await page.goBack();
  await answer(page, "Bananas are yellow.");

  await page.reload();
  await usable(page);
  await answer(page, "Bananas are yellow.");
  await row(page, "About apples").waitFor();
});

scene("a draft stays with its chat", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  await chat(page, model, "About apples", "Apples are red.");
  await part(page, "composer").fill("half a thought");
  await chat(page, model, "About bananas", "Bananas are yellow.");
  assert.equal(await part(page, "composer").inputValue(), "");
  await row(page, "About apples").click();
  await eventually(async () => (await part(page, "composer").inputValue()) === "half a thought", "the draft is back");
});

scene("a chat is renamed in place, in every window", {}, async ({ model, browsing, open }) => {
  const page = await browsing.signedIn();
  const other = await (await open()).signedIn();
  await chat(page, model, "About apples", "Apples are red.");
  await row(page, "About apples").focus();
  await page.keyboard.press("F2");
  await part(page, "session-rename").fill("Orchard");
  await page.keyboard.press("Enter");
  await row(page, "Orchard").waitFor();
  await row(other, "Orchard").waitFor();
  await page.reload();
  await usable(page);
  await row(page, "Orchard").waitFor();
});

scene("a deleted chat comes back with Undo, and is gone for good without", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  await chat(page, model, "About apples", "Apples are red.");
  await row(page, "About apples").focus();
  await page.keyboard.press("Delete");
  await rowGone(page, "About apples");
  await part(page, "toast-undo").click();
  await row(page, "About apples").click();
  await answer(page, "Apples are red.");

  await row(page, "About apples").focus();
  await page.keyboard.press("Delete");
  await rowGone(page, "About apples");
  await part(page, "toast-undo").waitFor({ state: "detached" });
  await page.reload();
  await usable(page);
  await send(page, "Anything");
  await userMessage(page, "Anything");
  await idle(page);
  assert.equal(await row(page, "About apples").count(), 0, "the gateway forgot it too");
});

scene("a chat restarted in one window is empty in the other", {}, async ({ browsing, open }) => {
  const page = await browsing.signedIn();
  const other = await (await open()).signedIn();
  await send(page, "About apples");
  await answer(other, "Understood.");
  await idle(page);
  await send(page, "/reset");
  await part(page, "confirm-ok").click();
  for (const window of [page, other]) {
    await eventually(async () => (await part(window, "user-message").count()) === 0, "the words leave");
  }
});
