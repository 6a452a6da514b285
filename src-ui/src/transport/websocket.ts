/** Browser transport: a WebSocket to the origin that served the page, and nowhere else. */
import { isExternalUrl, mediaPath, MediaUnavailable, type Link, type MediaHandle, type Transport, type TransportEvents } from "./transport";

function socketUrl(): string {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${location.host}/`;
}

export class WebSocketTransport implements Transport {
  readonly native = false;
  readonly clientId = "webchat-ui";
  readonly clientMode = "webchat";

  open(events: TransportEvents): Link {
    const socket = new WebSocket(socketUrl());
    socket.onopen = () => events.onOpen();
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") events.onText(data);
    };
    socket.onclose = (event) => events.onClose({ code: event.code, reason: event.reason });
    return {
      send: (text) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
    };
  }

  async media(url: string, bearer: string | undefined): Promise<MediaHandle> {
    const path = mediaPath(url);
    if (!path) throw new MediaUnavailable(400);
    const headers: HeadersInit = bearer ? { Authorization: `Bearer ${bearer}` } : {};
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
