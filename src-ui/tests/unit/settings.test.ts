import { describe, expect, it, vi } from "vitest";
import { formOf, isPrivate, problemsOf, targetOf, type TargetForm } from "../../src/settings/target";
import { shortcutLabel, shortcutOf } from "../../src/settings/shortcut";
import { looksLikeKey, ModelSettings, readPrimary, readProviders } from "../../src/settings/models.svelte";
import { readDevices, readInvitation } from "../../src/settings/devices.svelte";
import { holderName } from "../../src/settings/holder";
import { chain } from "../../src/desktop/diagnostics.svelte";
import { readable } from "../../src/desktop/log.svelte";
import { patchConfig } from "../../src/settings/config";
import { Work } from "../../src/settings/work.svelte";
import type { Gateway } from "../../src/state/gateway.svelte";

const ssh = (sshTarget: string, more: Partial<TargetForm> = {}) => problemsOf({ ...formOf("ssh", {}), sshTarget, ...more });
const direct = (url: string, tlsFingerprint = "") => problemsOf({ ...formOf("direct", {}), url, tlsFingerprint });

describe("the chain", () => {
  const told = { id: "gateway", state: "broken", detail: "Line 3 is wrong.", remedy: "Mend line 3." } as const;
  const away = { state: "broken", detail: "service restart", remedy: "Restart." } as const;

  it("says why a link is broken as the app knows it, and else what the window measured", () => {
    expect(chain([told], { gateway: away })[3]).toEqual(told);
    expect(chain([{ id: "gateway", state: "ok" }], { gateway: away })[3]).toMatchObject(away);
    expect(chain([told], { gateway: { state: "ok", ms: 3 } })[3]).toMatchObject({ state: "ok", ms: 3 });
    expect(chain([told], { gateway: away })[4]).toEqual({ id: "model", state: "unknown" });
  });
});

describe("where the gateway is", () => {
  it.each(["me@host", "me@host.example:2222", "alias", "me@[2001:db8::1]:22", "2001:db8::1", "me@192.168.1.4"])("%s can be asked over SSH", (target) => {
    expect(ssh(target)).toEqual({});
  });

  // SSH-01: nothing that ssh would read as an option or as more than one word.
  it.each([
    ["", "connection.bad.required"],
    ["-oProxyCommand=x", "connection.bad.dash"],
    ["me@-oProxyCommand=x", "connection.bad.dash"],
    ["me@host -oProxyCommand=x", "connection.bad.space"],
    ["host\u0000", "connection.bad.space"],
    ["host;reboot", "connection.bad.sshTarget"],
    ["me@@host", "connection.bad.sshTarget"],
    ["me@host:70000", "connection.bad.port"],
    ["ssh://host", "connection.bad.sshTarget"],
  ])("%j is refused", (target, problem) => expect(ssh(target)).toEqual({ sshTarget: problem }));

  it("checks the other fields of SSH", () => {
    expect(ssh("host", { remotePort: "0", sshIdentity: "-i" })).toEqual({ remotePort: "connection.bad.port", sshIdentity: "connection.bad.dash" });
    expect(ssh("host", { remotePort: "" })).toEqual({});
    expect(ssh("host", { sshIdentity: "/home/me/.ssh/id_ed25519" })).toEqual({});
    for (const sshIdentity of ["id_ed25519", "$HOME/.ssh/id", "~/.ssh/%h"]) expect(ssh("host", { sshIdentity })).toEqual({ sshIdentity: "connection.bad.identity" });
  });

  it.each([
    ["wss://home.example", undefined],
    ["ws://127.0.0.1:18789", undefined],
    ["ws://machine.tail1234.ts.net", undefined],
    ["ws://[fd00::1]:1", undefined],
    ["ws://100.64.1.2:1", undefined],
    ["", "connection.bad.required"],
    ["home.example", "connection.bad.url"],
    ["https://home.example", "connection.bad.scheme"],
    ["ws://nas.local", undefined],
    ["ws://8.8.8.8", "connection.bad.plain"],
    ["wss://home.example/?token=x", "connection.bad.query"],
    ["wss://home.example/#x", "connection.bad.query"],
    ["ws://100.128.0.1", "connection.bad.plain"],
    ["wss://me:secret@home.example", "connection.bad.credentials"],
    ["wss://home.example/ x", "connection.bad.space"],
  ])("%j as an address: %s", (url, problem) => expect(direct(url).url).toBe(problem));

  it("knows a fingerprint and a private host", () => {
    expect(direct("wss://a.example", `sha256:${"AB:".repeat(31)}AB`)).toEqual({});
    expect(direct("wss://a.example", "ab").tlsFingerprint).toBe("connection.bad.fingerprint");
    // APP-10: a pin that nothing would be compared with.
    expect(direct("ws://127.0.0.1:1", "ab".repeat(32)).tlsFingerprint).toBe("connection.bad.pinPlain");
    expect(["localhost", "10.1.1.1", "172.16.0.1", "192.168.0.1", "::1"].every(isPrivate)).toBe(true);
    expect(["172.32.0.1", "8.8.8.8", "2001:db8::1"].some(isPrivate)).toBe(false);
  });

  it("leaves out what was not typed", () => {
    expect(targetOf({ ...formOf("ssh", { sshIdentity: "~/.ssh/id" }), sshTarget: " me@host " })).toEqual({ mode: "ssh", sshTarget: "me@host", sshIdentity: "~/.ssh/id", remotePort: 18789 });
    expect(targetOf({ ...formOf("local", { url: "wss://x.example" }) })).toEqual({ mode: "local" });
  });

  it("names whoever has the port", () => {
    expect(holderName({ name: "node", pid: 12 })).toBe("node (12)");
    expect(holderName(null)).toBe("?");
  });
});

