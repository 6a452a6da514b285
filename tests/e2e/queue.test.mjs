// Messages that wait for their turn, and messages that are changed after they were sent.
import assert from "node:assert/strict";
import { usable } from "./support/browser.mjs";
import { answer, idle, part, send, userMessage } from "./support/chat.mjs";
import { eventually, scene } from "./support/scene.mjs";

const rows = (page) => part(page, "queue-row");
const order = async (page) => (await rows(page).locator(".text").allInnerTexts()).join();

/** A run under way, with these messages waiting behind it. */
async function queued(page, model, ...texts) {
  const held = model.holds();
  await send(page, "First");
  held.say("Working on it");
  await answer(page, "Working on it");
  for (const text of texts) await send(page, text);
  await eventually(async () => (await rows(page).count()) === texts.length, "all wait");
  return held;
}

scene("waiting messages are put in another order by keyboard and by mouse, and go out in it", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const held = await queued(page, model, "Apple", "Pear", "Plum");
  await rows(page).nth(2).focus();
  await page.keyboard.press("Alt+ArrowUp");
  await page.keyboard.press("Alt+ArrowUp");
  assert.equal(await order(page), "Plum,Apple,Pear");
  assert.equal(await rows(page).nth(0).evaluate((row) => row === document.activeElement), true, "the focus moves along");
  assert.match(await part(page, "announcer").innerText(), /1 of 3/);

  await rows(page).nth(2).dragTo(rows(page).nth(1));
  assert.equal(await order(page), "Plum,Pear,Apple");
  await page.reload();
  await usable(page);
  assert.equal(await order(page), "Plum,Pear,Apple", "the order is kept");

  held.end();
  await eventually(() => model.requests.length === 4, "all were sent");
  assert.deepEqual([1, 2, 3].map((index) => model.asked(index)), ["Plum", "Pear", "Apple"]);
});

scene("send now stops the answer and goes out first", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const held = await queued(page, model, "Later", "Urgent");
  await rows(page).filter({ hasText: "Urgent" }).getByTestId("queue-now").click();
  await held.hungUp;
  await eventually(() => model.requests.length === 3, "both were sent");
  assert.deepEqual([1, 2].map((index) => model.asked(index)), ["Urgent", "Later"]);
  await answer(page, "Working on it");
  assert.equal(await part(page, "run-outcome").first().innerText(), "Stopped", "what was there stays");
});

scene("a sent message is changed where it stands", {}, async ({ model, browsing, open }) => {
  const page = await browsing.signedIn();
  const other = await (await open()).signedIn();
  model.says("Paris.");
  await send(page, "Capital of Frence?");
  await answer(page, "Paris.");
  await answer(other, "Paris.");
  await idle(page);

  await part(page, "composer").press("ArrowUp");
  const editor = part(page, "message-editor");
  const field = editor.getByRole("textbox");
  await field.waitFor();
  assert.equal(await field.inputValue(), "Capital of Frence?");
  await field.press("Escape");
  await editor.waitFor({ state: "detached" });
  await userMessage(page, "Capital of Frence?");

  model.says("Rome.");
  await part(page, "user-message").hover();
  await part(page, "edit-message").click();
  await field.fill("Capital of Italy?");
  await field.press("ControlOrMeta+Enter");
  await answer(page, "Rome.");
  await idle(page);
  assert.equal(model.asked(), "Capital of Italy?");
  await answer(other, "Rome.");
  await eventually(async () => (await part(other, "user-message").count()) === 1, "the other window follows");
  // The gateway can go back, so the old question and its answer are gone, here and after a reload.
  for (const when of ["at once", "after a reload"]) {
    assert.equal(await part(page, "user-message").count(), 1, when);
    await userMessage(page, "Capital of Italy?");
    assert.equal(await part(page, "assistant-message").count(), 1, when);
    await page.reload();
    await usable(page);
  }
  assert.ok(!JSON.stringify(model.requests.at(-1).messages).includes("Frence"), "the model no longer sees it");
});
