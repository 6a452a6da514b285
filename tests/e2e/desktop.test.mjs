// The pages that only the native window has, with a script in the place of the app.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { answer, idle, openSettings, part, send } from "./support/chat.mjs";
import { calls, desktopState, emit, nativePage } from "./support/desktop.mjs";
import { eventually, OUT, scene } from "./support/scene.mjs";

scene("the connection form refuses what ssh would misread, and shows the first layer that fails", {}, async ({ browsing }) => {
  const page = await nativePage(browsing);
  await openSettings(page, "connection");
  await part(page, "mode-ssh").check();
  const target = part(page, "connection-sshTarget");
  await target.fill("-oProxyCommand=x"); // SSH-01
  await page.getByText("may not begin with a hyphen").waitFor();
  assert.ok(await part(page, "connection-test").isDisabled());
  await target.fill("me@home.example");
  await part(page, "connection-secret").fill("a-secret-token-1");
  await part(page, "connection-test").click();
  await page.locator("[data-layer=authentication][data-state=skipped]").waitFor();
  assert.match(await part(page, "test-remedy").innerText(), /Start the gateway on that machine/);
  assert.equal(await part(page, "test-remedy").count(), 1);
  const [asked] = await calls(page, "connection_test");
  assert.deepEqual(asked.target, { mode: "ssh", sshTarget: "me@home.example", remotePort: 18789 });
  assert.deepEqual(asked.credential, { token: "a-secret-token-1" });
  assert.equal((await calls(page, "connection_test_stop")).length, 0);
  await part(page, "connection-use").click();
  await eventually(async () => (await part(page, "connection-state").innerText()).includes("SSH"), "the state follows");
  assert.equal((await calls(page, "connection_use")).length, 1);
  assert.equal(await page.evaluate(() => document.body.innerHTML.includes("a-secret-token-1")), false);
});

scene("a test of the connection ends with the page that shows it", {}, async ({ browsing }) => {
  const state = desktopState();
  state.testHangs = true;
  const page = await nativePage(browsing, state);
  const stopped = (times) => eventually(async () => (await calls(page, "connection_test_stop")).length === times, `end ${times}`);
  await openSettings(page, "connection");
  await part(page, "mode-ssh").check();
  await part(page, "connection-sshTarget").fill("me@home.example");
  await part(page, "connection-test").click();
  await page.locator("[data-layer=authentication]").waitFor();
  await part(page, "settings-general").click();
  await stopped(1);
  await part(page, "settings-connection").click();
  await part(page, "mode-ssh").check();
  await part(page, "connection-sshTarget").fill("me@home.example");
  await part(page, "connection-test").click();
  await page.locator("[data-layer=authentication]").waitFor();
  await part(page, "connection-use").click();
  await stopped(2);
  await eventually(() => part(page, "connection-test").isEnabled(), "another test can be made");
  await part(page, "connection-test").click();
  await page.locator("[data-layer=authentication]").waitFor();
  await page.keyboard.press("Escape");
  await stopped(3);
});

scene("what came of a switch is in sight, and what was typed stays until it has worked", { context: { viewport: { width: 900, height: 480 } } }, async ({ browsing }) => {
  const state = desktopState();
  state.turning = { state: "connecting" };
  const page = await nativePage(browsing, state);
  const become = (change) => page.evaluate((change) => {
    Object.assign(window.desktopApp.state.connection, change);
    window.desktopApp.emit("connection", structuredClone(window.desktopApp.state.connection));
  }, change);
  await openSettings(page, "connection");
  await part(page, "mode-direct").check();
  await part(page, "connection-url").fill("wss://home.example");
  await part(page, "connection-secret").fill("a-wrong-token");
  await part(page, "connection-use").click();
  await eventually(async () => (await calls(page, "connection_use")).length === 1, "the switch");
  await page.evaluate((away) => {
    window.desktopApp.state.gatewayAway = away;
    return window.gatewayClose();
  }, "The gateway does not accept the token.");
  await become({ state: "failed", headline: "Refused", message: "The gateway does not accept the token.", remedy: "Enter another one." });
  const outcome = part(page, "connection-outcome");
  await outcome.getByText("Enter another one.").waitFor();
  await eventually(async () => {
    const [box, view] = [await outcome.boundingBox(), await part(page, "settings-page").boundingBox()];
    return box.y >= view.y && box.y + box.height <= view.y + view.height;
  }, "the outcome is in sight");
  assert.equal(await part(page, "connection-secret").inputValue(), "a-wrong-token");
  await eventually(async () => (await part(page, "status").innerText()) === "Not connected", "the badge");
  // Another address is tried with the same token.
  await part(page, "connection-url").fill("wss://house.example");
  await part(page, "connection-use").click();
  await eventually(async () => (await calls(page, "connection_use")).length === 2, "the second switch");
  assert.deepEqual((await calls(page, "connection_use"))[1].credential, { token: "a-wrong-token" });
  await eventually(async () => (await part(page, "status").innerText()) === "Reconnecting", "the badge while the app tries");
  await page.evaluate(() => (window.desktopApp.state.gatewayAway = undefined));
  await become({ state: "ready", headline: null, message: null, remedy: null });
  await eventually(async () => (await part(page, "connection-secret").inputValue()) === "", "the secret leaves the page");
  await eventually(async () => (await part(page, "status").innerText()) === "Connected", "the badge");
});