describe("shortcuts", () => {
  const press = (key: string, code: string, held: string[] = []) => shortcutOf({ key, code, ctrlKey: held.includes("ctrl"), altKey: held.includes("alt"), shiftKey: held.includes("shift"), metaKey: held.includes("meta") });

  it("are one key with a modifier other than Shift", () => {
    expect(press("Shift", "ShiftLeft", ["shift"])).toBeUndefined();
    expect(press("K", "KeyK", ["ctrl", "shift"])).toBe("Ctrl+Shift+K");
    expect(press(" ", "Space", ["alt"])).toBe("Alt+Space");
    expect(press("F5", "F5", ["meta"])).toBe("Super+F5");
    expect(press("K", "KeyK", ["shift"])).toBeNull();
    expect(press("é", "IntlBackslash", ["ctrl"])).toBeNull();
  });

  it("are found again on a French keyboard", () => {
    const a = { key: "a", code: "KeyQ", ctrlKey: true, altKey: false, shiftKey: false, metaKey: false };
    expect(shortcutOf(a)).toBe("Ctrl+A");
    expect(shortcutOf(a, true)).toBe("Ctrl+Q");
    expect(shortcutOf({ ...a, key: "&", code: "Digit1" })).toBe("Ctrl+1");
  });

  it("are written as the platform writes them", () => {
    expect(shortcutLabel("CmdOrCtrl+Shift+K", false)).toBe("Ctrl Shift K");
    expect(shortcutLabel("CmdOrCtrl+Shift+K", true)).toBe("⌘ Shift K");
  });
});

const row = (provider: string, id = "m") => ({ id, provider, name: id, available: true });

describe("the log", () => {
  it("is shown as people read it", () => {
    const line = JSON.stringify({ "0": "{}", "1": "ready", _meta: { logLevelName: "WARN" }, time: "2026-11-26T10:00:00.000Z", message: "ready address=1" });
    expect(readable(line)).toMatch(/^\d.*\d.*  WARN  ready address=1$/);
    expect(readable("plain {")).toBe("plain {");
    expect(readable('{"message": 3}')).toBe('{"message": 3}');
  });
});

