// A device from elsewhere, with a key of its own.
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";

const WebSocket = createRequire(new URL("../../../src-ui/package.json", import.meta.url))("ws");
const SCOPES = ["operator.read"];

/** A device with a key of its own. It connects as a page of another port, which is not let in silently. */
export class Device {
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