scene("notifications, the shortcut and the login entry are changed by keyboard", {}, async ({ browsing }) => {
  const page = await nativePage(browsing);
  await page.keyboard.press("Control+,");
  await part(page, "settings-general").waitFor();
  await part(page, "settings-autostart").focus();
  await page.keyboard.press("Space");
  await eventually(async () => (await calls(page, "settings_write")).length === 1, "the login entry is asked for");
  await part(page, "settings-general").focus();
  for (let step = 0; step < 5; step++) await page.keyboard.press("ArrowDown");
  await part(page, "notify-approvals").focus();
  await page.keyboard.press("Space");
  await part(page, "settings-notifications").focus();
  await page.keyboard.press("ArrowDown");
  await part(page, "shortcut-record").click();
  await page.keyboard.press("Shift+A");
  await page.getByText("Use one key together").waitFor();
  await page.keyboard.press("Control+Alt+J");
  await eventually(async () => (await part(page, "shortcut").innerText()) === "Ctrl Alt J", "the shortcut is shown");
  const patches = (await calls(page, "settings_write")).map((call) => call.patch);
  assert.deepEqual(patches, [{ autostart: true }, { notifications: { approvals: false } }, { quickChat: "Ctrl+Alt+J" }]);
});

scene("the language is the app's, whoever chose it there, and a choice that it refuses is taken back", {}, async ({ browsing }) => {
  const state = desktopState();
  Object.assign(state.report, { language: "es", settings: { ...state.report.settings, language: null } });
  const page = await nativePage(browsing, state);
  const spoken = (language) => page.locator(`html[lang=${language}]`).waitFor({ state: "attached" });
  await spoken("es");
  await openSettings(page, "general");
  const field = part(page, "settings-language");
  assert.equal(await field.inputValue(), "auto");
  await emit(page, "settings", { ...state.report, language: "fr", settings: { ...state.report.settings, language: "fr" } });
  await spoken("fr");
  assert.equal(await field.inputValue(), "fr");
  await part(page, "settings-page").getByText("Langue").waitFor();
  await page.evaluate(() => (window.desktopApp.state.refuses = { code: "SETTINGS_WRITE", message: "The disk is full." }));
  await field.selectOption("en");
  await page.getByText("The disk is full.").waitFor();
  assert.equal(await field.inputValue(), "fr");
  await spoken("fr");
  await page.evaluate(() => (window.desktopApp.state.refuses = undefined));
  await field.selectOption("en");
  await spoken("en");
  assert.deepEqual((await calls(page, "settings_write")).at(-1), { patch: { language: "en" } });
  assert.equal(await page.evaluate(() => localStorage.getItem("webchat:language")), "en");
});

scene("Tailscale shows its address to scan, and asks for consent with a button", {}, async ({ browsing }) => {
  const state = desktopState();
  state.tailscale.consentUrl = "https://login.tailscale.com/f/serve?node=1";
  const page = await nativePage(browsing, state);
  await openSettings(page, "tailscale");
  assert.equal(await part(page, "tailscale-url").innerText(), "https://desk.tail1234.ts.net");
  await page.getByAltText("QR code of https://desk.tail1234.ts.net").waitFor();
  await part(page, "tailscale-consent").click();
  assert.deepEqual(await calls(page, "open_external"), [{ url: state.tailscale.consentUrl }]);
  await part(page, "tailscale-off").check();
  await eventually(async () => (await calls(page, "tailscale_use")).length === 1, "the app is told");
});

