import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { answer, idle, openSettings, part, send } from "./support/chat.mjs";
import { emit, nativePage } from "./support/desktop.mjs";
import { OUT, eventually, scene } from "./support/scene.mjs";

const SHOWCASE = [
  "Here is a short answer with **bold words**, `code` and a [link](https://example.com/).",
  "1. First\n2. Second\n   - a detail\n   - another",
  "```rust\nfn main() {\n    // Says hello.\n    println!(\"Hello, {}!\", 41 + 1);\n}\n```",
  "| City | Country | People |\n|---|---|---:|\n| Paris | France | 2,100,000 |\n| Madrid | Spain | 3,300,000 |",
  "> A quotation, to see how it looks.",
].join("\n\n");

const LANGUAGES = {
  "fr-FR": { lang: "fr", newChat: "Nouvelle conversation", title: "Comment puis-je vous aider ?", secret: "Jeton ou mot de passe", stopped: "Interrompu" },
  "es-ES": { lang: "es", newChat: "Nuevo chat", title: "¿En qué puedo ayudarte?", secret: "Token o contraseña", stopped: "Detenido" },
};

/** Words of the English interface that mean something was left untranslated. */
const ENGLISH = /\b(the|your|you|with|this|settings|search|connected|send|stop|stopped|copy|delete|rename|choose|shortcuts?|language|theme|ready|show|help)\b/i;

/** Commands and addresses are the same in every language. */
const NAMES = /^\/\w+$|127\.0\.0\.1|clawdbot\.json/;

/** All words of the interface that a person sees or hears: not the conversation, not what the gateway said on the wire. */
function words(page) {
  return page.evaluate(() => {
    const own = [];
    const walk = (node) => {
      if (node.nodeType === Node.TEXT_NODE) own.push(node.textContent.trim());
      if (node.nodeType !== Node.ELEMENT_NODE || node.matches("script, style, kbd, code, pre, details p, [data-testid=user-message], [data-testid=assistant-message], [data-testid=session-row]")) return;
      for (const name of ["aria-label", "title", "placeholder"]) if (node.hasAttribute(name)) own.push(node.getAttribute(name));
      node.childNodes.forEach(walk);
    };
    walk(document.body);
    return own.filter((text) => text !== "");
  });
}

/** What is said in passing, while something loads, may still be English; what stays may not. */
async function assertNoEnglish(page, where) {
  const english = async () => (await words(page)).filter((text) => ENGLISH.test(text) && !NAMES.test(text));
  await eventually(async () => (await english()).length === 0, where).catch(() => {});
  assert.deepEqual(await english(), [], where);
}

for (const [locale, expected] of Object.entries(LANGUAGES)) {
  scene(`the interface speaks ${locale}`, { context: { locale } }, async ({ browsing, model }) => {
    const stranger = await browsing.visit();
    await stranger.getByLabel(expected.secret).waitFor();
    await assertNoEnglish(stranger, "connect screen");
    await stranger.close();

    const page = await browsing.signedIn();
    assert.equal(await page.evaluate(() => document.documentElement.lang), expected.lang);
    await page.getByText(expected.title).waitFor();
    assert.match(await part(page, "new-chat").innerText(), new RegExp(expected.newChat));
    await assertNoEnglish(page, "empty chat");

    await part(page, "composer").fill("/");
    await part(page, "slash-list").waitFor();
    await assertNoEnglish(page, "command list");
    await part(page, "composer").fill("");

    await openSettings(page);
    await assertNoEnglish(page, "settings");
    await page.keyboard.press("Escape");

    await send(page, "/help");
    await part(page, "help").waitFor();
    await assertNoEnglish(page, "help");
    await page.keyboard.press("Escape");

    await send(page, "/status");
    await part(page, "note-card").waitFor();
    await assertNoEnglish(page, "status card");

    const held = model.holds();
    await send(page, "Bonjour");
    held.say("Bon");
    await answer(page, "Bon");
    await assertNoEnglish(page, "while an answer is written");
    await part(page, "stop").click();
    await idle(page);
    assert.equal(await part(page, "run-outcome").innerText(), expected.stopped);
    await assertNoEnglish(page, "after stop");
  });
}

for (const locale of Object.keys(LANGUAGES)) {
  scene(`the pages of the window speak ${locale}`, { context: { locale } }, async ({ browsing, model }) => {
    const page = await nativePage(browsing);
    for (const tab of await (await openSettings(page)).all()) {
      await tab.click();
      await assertNoEnglish(page, `settings, ${await tab.innerText()}`);
    }
    await page.keyboard.press("Escape");
    model.says("OK");
    await emit(page, "show", { page: "firstRun" });
    for (const step of ["model", "where", "login"]) {
      await page.locator(`[data-testid=first-run][data-step=${step}]`).waitFor();
      await assertNoEnglish(page, `first run, ${step}`);
      await part(page, "first-run-next").click();
    }
    model.says("OK");
    await emit(page, "show", { page: "diagnostics" });
    await part(page, "diagnostics").waitFor();
    await assertNoEnglish(page, "diagnostics");
    await page.keyboard.press("Escape");
    for (const kind of ["hostKey", "passphrase"]) {
      await emit(page, "ask", { id: kind, kind, prompt: "", host: "home.example", fingerprint: "SHA256:x" });
      await part(page, "ask").waitFor();
      await assertNoEnglish(page, `question, ${kind}`);
      await page.keyboard.press("Escape");
    }
    await emit(page, "show", { page: "link", detail: { url: "clawdbot://x", action: "session", sessionKey: "agent:main:main" } });
    await part(page, "link").waitFor();
    await assertNoEnglish(page, "link");
  });
}

scene("the language can be chosen and is kept", {}, async ({ browsing }) => {
  const page = await browsing.signedIn();
  await page.getByText("How can I help?").waitFor();
  await openSettings(page);
  await part(page, "settings-language").selectOption("fr");
  await page.keyboard.press("Escape");
  await page.getByText(LANGUAGES["fr-FR"].title).waitFor();
  await page.reload();
  await page.getByText(LANGUAGES["fr-FR"].title).waitFor();
});

const SIZES = { window: { width: 900, height: 700 }, narrow: { width: 400, height: 560 }, wide: { width: 1320, height: 820 } };

for (const colorScheme of ["light", "dark"]) {
  scene(`${colorScheme}: nothing overflows at any size`, { context: { colorScheme } }, async ({ browsing, model }) => {
    await mkdir(OUT, { recursive: true });
    const shot = async (page, name) => {
      await page.waitForFunction(() => [...document.images].every((image) => image.complete));
      await page.screenshot({ path: join(OUT, `${colorScheme}-${name}.png`) });
    };
    const stranger = await browsing.visit();
    await part(stranger, "connect-secret").waitFor();
    await shot(stranger, "connect");
    await stranger.close();

    const page = await browsing.signedIn();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
    await shot(page, "empty");
    model.callsTool("session_status", {});
    model.says(SHOWCASE);
    await send(page, "Show me what an answer looks like, please.");
    await answer(page, "A quotation");
    await idle(page);
    for (const [name, size] of Object.entries(SIZES)) {
      await page.setViewportSize(size);
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.equal(sideways, false, `${name}: the page scrolls sideways`);
      const composer = await part(page, "composer").boundingBox();
      assert.ok(composer.y + composer.height <= size.height, `${name}: the message field is on the screen`);
      await shot(page, `chat-${name}`);
    }
  });
}
