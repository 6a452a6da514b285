/** What the browser knows to sign in with: a typed secret (memory only) or a device token (stored per origin). */
import { readText, removeKey, writeText } from "../state/storage";

const TOKEN_KEY = "deviceToken";

export class Credentials {
  private secret: string | undefined;

  constructor(secret?: string) {
    this.secret = secret;
  }

  typed(secret: string): void {
    this.secret = secret;
  }

  /** True when the next connect uses the stored device token rather than a secret someone typed. */
  get usesDeviceToken(): boolean {
    return this.secret === undefined && readText(TOKEN_KEY) !== null;
  }

  /** The value for `auth.token`, also the bearer of media requests. */
  get token(): string | undefined {
    return this.secret ?? readText(TOKEN_KEY) ?? undefined;
  }

  get auth(): { token: string; password?: string } | undefined {
    if (this.secret !== undefined) return { token: this.secret, password: this.secret };
    const token = readText(TOKEN_KEY);
    return token ? { token } : undefined;
  }

  remember(deviceToken: string): void {
    writeText(TOKEN_KEY, deviceToken);
  }

  /** Called when the gateway refuses what we sent. */
  forget(): void {
    if (this.secret === undefined) removeKey(TOKEN_KEY);
    this.secret = undefined;
  }
}
