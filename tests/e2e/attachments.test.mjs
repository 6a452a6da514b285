import assert from "node:assert/strict";
import { usable } from "./support/browser.mjs";
import { answer, idle, part, send } from "./support/chat.mjs";
import { eventually, scene } from "./support/scene.mjs";

/** One red pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
  "base64",
);
const png = { name: "pixel.png", mimeType: "image/png", buffer: PNG };
const huge = { name: "huge.png", mimeType: "image/png", buffer: Buffer.concat([PNG, Buffer.alloc(7_000_000)]) };
const program = { name: "program.exe", mimeType: "application/octet-stream", buffer: Buffer.from("4d5a90000300000004000000ffff0000", "hex") };
const disguised = { ...program, name: "holiday.png", mimeType: "image/png" };
const notes = { name: "notes.md", mimeType: "text/markdown", buffer: Buffer.from("# Plan\nBuy 17 apples.\n") };

const attach = (page, ...files) => part(page, "attach-input").setInputFiles(files);
const chip = (page, name) => part(page, "attachment-chip").filter({ hasText: name });

/** Images of the newest user message, as the model got them. */
function images(request) {
  const content = request.messages.findLast((message) => message.role === "user").content;
  return content.filter((piece) => piece.type === "image_url").map((piece) => piece.image_url.url);
}

scene("a picture goes to the model and stays in the conversation", {}, async ({ browsing, model }) => {
  const page = await browsing.signedIn();
  await attach(page, png);
  await chip(page, "pixel.png").waitFor();
  await send(page, "What is this?");
  await answer(page, "Understood.");
  await idle(page);
  assert.equal(await part(page, "attachment-chip").count(), 0);
  assert.deepEqual(images(model.requests[0]), [`data:image/png;base64,${PNG.toString("base64")}`]);

  await page.reload();
  await usable(page);
  const picture = page.locator("[data-testid=transcript] img").first();
  await eventually(() => picture.evaluate((image) => image.complete && image.naturalWidth === 1).catch(() => false), "the picture is drawn");
});

scene("files that cannot go turn red, say why, and do not hold the others back", {}, async ({ browsing, model }) => {
  const page = await browsing.signedIn();
  await attach(page, huge, program, disguised, png);
  await page.locator("[data-testid=attachment-chip][data-refused=size]").waitFor();
  assert.match(await chip(page, "huge.png").innerText(), /huge\.png is 7\sMB\. The limit is [\d.]+\sMB/);
  assert.equal(await page.locator("[data-testid=attachment-chip][data-refused=type]").count(), 2, "also the one that lies about its type");
  await send(page, "Look");
  await answer(page, "Understood.");
  assert.equal(images(model.requests[0]).length, 1);
});

scene("a picture alone is a message, and a chip can be removed", {}, async ({ browsing, model }) => {
  const page = await browsing.signedIn();
  await attach(page, png, notes);
  await chip(page, "notes.md").getByRole("button").click();
  await chip(page, "notes.md").waitFor({ state: "detached" });
  await part(page, "send").click();
  await answer(page, "Understood.");
  assert.equal(images(model.requests[0]).length, 1);
});

scene("the words of a text file reach the model", {}, async ({ browsing, model }) => {
  const page = await browsing.signedIn();
  await attach(page, notes);
  await send(page, "Summarise");
  await answer(page, "Understood.");
  assert.match(JSON.stringify(model.requests[0].messages.at(-1)), /Buy 17 apples/);
});
