import assert from "node:assert/strict";
import { usable } from "./support/browser.mjs";
import { answer, idle, part, send, userMessage } from "./support/chat.mjs";
import { eventually, scene } from "./support/scene.mjs";

const outcome = (page) => part(page, "run-outcome").last().innerText();

scene("a message goes to the model and its answer grows on the screen", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const held = model.holds();
  await send(page, "What is the capital of France?");
  await userMessage(page, "What is the capital of France?");
  await part(page, "working-line").waitFor();
  assert.equal(await part(page, "composer").inputValue(), "", "the field is free for the next message");

  held.say("The capital ");
  await answer(page, "The capital");
  assert.equal(await part(page, "assistant-message").innerText(), "The capital");
  held.say("is **Paris**.");
  await answer(page, "The capital is Paris.");
  assert.ok(await part(page, "stop").isVisible(), "still running");
  held.end();
  await idle(page);
  assert.equal(model.asked(), "What is the capital of France?");
  assert.equal(model.requests.length, 1);

  await page.reload();
  await usable(page);
  await answer(page, "The capital is Paris.");
  assert.equal(await part(page, "user-message").count(), 1);
  assert.equal(await part(page, "assistant-message").count(), 1);
});

scene("a slow answer arrives whole and in order", {}, async ({ model, browsing }) => {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
  const page = await browsing.signedIn();
  model.saysSlowly(words, 15);
  await send(page, "Count");
  await answer(page, "word59");
  await idle(page);
  assert.equal(await part(page, "assistant-message").innerText(), words);
});

scene("what is selected in an answer stays selected while it grows", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const held = model.holds();
  await send(page, "Something to quote");
  held.say("Quote **these words** of");
  await answer(page, "Quote these words of");
  await part(page, "assistant-message").locator("strong").evaluate((node) => document.getSelection().selectAllChildren(node));
  held.say(" the answer.\n\nAnd then there is `more` of it.");
  await answer(page, "And then there is more of it.");
  assert.equal(await page.evaluate(() => document.getSelection().toString()), "these words");
  held.end();
  await idle(page);
  assert.equal(await page.evaluate(() => document.getSelection().toString()), "these words", "also at its end");
});

scene("without any configuration the demo answers and says what it is", { configured: false }, async ({ browsing }) => {
  const page = await browsing.signedIn();
  await part(page, "demo-hint").waitFor();
  await send(page, "Hello there");
  await part(page, "assistant-message").waitFor();
  await idle(page);
  const text = await part(page, "assistant-message").innerText();
  assert.match(text, /demo/i, "the answer says that it is a demonstration");
  assert.match(await part(page, "model-menu").innerText(), /Demo/, "so does the header");
});

scene("stop keeps the words that were there, also after a reload", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const held = model.holds();
  await send(page, "Tell me a long story");
  held.say("Once upon a time");
  await answer(page, "Once upon a time");
  await part(page, "stop").click();
  await idle(page);
  await held.hungUp;
  for (const when of ["at once", "after a reload"]) {
    await answer(page, "Once upon a time");
    assert.equal(await outcome(page), "Stopped", when);
    await page.reload();
    await usable(page);
  }
});

scene("stop before the first word says so", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const held = model.holds();
  await send(page, "Think");
  await eventually(() => model.requests.length === 1, "the request reaches the model");
  await page.keyboard.press("Escape");
  await held.hungUp;
  await eventually(async () => (await part(page, "run-outcome").count()) === 1, "the outcome is shown");
  assert.equal(await outcome(page), "Stopped before the first word");
});

scene("messages sent during an answer wait for their turn", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const held = model.holds();
  model.says("Second answer.");
  await send(page, "First");
  held.say("First ");
  await answer(page, "First");
  await send(page, "Second");
  await part(page, "queue-row").filter({ hasText: "Second" }).waitFor();
  assert.equal(model.requests.length, 1);
  held.say("answer.");
  held.end();
  await answer(page, "Second answer.");
  assert.equal(model.asked(), "Second");
  assert.equal(await part(page, "queue-row").count(), 0);
});

scene("a tool call is shown and its result goes back to the model", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  model.callsTool("session_status", {});
  model.says("All is well.");
  await send(page, "How are you doing?");
  await answer(page, "All is well.");
  const tool = part(page, "tool-row");
  assert.equal(await tool.count(), 1);
  await tool.click();
  await page.getByText("mock-1").first().waitFor();
  const result = model.requests[1].messages.at(-1);
  assert.equal(result.role, "tool");
  assert.match(JSON.stringify(result.content), /mock-1/);
});

scene("a refused key is named without showing it", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  model.refuses(401, { message: "Incorrect API key provided: mock-key-0123456789abcdef", type: "invalid_request_error", code: "invalid_api_key" });
  await send(page, "Hello");
  const card = part(page, "run-error");
  await card.waitFor();
  assert.match(await card.innerText(), /mock refused the API key/);
  assert.ok(!(await page.content()).includes("mock-key-0123456789abcdef"));
  await part(page, "composer").fill("Still here");
  assert.ok(await part(page, "send").isEnabled());
});

scene("a rate limit is waited for; one that lasts is named", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const limit = { message: "Rate limit reached", type: "rate_limit_error" };
  model.refuses(429, limit, { "retry-after-ms": "100" });
  model.says("Made it.");
  await send(page, "Try");
  await answer(page, "Made it.");
  assert.equal(model.requests.length, 2);

  await idle(page);
  model.refuses(429, limit, { "retry-after": "3600" });
  await send(page, "Try again");
  await part(page, "run-error").waitFor();
  assert.match(await part(page, "run-error").innerText(), /mock is limiting requests/);
});

scene("a connection lost in the middle of an answer keeps the words and names the cause", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  const held = model.holds();
  await send(page, "Tell me");
  held.say("The first half");
  await answer(page, "The first half");
  held.cut();
  await part(page, "run-error").waitFor();
  await answer(page, "The first half");
  await page.reload();
  await usable(page);
  await answer(page, "The first half");
  await part(page, "run-error").waitFor();
});

scene("two windows show the same conversation as it happens", {}, async ({ model, browsing, open }) => {
  const one = await browsing.signedIn();
  const two = await (await open()).signedIn();
  const held = model.holds();
  await send(one, "Are you there?");
  await userMessage(two, "Are you there?");
  held.say("Yes, I");
  await Promise.all([answer(one, "Yes, I"), answer(two, "Yes, I")]);
  held.say(" am.");
  held.end();
  await Promise.all([answer(one, "Yes, I am."), answer(two, "Yes, I am.")]);
  await Promise.all([idle(one), idle(two)]);

  await send(two, "Good.");
  await userMessage(one, "Good.");
  await answer(one, "Understood.");
  for (const page of [one, two]) {
    assert.equal(await part(page, "user-message").count(), 2);
    assert.equal(await part(page, "assistant-message").count(), 2);
  }
});