scene("the first run is shown once, in three steps that can be skipped", {}, async ({ browsing, model }) => {
  const state = desktopState();
  state.report.settings.firstRunDone = false;
  model.says("OK");
  const page = await nativePage(browsing, state);
  const run = part(page, "first-run");
  await run.waitFor();
  await part(page, "probe-result").waitFor();
  assert.match(await part(page, "probe-result").innerText(), /Answered after/);
  await part(page, "first-run-next").click();
  await page.locator("[data-testid=first-run][data-step=where]").waitFor();
  await part(page, "first-run-skip").click();
  await part(page, "first-run-login").check();
  await part(page, "first-run-next").click();
  await run.waitFor({ state: "detached" });
  await eventually(async () => (await calls(page, "settings_write")).length === 2, "that it is behind us is kept");
  assert.deepEqual((await calls(page, "settings_write")).map((call) => call.patch), [{ autostart: true }, { firstRunDone: true }]);
  await eventually(() => page.evaluate(() => document.activeElement?.dataset.testid === "composer"), "the composer has the focus");
});

scene("Next uses what was chosen and typed, or shows what is wrong with it and stays; Skip leaves it", {}, async ({ browsing, gateway, model }) => {
  const state = desktopState();
  state.report.settings.firstRunDone = false;
  state.turning = { state: "connecting" };
  await gateway.reconfigure(({ models: { providers } }) => (providers.mistral = { ...providers.mock, apiKey: undefined }));
  model.says("OK");
  const page = await nativePage(browsing, state);
  const at = (step) => page.locator(`[data-testid=first-run][data-step=${step}]`).waitFor();
  await part(page, "probe-result").waitFor();
  await part(page, "key-value").fill("sk-first-run-key-1");
  await part(page, "first-run-next").click();
  await page.getByText("This is needed.").waitFor();
  await part(page, "key-provider").selectOption("mistral");
  model.refuses(401, { message: "wrong key" });
  await part(page, "first-run-next").click();
  assert.match(await part(page, "key-refused").innerText(), /mistral is saved, but its test failed/);
  assert.equal((await gateway.config()).models.providers.mistral.apiKey, "sk-first-run-key-1");
  await at("model");
  await part(page, "key-value").fill("sk-first-run-key-2");
  model.says("OK");
  await part(page, "first-run-next").click();
  await at("where");
  assert.equal((await gateway.config()).models.providers.mistral.apiKey, "sk-first-run-key-2");

  await part(page, "mode-ssh").check();
  await part(page, "first-run-next").click();
  await page.getByText("This is needed.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "connection-sshTarget");
  await part(page, "connection-sshTarget").fill("me@home.example");
  await part(page, "first-run-back").click();
  await part(page, "first-run-next").click();
  await at("where");
  await part(page, "first-run-next").click();
  await eventually(async () => (await part(page, "connection-outcome").innerText()).includes("Connecting"), "the switch is under way");
  const become = (change) => page.evaluate((change) => {
    Object.assign(window.desktopApp.state.connection, change);
    window.desktopApp.emit("connection", structuredClone(window.desktopApp.state.connection));
  }, change);
  await become({ state: "failed", headline: "No answer", message: "home.example cannot be found.", remedy: "Check the name." });
  await eventually(async () => /cannot be found\.\s+Check the name/.test(await part(page, "connection-outcome").innerText()), "what is wrong is shown");
  await eventually(async () => (await part(page, "first-run-next").innerText()) === "Next", "it can be tried again");
  await at("where");
  await part(page, "connection-sshTarget").fill("me@house.example");
  await part(page, "first-run-next").click();
  await eventually(async () => (await calls(page, "connection_use")).length === 2, "the second attempt");
  await become({ state: "ready", headline: null, message: null, remedy: null });
  await at("login");
  assert.deepEqual((await calls(page, "connection_use")).map((call) => call.target.sshTarget), ["me@home.example", "me@house.example"]);
  // Going back changes nothing by itself, and Skip leaves what is chosen then.
  await part(page, "first-run-back").click();
  await part(page, "first-run-next").click();
  await at("login");
  await part(page, "first-run-back").click();
  await part(page, "mode-local").check();
  await part(page, "first-run-skip").click();
  await part(page, "first-run-next").click();
  await part(page, "first-run").waitFor({ state: "detached" });
  await eventually(async () => (await calls(page, "settings_write")).length === 1, "that it is behind us is kept");
  assert.equal((await calls(page, "connection_use")).length, 2);
});

scene("an app that knows only its own gateway offers no other", {}, async ({ browsing }) => {
  const state = desktopState();
  state.report.settings.firstRunDone = false;
  Object.assign(state, { connection: undefined, tailscale: undefined });
  const page = await nativePage(browsing, state);
  await page.getByText("Step 1 of 2").waitFor();
  await page.keyboard.press("Escape");
  const tabs = await (await openSettings(page)).allInnerTexts();
  assert.deepEqual(tabs, ["General", "Chat", "Models", "Notifications", "Shortcuts", "Devices", "Advanced"]);
});

scene("Escape belongs to the page on top, never to the answer behind it", {}, async ({ browsing, model }) => {
  const page = await nativePage(browsing);
  const held = model.holds();
  await send(page, "Take your time");
  held.say("Half");
  await answer(page, "Half");
  await emit(page, "ask", { id: 1, kind: "password", prompt: "Password", host: "home.example" });
  await part(page, "ask").waitFor();
  await page.keyboard.press("Escape");
  await part(page, "ask").waitFor({ state: "detached" });
  held.say(" and whole");
  held.end();
  await answer(page, "Half and whole");
  await idle(page);
  assert.deepEqual(await calls(page, "ask_answer"), [{ id: 1, value: null }]);
});

scene("diagnostics names the one link that is broken and what to do", {}, async ({ browsing, model }) => {
  model.refuses(401, { message: "wrong key" });
  const page = await nativePage(browsing);
  await openSettings(page, "advanced");
  await part(page, "open-diagnostics").click();
  await page.locator("[data-link=model][data-state=broken]").waitFor();
  for (const link of ["window", "app", "gateway"]) await page.locator(`[data-link=${link}][data-state=ok]`).waitFor();
  assert.match(await part(page, "diagnostics-fix").innerText(), /apiKey/);
  assert.match(await part(page, "log").innerText(), /^\d.*INFO {2}client connected client=gateway-client$/m);
  model.says("OK");
  await part(page, "diagnostics-again").click();
  await page.getByText("Every link holds.").waitFor();
  await part(page, "diagnostics-bundle").click();
  assert.match(await part(page, "bundle-path").innerText(), /clawdbot-support.zip/);
});

scene("questions of ssh are asked one after the other, and answers leave the page", {}, async ({ browsing }) => {
  const page = await nativePage(browsing);
  await emit(page, "ask", { id: 1, kind: "hostKey", prompt: "The authenticity of host 'home' can't be established.", host: "home.example", machine: "jump (10.0.0.1)", algorithm: "ED25519", fingerprint: "SHA256:abcdef" }); // SSH-03
  await emit(page, "ask", { id: 2, kind: "passphrase", prompt: "Enter passphrase for key '/home/me/.ssh/id'", host: "home.example" });
  await emit(page, "ask", { id: 3, kind: "code", prompt: "Code", host: "home.example" });
  await emit(page, "ask", { id: 1, kind: "hostKey", prompt: "Again", host: "home.example", fingerprint: "SHA256:abcdef" });
  assert.equal(await part(page, "ask-fingerprint").innerText(), "SHA256:abcdef");
  assert.equal(await part(page, "ask-machine").innerText(), "jump (10.0.0.1)");
  assert.match(await part(page, "ask").innerText(), /To reach home\.example[^]*ED25519/);
  assert.equal(await page.getByText("authenticity of host").count(), 0);
  await page.mouse.click(2, 2);
  await part(page, "ask-ok").click();
  await part(page, "ask-value").waitFor();
  await page.keyboard.type("my passphrase 9");
  await page.keyboard.press("Enter");
  await page.locator("[data-testid=ask][data-kind=code]").waitFor();
  await page.keyboard.press("Escape");
  await part(page, "ask").waitFor({ state: "detached" });
  // What is answered leaves the screen before it has left the page.
  await eventually(async () => (await calls(page, "ask_answer")).length === 3, "all answers");
  assert.deepEqual(await calls(page, "ask_answer"), [{ id: 1, value: "yes" }, { id: 2, value: "my passphrase 9" }, { id: 3, value: null }]);
  assert.equal(await page.evaluate(() => document.documentElement.outerHTML.includes("my passphrase 9")), false); // SSH-07
  await emit(page, "ask", { id: 4, kind: "password", prompt: "Password", host: "home.example" });
  await part(page, "ask").waitFor();
  await emit(page, "ask-gone", { id: 4 });
  await part(page, "ask").waitFor({ state: "detached" });
});

scene("a link from outside shows what it would do and never does it by itself", {}, async ({ browsing, model }) => {
  const page = await nativePage(browsing);
  await emit(page, "show", { page: "link", detail: { url: "clawdbot://message?text=Hello", action: "message", text: "Hello from outside" } });
  await part(page, "link").waitFor();
  assert.equal(await part(page, "composer").inputValue(), "");
  await part(page, "link-cancel").click();
  assert.equal(await part(page, "composer").inputValue(), "");
  await emit(page, "show", { page: "link", detail: { url: "clawdbot://message?text=Hello", action: "message", text: "Hello from outside" } });
  await part(page, "link-follow").click();
  assert.equal(await part(page, "composer").inputValue(), "Hello from outside");
  assert.equal(model.requests.length, 0);
  await emit(page, "show", { page: "link", detail: { url: "clawdbot://connect", action: "connect", target: { mode: "ssh", sshTarget: "-oProxyCommand=x" } } }); // SSH-01
  await part(page, "link-follow").click();
  assert.equal(await part(page, "connection-sshTarget").inputValue(), "-oProxyCommand=x");
  assert.ok(await part(page, "connection-use").isDisabled());
  assert.equal((await calls(page, "connection_use")).length, 0);
});

for (const colorScheme of ["light", "dark"]) {
  scene(`${colorScheme}: the pages of the window, to look at`, { context: { colorScheme } }, async ({ browsing, model }) => {
    await mkdir(OUT, { recursive: true });
    const page = await nativePage(browsing);
    const shot = async (name) => {
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path: join(OUT, `${colorScheme}-${name}.png`) });
    };
    for (const section of ["general", "chat", "connection", "models", "tailscale", "notifications", "shortcuts", "devices", "advanced"]) {
      await openSettings(page, section);
      if (section === "connection") {
        await part(page, "mode-ssh").check();
        await part(page, "connection-sshTarget").fill("me@home.example");
        await part(page, "connection-test").click();
        await page.locator("[data-layer=authentication][data-state=skipped]").waitFor();
      }
      if (section === "models") {
        model.says("OK");
        await part(page, "probe-mock").click();
        await part(page, "probe-result").waitFor();
      }
      if (section === "devices") {
        await part(page, "pair-address").fill("wss://desk.tail1234.ts.net");
        await part(page, "pair-make").click();
        await part(page, "pair-qr").waitFor();
      }
      const wide = await part(page, "settings-page").evaluate((node) => node.scrollWidth > node.clientWidth);
      assert.equal(wide, false, `${section} scrolls sideways`);
      await shot(`settings-${section}`);
      await page.keyboard.press("Escape");
    }
    await emit(page, "ask", { id: 1, kind: "hostKey", prompt: "The authenticity of host 'home.example' can't be established.", host: "home.example", fingerprint: "SHA256:n9vTzfmJp0kQ8oV9kSxY3tqk1rM0d4m2cXw7o2bQfJc" });
    await part(page, "ask").waitFor();
    await shot("ask");
    await part(page, "ask-cancel").click();
    model.says("OK");
    await emit(page, "show", { page: "firstRun" });
    await part(page, "probe-result").waitFor();
    await shot("first-run");
    await part(page, "first-run-next").click();
    await shot("first-run-where");
    await page.keyboard.press("Escape");
    model.says("OK");
    await emit(page, "show", { page: "diagnostics" });
    await page.getByText("Every link holds.").waitFor();
    await shot("diagnostics");
  });
}
