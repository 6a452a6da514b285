/** The one seam between the interface and the outside: text frames in, text frames out, and media. */

/** Close code of our own: the app around this page has no gateway to offer and says why. */
export const HOST_FAILED = 4010;

export interface CloseInfo {
  code: number;
  reason: string;
}

export interface TransportEvents {
  onOpen(): void;
  onText(text: string): void;
  onClose(info: CloseInfo): void;
}

export interface Link {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** A media file ready to be used as an `src`; `release` frees it. */
export interface MediaHandle {
  url: string;
  bytes(): Promise<Blob>;
  release(): void;
}

export interface Transport {
  /** True in the desktop window, whose frames are already authenticated by the native side. */
  readonly native: boolean;
  readonly clientId: "webchat-ui" | "gateway-client";
  readonly clientMode: "webchat" | "ui";
  open(events: TransportEvents): Link;
  media(url: string, bearer: string | undefined): Promise<MediaHandle>;
  openExternal(url: string): void;
}

/** `media://inbound/<id>.<ext>` to `inbound/<id>.<ext>`; anything else is refused. */
export function mediaPath(url: string): string | null {
  const match = /^media:\/\/(inbound\/[\w-]+(?:\.\w+)?)$/.exec(url);
  return match?.[1] ?? null;
}

/** Only these schemes ever leave the page. */
export function isExternalUrl(url: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(url);
}

export class MediaUnavailable extends Error {
  readonly code = "MEDIA_UNAVAILABLE";
  constructor(readonly status: number) {
    super(`The gateway did not return this file (HTTP ${status}).`);
  }
}
