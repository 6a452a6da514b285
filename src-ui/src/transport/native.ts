/** Desktop transport: the same JSON text over a Tauri channel; no socket and no secret in the page. */
import { isObject, number, text } from "../protocol/frames";
import { HOST_FAILED, isExternalUrl, mediaPath, MediaUnavailable, type CloseInfo, type Link, type MediaHandle, type Transport, type TransportEvents } from "./transport";

export function isNative(): boolean {
  return "__TAURI_INTERNALS__" in window;
}

/** The end-of-connection message the native side puts on the channel. */
export function readClose(message: string): CloseInfo | null {
  if (!message.startsWith("{") || !message.includes('"close"')) return null;
  try {
    const value: unknown = JSON.parse(message);
    if (!isObject(value) || value.type !== "close") return null;
    return { code: number(value.code) ?? 1006, reason: text(value.reason) ?? "" };
  } catch {
    return null;
  }
}

/** What is read is told of in portions: so many frames, or so many characters. */
const PORTION = { frames: 64, characters: 1 << 18 };

export class NativeTransport implements Transport {
  readonly native = true;
  readonly clientId = "gateway-client";
  readonly clientMode = "ui";
  private readonly core = import("@tauri-apps/api/core");

  open(events: TransportEvents): Link {
    let ended = false;
    const end = (info: CloseInfo) => {
      if (ended) return;
      ended = true;
      events.onClose(info);
    };
    const failed = (reason: unknown) => end({ code: HOST_FAILED, reason: describe(reason) });
    const opened = this.core.then(async ({ Channel, invoke }) => {
      const channel = new Channel<string>();
      const read = { frames: 0, characters: 0 };
      channel.onmessage = (message) => {
        if (ended) return;
        const close = readClose(message);
        if (close) return end(close);
        read.frames++;
        read.characters += message.length;
        events.onText(message);
        if (read.frames < PORTION.frames && read.characters < PORTION.characters) return;
        // The app gives no more than fits before a page that does not say what it has read.
        invoke("gateway_took", { frames: read.frames }).catch(failed);
        read.frames = read.characters = 0;
      };
      await invoke("gateway_open", { onFrame: channel });
      if (!ended) events.onOpen();
      return invoke;
    });
    opened.catch(failed);
    return {
      send: (frame) => void opened.then((invoke) => invoke("gateway_send", { frame })).catch(failed),
      close: (code, reason) => {
        void opened.then((invoke) => invoke("gateway_close")).catch(failed);
        end({ code, reason });
      },
    };
  }

  async media(url: string): Promise<MediaHandle> {
    const path = mediaPath(url);
    if (!path) throw new MediaUnavailable(400);
    const { convertFileSrc } = await this.core;
    const address = convertFileSrc(path, "clawdbot-media");
    return { url: address, bytes: async () => (await fetch(address)).blob(), release: () => {} };
  }

  openExternal(url: string): void {
    if (isExternalUrl(url)) void this.core.then(({ invoke }) => invoke("open_external", { url })).catch(() => {});
  }
}

function describe(reason: unknown): string {
  if (typeof reason === "string") return reason;
  if (reason instanceof Error) return reason.message;
  return isObject(reason) ? (text(reason.message) ?? "") : "";
}
