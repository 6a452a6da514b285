// A device from elsewhere asks to be let in; the owner decides in WebChat.
import assert from "node:assert/strict";
import { once } from "node:events";
import { generateKeyPairSync, createHash, sign } from "node:crypto";
import { createRequire } from "node:module";
import { part } from "./support/chat.mjs";
import { eventually, scene } from "./support/scene.mjs";

const WebSocket = createRequire(new URL("../../src-ui/package.json", import.meta.url))("ws");
const SCOPES = ["operator.read"];

/** A device with a key of its own. It connects as a page of another port, which is not let in silently. */
class Device {
  #keys = generateKeyPairSync("ed25519");
  #raw = this.#keys.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  id = createHash("sha256").update(this.#raw).digest("hex");

  /** The answer to `connect`. */
  async connect(gateway) {
    const socket = new WebSocket(gateway.origin.replace("http", "ws"), { origin: "http://localhost:9" });
    const next = async () => JSON.parse((await once(socket, "message"))[0]);
    const { nonce, ts } = (await next()).payload;
    const client = { id: "openclaw-ios", mode: "ui", version: "1", platform: "ios", displayName: "Kitchen phone" };
    const payload = ["v2", this.id, client.id, client.mode, "operator", SCOPES.join(), ts, gateway.token, nonce].join("|");
    const signature = sign(null, Buffer.from(payload), this.#keys.privateKey).toString("base64url");
    const device = { id: this.id, publicKey: this.#raw.toString("base64url"), signature, signedAt: ts, nonce };
    const params = { minProtocol: 4, maxProtocol: 4, client, role: "operator", scopes: SCOPES, caps: [], device, auth: { token: gateway.token } };
    socket.send(JSON.stringify({ type: "req", id: "1", method: "connect", params }));
    const answer = await next();
    socket.close();
    return answer;
  }
}

scene("a device that asks is let in from the page, or turned away", {}, async ({ gateway, browsing }) => {
  const page = await browsing.signedIn();
  const phone = new Device();
  assert.equal((await phone.connect(gateway)).error.code, "NOT_PAIRED");
  const card = part(page, "pairing");
  await card.waitFor();
  assert.match(await card.innerText(), /Kitchen phone/);
  assert.ok((await card.innerText()).includes(phone.id), "the id can be compared");
  await card.getByRole("button", { name: "Let in" }).click();
  await card.waitFor({ state: "detached" });
  assert.equal((await phone.connect(gateway)).ok, true);

  const stranger = new Device();
  assert.equal((await stranger.connect(gateway)).error.code, "NOT_PAIRED");
  await page.reload();
  await card.waitFor();
  await card.getByRole("button", { name: "Turn away" }).click();
  await eventually(async () => (await card.count()) === 0, "the card goes");
  assert.equal((await stranger.connect(gateway)).error.code, "NOT_PAIRED");
});