describe("models", () => {
  it("lists usable providers first and never the demo", () => {
    const auth = { providers: [{ provider: "openai", status: "missing" }, { provider: "fake", status: "static", apiKey: { source: "config" } }, { provider: "builtin", status: "static" }] };
    expect(readProviders(auth, [row("fake"), row("ollama"), row("builtin")])).toEqual([
      { id: "fake", usable: true, source: "config" },
      { id: "ollama", usable: true, source: "local" },
      { id: "openai", usable: false, source: "missing" },
    ]);
    expect(readProviders(null, [row("ollama")])).toEqual([{ id: "ollama", usable: true, source: "local" }]);
  });

  it("knows the model that answers, and what a key looks like", () => {
    expect(readPrimary({ models: [{ id: "a", provider: "x" }, { id: "b", provider: "y", tags: ["default"] }] })).toBe("y/b");
    expect(readPrimary(null)).toBe("");
    expect(["sk-abc_123.x"].every(looksLikeKey)).toBe(true);
    expect(["", "two words", "${KEY}", "ключ"].some(looksLikeKey)).toBe(false);
  });

  it("changes the configuration as it is at that moment, and hands a key to nobody else", async () => {
    const request = vi.fn(async (method: string) => (method === "config.get" ? { hash: "h1" } : { models: [] }));
    const gateway = { request, supports: () => false } as unknown as Gateway;
    await new ModelSettings(gateway).saveKey("openai", "sk-secret-1");
    const patch = request.mock.calls.find(([method]) => method === "config.patch") as unknown as [string, { raw: string; baseHash: string }];
    expect(JSON.parse(patch[1].raw)).toEqual({ models: { providers: { openai: { apiKey: "sk-secret-1" } } } });
    expect(patch[1].baseHash).toBe("h1");
    expect(request.mock.calls.filter((call) => JSON.stringify(call).includes("sk-secret-1"))).toHaveLength(1);
    await expect(patchConfig({ request: async () => Promise.reject(new Error("gone")) } as unknown as Gateway, {})).rejects.toThrow("gone");
  });
});

describe("devices", () => {
  it("are read with care", () => {
    const payload = { paired: [{ deviceId: "d1", displayName: "Phone", platform: "ios", connected: true }, { deviceId: "d2d2d2d2d2d2d2" }, {}, 5] };
    expect(readDevices(payload).map((device) => [device.id, device.name, device.connected])).toEqual([["d1", "Phone", true], ["d2d2d2d2d2d2d2", "d2d2d2d2d2d2", false]]);
    expect(readDevices(undefined)).toEqual([]);
  });

  it("get a picture of an invitation only when it is one", () => {
    const invitation = { setupId: "s", setupCode: "c", gatewayUrl: "wss://x", expiresAtMs: 5, qrDataUrl: "https://evil.example/x.png" };
    expect(readInvitation(invitation)).toMatchObject({ code: "c", picture: undefined, limited: false });
    expect(readInvitation({ ...invitation, qrDataUrl: "data:image/svg+xml;base64,x" })?.picture).toBe("data:image/svg+xml;base64,x");
    expect(readInvitation({ setupId: "s" })).toBeNull();
  });
});

describe("something under way", () => {
  it("runs once at a time and keeps the sentence of a failure", async () => {
    const work = new Work();
    let finish = (_: unknown) => {};
    const first = work.run(() => new Promise((_, reject) => (finish = reject)));
    expect(await work.run(async () => {})).toBe(false);
    expect(work.running).toBe(true);
    finish({ code: "X", message: "The name does not exist." });
    expect(await first).toBe(false);
    expect([work.running, work.problem]).toEqual([false, "The name does not exist."]);
    expect(await work.run(async () => {})).toBe(true);
    expect(work.problem).toBe("");
  });
});
