/** Browser transport: a WebSocket to the origin that served the page, and nowhere else. */
import { gatewayName } from "../state/storage";
import { isExternalUrl, mediaPath, MediaUnavailable, type Link, type MediaHandle, type Transport, type TransportEvents } from "./transport";

/** Where a front door may lead to different gateways, it is told which one the page is about. */
const NAME = "clawdbot-gateway";

function socketUrl(): string {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const name = gatewayName();
  return `${scheme}://${location.host}/${name && `?${NAME}=${name}`}`;
}

/** Whether this address still leads to the gateway that the page is about; one that does not answer may. */
async function leadsHere(): Promise<boolean> {
  try {
    const response = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
    return (response.headers.get(NAME) ?? "") === gatewayName();
  } catch {
    return true;
  }
}

export class WebSocketTransport implements Transport {
  readonly native = false;
  readonly clientId = "webchat-ui";
  readonly clientMode = "webchat";

  private again = false;

  open(events: TransportEvents): Link {
    let socket: WebSocket | undefined;
    let given = false;
    const connect = () => {
      if (given) return;
      socket = new WebSocket(socketUrl());
      socket.onopen = () => events.onOpen();
      socket.onmessage = ({ data }) => {
        if (typeof data === "string") events.onText(data);
      };
      socket.onclose = (event) => events.onClose({ code: event.code, reason: event.reason });
    };
    // Another gateway may have taken the place of the one before; the page and its secrets are not about that one.
    if (this.again) void leadsHere().then((same) => (same ? connect() : location.reload()));
    else connect();
    this.again = true;
    return {
      send: (text) => socket?.send(text),
      close: (code, reason) => {
        given = true;
        socket?.close(code, reason);
      },
    };
  }

  async media(url: string, bearer: string | undefined): Promise<MediaHandle> {
    const path = mediaPath(url);
    if (!path) throw new MediaUnavailable(400);
    const headers: HeadersInit = bearer ? { Authorization: `Bearer ${bearer}` } : {};
    if (gatewayName()) headers[NAME] = gatewayName();
    const response = await fetch(`/media/${path}`, { headers, credentials: "same-origin" });
    if (!response.ok) throw new MediaUnavailable(response.status);
    const blob = await response.blob();
    const objectUrl = URL.createObjectURL(blob);
    return { url: objectUrl, bytes: () => Promise.resolve(blob), release: () => URL.revokeObjectURL(objectUrl) };
  }

  openExternal(url: string): void {
    if (isExternalUrl(url)) window.open(url, "_blank", "noopener,noreferrer");
  }
}
