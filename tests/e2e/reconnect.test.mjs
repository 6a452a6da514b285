import assert from "node:assert/strict";
import { usable } from "./support/browser.mjs";
import { answer, idle, part, send, userMessage } from "./support/chat.mjs";
import { eventually, scene } from "./support/scene.mjs";

const banner = (page) => part(page, "readonly-banner");
const connectedAgain = (page) => banner(page).waitFor({ state: "detached" });

scene("the gateway dies while someone types: nothing is lost and the page recovers by itself", {}, async ({ gateway, browsing, model }) => {
  const page = await browsing.signedIn();
  await send(page, "Before");
  await answer(page, "Understood.");
  await idle(page);

  const composer = part(page, "composer");
  await composer.pressSequentially("I was just ");
  await gateway.kill();
  await composer.pressSequentially("saying something");
  await banner(page).waitFor();
  assert.match(await banner(page).innerText(), /Gateway unreachable\. Read-only/);
  assert.equal(await composer.inputValue(), "I was just saying something");
  assert.ok(await composer.evaluate((field) => field === document.activeElement), "the field keeps the focus");
  assert.ok(await part(page, "send").isDisabled());
  await composer.press("Enter");
  assert.equal(await composer.inputValue(), "I was just saying something", "Enter does not throw the text away");
  assert.ok(await part(page, "assistant-message").first().isVisible(), "the conversation stays readable");

  await gateway.restart();
  await connectedAgain(page);
  assert.equal(await composer.inputValue(), "I was just saying something");
  await eventually(() => part(page, "send").isEnabled(), "sending is possible again");
  model.says("Welcome back.");
  await composer.press("Enter");
  await answer(page, "Welcome back.");
  assert.equal(model.asked(), "I was just saying something");
  assert.equal(await part(page, "user-message").count(), 2);
});

scene("the gateway dies in the middle of an answer: what was shown is still there, and marked", {}, async ({ gateway, browsing, model }) => {
  const page = await browsing.signedIn();
  const held = model.holds();
  await send(page, "Tell me a long story");
  held.say("Once upon a time there was");
  await answer(page, "Once upon a time there was");
  await gateway.kill();
  await gateway.restart();
  await idle(page);
  for (const when of ["by itself", "after a reload"]) {
    await answer(page, "Once upon a time there was");
    await eventually(async () => (await part(page, "run-outcome").count()) === 1, `marked ${when}`);
    assert.equal(await part(page, "run-outcome").innerText(), "Interrupted", when);
    await page.reload();
    await usable(page);
  }
  model.says("The end.");
  await send(page, "Go on");
  await answer(page, "The end.");
});

scene("a message sent in the moment of the crash arrives once", {}, async ({ gateway, browsing, model }) => {
  const page = await browsing.signedIn();
  await send(page, "Before");
  await answer(page, "Understood.");
  await idle(page);
  await part(page, "composer").fill("Do not lose me");
  // The page has not noticed yet when Enter comes.
  const killed = gateway.kill();
  await part(page, "composer").press("Enter");
  await killed;
  await gateway.restart();
  await eventually(async () => (await part(page, "user-message").filter({ hasText: "Do not lose me" }).count()) === 1 ||
    (await part(page, "composer").inputValue()) === "Do not lose me", "the words are on the screen");
  if ((await part(page, "composer").inputValue()) !== "") {
    await eventually(() => part(page, "send").isEnabled(), "sending is possible again");
    await part(page, "composer").press("Enter");
  }
  await eventually(() => model.asked() === "Do not lose me", "the model is asked");
  await idle(page);
  await page.reload();
  await usable(page);
  await userMessage(page, "Do not lose me");
  assert.equal(await part(page, "user-message").filter({ hasText: "Do not lose me" }).count(), 1);
});
