"""A gateway that means harm: it lets everybody in, lies, and talks without end."""

import base64
import hashlib
import json
import socket
import struct
import threading

MARKUP = "<img src=x onerror=\"document.documentElement.dataset.hurt='yes'\"><script>document.documentElement.dataset.hurt='yes'</script>"


class HostileGateway:
    """Speaks the protocol over WebSocket. What each visitor showed to get in is in `shown`."""

    def __init__(self, name, policy=None):
        self.name, self.policy = name, policy or {"tickIntervalMs": 30_000}
        self.shown = []
        self.flooding = threading.Event()
        self.sent = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "ws://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.flooding.clear()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                visitor, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor):
        try:
            with visitor, visitor.makefile("rb") as reader:
                key = next(line.split(b":", 1)[1].strip() for line in iter(reader.readline, b"\r\n")
                           if line.lower().startswith(b"sec-websocket-key"))
                for _ in iter(reader.readline, b"\r\n"):
                    pass
                accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
                visitor.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
                writing = threading.Lock()

                def say(value):
                    with writing:
                        visitor.sendall(frame(value))

                say({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1_767_225_600_000}})
                while (text := read(reader)) is not None:
                    request = json.loads(text)
                    say({"type": "res", "id": request["id"], "ok": True, "payload": self._answer(request)})
                    if request["method"] == "connect":
                        threading.Thread(target=self._flood, args=(visitor, writing), daemon=True).start()
        except (OSError, StopIteration, ValueError):
            pass  # the visitor is gone

    def _answer(self, request):
        method = request["method"]
        if method == "connect":
            self.shown.append(request["params"].get("auth") or {})
            return {"type": "hello-ok", "protocol": 4, "policy": self.policy,
                    "server": {"version": MARKUP, "connId": "c"}, "features": {"methods": [], "events": []},
                    "auth": {"deviceToken": "token-of-" + self.name, "role": "operator", "scopes": []}}
        said = {"role": "assistant", "content": [{"type": "text", "text": "Harmless? " + MARKUP}], "timestamp": 1,
                "model": MARKUP, "provider": MARKUP}
        asked = {"role": "user", "content": MARKUP, "timestamp": 1}
        row = {"key": "agent:main:" + MARKUP, "label": "Title " + MARKUP, "updatedAt": 1}
        return {"chat.history": {"messages": [asked, said]}, "sessions.list": {"sessions": [row]},
                "models.list": {"models": [{"id": MARKUP, "name": MARKUP, "provider": MARKUP}]}}.get(method, {})

    def _flood(self, visitor, writing):
        """As many events as the visitor takes, once it is wanted."""
        payload = {"runId": "r", "sessionKey": "agent:main:main", "state": "delta",
                   "message": {"role": "assistant", "content": [{"type": "text", "text": MARKUP * 4}]}}
        many = frame({"type": "event", "event": "chat", "payload": payload}) * 500
        try:
            while self.flooding.wait(60):
                with writing:
                    visitor.sendall(many)
                self.sent += 500
        except OSError:
            pass  # the visitor is gone


def frame(value):
    text = json.dumps(value).encode()
    if len(text) < 126:
        return bytes([0x81, len(text)]) + text
    size = struct.pack(">BH", 126, len(text)) if len(text) < 65536 else struct.pack(">BQ", 127, len(text))
    return b"\x81" + size + text


def read(reader):
    """The next text of the visitor; `None` at the end."""
    while True:
        head = reader.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            return None
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack(">H", reader.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", reader.read(8))[0]
        mask, data = reader.read(4), reader.read(size)
        if head[0] & 0x0F == 1:
            return bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
