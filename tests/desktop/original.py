"""A gateway of the original, of protocol generation 3: it says what was recorded of one."""

import json
import threading
import time

from desktop import HERE
from far import Front
from hostile import Peer

RECORDED = HERE.parent / "fixtures/rpc-v3.json"
TRACES = HERE.parent.parent / "src-ui/tests/fixtures/v3"


class OriginalGateway(Front):
    """Lets everybody in who shows `token`. What was asked of it is in `requests`."""

    def __init__(self, token):
        self.token, self.requests = token, []
        self.peers, self.writing = {}, threading.Lock()
        self.answers = json.loads(RECORDED.read_text())
        self.hello = json.loads((TRACES / "03-hello-ok.json").read_text())["payload"]
        lines = (TRACES / "chat-run.jsonl").read_text().splitlines()
        self.run = [line["frame"] for line in map(json.loads, lines) if line["frame"]["type"] == "event"]
        self.messages = []
        super().__init__(None)
        self.url = "ws://127.0.0.1:%d" % self.port

    def serve(self, visitor):
        peer = Peer(visitor)
        request = peer.challenge()
        low, high = (request["params"][name] for name in ("minProtocol", "maxProtocol"))
        if not low <= 3 <= high or request["params"]["auth"].get("token") != self.token:
            return
        try:
            while True:
                self._answer(peer, request)
                request = peer.receive()
        finally:
            self.peers.pop(peer, None)

    def _answer(self, peer, request):
        method, params = request["method"], request.get("params") or {}
        self.requests.append(request)
        result = {"type": "res", "id": request["id"], "ok": True}
        if method == "connect":
            self.peers[peer] = 0
            result["payload"] = self.hello
        elif method == "chat.history":
            result["payload"] = {"sessionKey": params["sessionKey"], "thinkingLevel": "off", "messages": self.messages}
        elif method == "chat.send":
            result["payload"] = {"runId": params["idempotencyKey"], "status": "started"}
            threading.Thread(target=self._run, args=(params,), daemon=True).start()
        else:
            recorded = self.answers.get(method, self.answers["nope"])[-1]
            if "payload" in recorded:
                result["payload"] = recorded["payload"]
            else:
                result |= {"ok": False, "error": recorded["error"]}
        with self.writing:
            peer.send(result)

    def _run(self, asked):
        """The recorded run, as if that had been asked."""
        for frame in self.run:
            payload = frame["payload"] | {"runId": asked["idempotencyKey"], "sessionKey": asked["sessionKey"]}
            time.sleep(0.02)
            if payload.get("state") == "final":
                self.messages = [{"role": "user", "content": [{"type": "text", "text": asked["message"]}], "timestamp": 1},
                                 payload["message"]]
            with self.writing:
                for peer in list(self.peers):
                    self.peers[peer] += 1
                    peer.send(frame | {"payload": payload, "seq": self.peers[peer]})
