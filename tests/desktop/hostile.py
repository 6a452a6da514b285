"""Gateways that mean harm, or are none: they lie, stall, flood and break off, over real sockets."""

import base64
import collections
import hashlib
import json
import struct
import socket
import threading

from far import Front

MARKUP = "<img src=x onerror=\"document.documentElement.dataset.hurt='yes'\"><script>document.documentElement.dataset.hurt='yes'</script>"


class Peer:
    """The gateway's end of a WebSocket."""

    def __init__(self, visitor):
        self.visitor = visitor
        self.reader = visitor.makefile("rb")

    def head(self):
        """The request that wants a WebSocket, read whole."""
        lines = list(iter(self.reader.readline, b"\r\n"))
        if b"" in lines:
            raise ConnectionError("it hung up")
        return b"".join(lines).decode()

    def upgrade(self):
        key = next(line.split(": ", 1)[1] for line in self.head().splitlines()
                   if line.lower().startswith("sec-websocket-key"))
        proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.visitor.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             b"Sec-WebSocket-Accept: " + base64.b64encode(proof) + b"\r\n\r\n")

    def send(self, *values):
        self.visitor.sendall(b"".join(map(frame, values)))

    def receive(self):
        """The next request; an error when there will be none."""
        while True:
            kind, length = self.read(2)
            length &= 127
            if length > 125:
                length = int.from_bytes(self.read(2 if length == 126 else 8), "big")
            mask, data = self.read(4), bytearray(self.read(length))
            for at in range(length):
                data[at] ^= mask[at % 4]
            if kind & 15 == 8:
                raise ConnectionError("it said goodbye")
            if kind & 15 == 1:
                return json.loads(data)

    def read(self, count):
        data = self.reader.read(count)
        if len(data) < count:
            raise ConnectionError("it hung up")
        return data

    def challenge(self):
        """Greets; returns what is said to that."""
        self.upgrade()
        self.send({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1767225600000}})
        return self.receive()


def frame(value):
    data = json.dumps(value).encode()
    size = len(data)
    if size < 126:
        return bytes([0x81, size]) + data
    if size < 65536:
        return struct.pack(">BBH", 0x81, 126, size) + data
    return struct.pack(">BBQ", 0x81, 127, size) + data


class HostileGateway(Front):
    """Speaks the protocol over WebSocket and lets everybody in. What each visitor showed to get in is in `shown`, and in
    `taken` how many events each of them has taken."""

    def __init__(self, name, policy=None):
        self.name, self.policy = name, policy or {"tickIntervalMs": 30_000}
        self.shown = []
        self.flooding = threading.Event()
        self.sent = 0
        self.taken = collections.Counter()
        super().__init__(None)
        self.url = "ws://127.0.0.1:%d" % self.port

    def __exit__(self, *_):
        self.flooding.clear()
        super().__exit__()

    def serve(self, visitor):
        peer, writing = Peer(visitor), threading.Lock()
        request = peer.challenge()
        while True:
            with writing:
                peer.send({"type": "res", "id": request["id"], "ok": True, "payload": self._answer(request)})
            if request["method"] == "connect":
                threading.Thread(target=self._flood, args=(peer, writing), daemon=True).start()
            request = peer.receive()

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

    def _flood(self, peer, writing):
        """As many events as the visitor takes, once it is wanted."""
        try:
            while self.flooding.wait(60):
                many = self.events()
                with writing:
                    peer.send(*many)
                self.sent += len(many)
                self.taken[peer] += len(many)
        except OSError:
            pass  # the visitor is gone

    def events(self):
        payload = {"runId": "r", "sessionKey": "agent:main:main", "state": "delta",
                   "message": {"role": "assistant", "content": [{"type": "text", "text": MARKUP * 4}]}}
        return [{"type": "event", "event": "chat", "payload": payload}] * 500


class Thief(HostileGateway):
    """Serves a page of its own as well, which would have what other pages of its address keep."""

    PAGE = """<title>A page</title><script>
        document.title = "Stolen: " + JSON.stringify({...localStorage});
        navigator.serviceWorker.register("/worker.js");</script>"""
    WORKER = "addEventListener('fetch', (event) => event.respondWith(new Response('Owned')));"

    def serve(self, visitor):
        head = visitor.recv(65536, socket.MSG_PEEK).lower()
        if b"upgrade: websocket" in head:
            return super().serve(visitor)
        visitor.recv(65536)
        kind, body = ("javascript", self.WORKER) if b"worker.js" in head else ("html", self.PAGE)
        visitor.sendall(("HTTP/1.1 200 OK\r\nContent-Type: text/%s\r\nConnection: close\r\n"
                         "Content-Length: %d\r\n\r\n%s" % (kind, len(body), body)).encode())


class Beggar(HostileGateway):
    """Floods with what waits for a person, each time something else."""

    def events(self):
        many = []
        for at in range(self.sent, self.sent + 25):
            request = {"command": "rm -rf " + "/" * 200}
            many += ({"type": "event", "event": event, "payload": payload} for event, payload in (
                ("exec.approval.requested", {"id": "a-%d" % at, "request": request, "expiresAtMs": 4102444800000}),
                ("device.pair.requested", {"requestId": "p-%d" % at, "deviceId": "d", "displayName": "phone" * 20}),
                ("sessions.changed", {"reason": "create", "sessionKey": "s-%d" % at}),
                ("presence", {"presence": [{"text": "x" * 500}]})))
        return many


class Busybody(HostileGateway):
    """Floods with a run that takes up one tool after the other."""

    def events(self):
        return [{"type": "event", "event": "agent", "payload": {
            "runId": "r", "sessionKey": "agent:main:main", "stream": "tool", "seq": at, "ts": 1,
            "data": {"phase": "start", "name": "tool-%d" % (at % 7), "toolCallId": "c-%d" % at}}}
            for at in range(self.sent, self.sent + 500)]


class Firehose(HostileGateway):
    """Floods with large events that nobody has a use for."""

    def events(self):
        payload = {"runId": "r", "sessionKey": "elsewhere", "stream": "x", "seq": 1, "data": {"text": "x" * 16_000}}
        return [{"type": "event", "event": "agent", "payload": payload}] * 10


class Impostor(Front):
    """No gateway at all: does `script` with every visitor."""

    def __init__(self, script):
        self.script = script
        super().__init__(None)

    def serve(self, visitor):
        self.script(Peer(visitor))


def mute(peer):
    peer.visitor.recv(1 << 20)
    peer.visitor.recv(1)


def redirecting(peer):
    peer.head()
    peer.visitor.sendall(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")


def bragging(peer):
    payload = {"type": "hello-ok", "protocol": 4, "more": "x" * (5 << 20)}
    peer.send({"type": "res", "id": peer.challenge()["id"], "ok": True, "payload": payload})
    peer.receive()


def confused(peer):
    peer.challenge()
    for at in range(100):
        peer.send({"type": "res", "id": "of-nobody-%d" % at, "ok": True, "payload": {}})
    peer.receive()
