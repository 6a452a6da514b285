// Commands of the model ask first.
import assert from "node:assert/strict";
import { answer, idle, part, send } from "./support/chat.mjs";
import { scene } from "./support/scene.mjs";

const result = (model) => JSON.stringify(model.requests.at(-1).messages.findLast((message) => message.role === "tool").content);

scene("a command runs only after it was allowed", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  model.callsTool("exec", { command: "echo alpha | tr a-z A-Z" });
  model.says("It ran.");
  await send(page, "Shout alpha");
  const card = part(page, "approval");
  await card.waitFor();
  assert.match(await card.innerText(), /echo alpha \| tr a-z A-Z/);
  assert.equal(model.requests.length, 1, "nothing has run yet");
  assert.match(await part(page, "working-line").innerText(), /Waiting for your decision/);
  await card.getByRole("button", { name: "Allow once" }).click();
  await answer(page, "It ran.");
  await card.waitFor({ state: "detached" });
  assert.match(result(model), /ALPHA/);

  await idle(page);
  model.callsTool("exec", { command: "echo beta | tr a-z A-Z" });
  model.says("It did not run.");
  await send(page, "Shout beta");
  await card.waitFor();
  await card.getByRole("button", { name: "Deny" }).click();
  await answer(page, "It did not run.");
  assert.doesNotMatch(result(model), /BETA/);
  assert.match(result(model), /den/i);
});

scene("stopping the answer takes the question back", {}, async ({ model, browsing }) => {
  const page = await browsing.signedIn();
  model.callsTool("exec", { command: "touch never | cat" });
  await send(page, "Touch it");
  const card = part(page, "approval");
  await card.waitFor();
  await part(page, "stop").click();
  await card.waitFor({ state: "detached" });
  await idle(page);
});
