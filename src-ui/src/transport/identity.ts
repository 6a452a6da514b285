/** The browser's device key: Ed25519, not extractable, kept in IndexedDB. */

export interface DeviceProof {
  id: string;
  publicKey: string;
  signature: string;
  signedAt: number;
  nonce: string;
}

export interface ProofInput {
  clientId: string;
  clientMode: string;
  role: string;
  scopes: readonly string[];
  token: string;
  nonce: string;
  signedAt: number;
}

const DATABASE = "webchat";
const STORE = "keys";
const KEY_NAME = "device";

/** Payload form v2 of the protocol, which gateways of both generations accept. */
export function proofPayload(deviceId: string, input: ProofInput): string {
  return [
    "v2",
    deviceId,
    input.clientId,
    input.clientMode,
    input.role,
    input.scopes.join(","),
    String(input.signedAt),
    input.token,
    input.nonce,
  ].join("|");
}

export function base64Url(bytes: ArrayBuffer): string {
  const binary = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

async function loadKeyPair(): Promise<CryptoKeyPair> {
  const database = await openDatabase();
  try {
    const read = database.transaction(STORE).objectStore(STORE).get(KEY_NAME);
    const saved: unknown = await settled(read);
    if (isKeyPair(saved)) return saved;
    const created = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
    await settled(database.transaction(STORE, "readwrite").objectStore(STORE).put(created, KEY_NAME));
    return created;
  } finally {
    database.close();
  }
}

function isKeyPair(value: unknown): value is CryptoKeyPair {
  return typeof value === "object" && value !== null && "privateKey" in value && "publicKey" in value;
}

export class DeviceIdentity {
  private constructor(
    readonly id: string,
    private readonly publicKey: string,
    private readonly keys: CryptoKeyPair,
  ) {}

  /** `null` where the browser offers no Ed25519 (plain http on another host, old engines) or no storage. */
  static async load(): Promise<DeviceIdentity | null> {
    if (!globalThis.crypto?.subtle || !globalThis.indexedDB) return null;
    try {
      const keys = await loadKeyPair();
      const raw = await crypto.subtle.exportKey("raw", keys.publicKey);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
      const id = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return new DeviceIdentity(id, base64Url(raw), keys);
    } catch {
      return null;
    }
  }

  async prove(input: ProofInput): Promise<DeviceProof> {
    const payload = new TextEncoder().encode(proofPayload(this.id, input));
    const signature = await crypto.subtle.sign({ name: "Ed25519" }, this.keys.privateKey, payload);
    return {
      id: this.id,
      publicKey: this.publicKey,
      signature: base64Url(signature),
      signedAt: input.signedAt,
      nonce: input.nonce,
    };
  }
}
