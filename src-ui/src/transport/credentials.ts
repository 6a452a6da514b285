/** What the browser knows to sign in with: a code or a secret (memory only), or a device token (stored per gateway). */
import type { Fragment } from "../boot/fragment";
import { here, readText, removeKey, writeText } from "../state/storage";

const TOKEN_KEY = "deviceToken";

export class Credentials {
  private secret: string | undefined;
  private code: string | undefined;

  constructor(fragment: Fragment = {}) {
    this.secret = fragment.token;
    this.code = fragment.code;
  }

  typed(secret: string): void {
    this.secret = secret;
    this.code = undefined;
  }

  /** True when the next connect uses the stored device token rather than a secret someone typed. */
  get usesDeviceToken(): boolean {
    return this.code === undefined && this.secret === undefined && readText(here(TOKEN_KEY)) !== null;
  }

  /** The value for `auth.token`, also the bearer of media requests. */
  get token(): string | undefined {
    return this.secret ?? readText(here(TOKEN_KEY)) ?? undefined;
  }

  get auth(): { token?: string; password?: string; bootstrapToken?: string } | undefined {
    if (this.code !== undefined) return { bootstrapToken: this.code };
    if (this.secret !== undefined) return { token: this.secret, password: this.secret };
    const token = readText(here(TOKEN_KEY));
    return token ? { token } : undefined;
  }

  remember(deviceToken: string): void {
    this.code = undefined;
    writeText(here(TOKEN_KEY), deviceToken);
  }

  /** Called when the gateway refuses what we sent. */
  forget(): void {
    if (this.code !== undefined) {
      this.code = undefined;
      return;
    }
    if (this.secret === undefined) removeKey(here(TOKEN_KEY));
    this.secret = undefined;
  }
}
