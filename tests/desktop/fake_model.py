"""A model provider that says what a test tells it to, over the real OpenAI protocol.

    python fake_model.py [--port N] [--delay SECONDS] [--chunk TEXT]...
"""

import argparse
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """One scripted answer: its pieces, the pause before each of them, what the first one waits for, and a command
    to run after them."""

    chunks: list = field(default_factory=lambda: ["Hello", " from", " the", " model."])
    delay: float = 0.02
    hold: threading.Event = None
    command: str = None


class FakeModel:
    """`POST /v1/chat/completions`, streamed. Answers are used in order, the last one again."""

    def __init__(self, *answers, port=0):
        self.answers = list(answers) or [Answer()]
        self.requests = []
        model = self

        class Handler(_Handler):
            owner = model

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/v1" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def next_answer(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path != "/v1/models":
            return self._json(404, {"error": {"message": "no such path"}})
        self._json(200, {"object": "list", "data": [{"id": "mock-1", "object": "model"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if self.path != "/v1/chat/completions":
            return self._json(404, {"error": {"message": "no such path"}})
        self.owner.requests.append(body)
        answer = self.owner.next_answer()
        if body.get("stream"):
            return self._stream(body, answer)
        message = {"role": "assistant", "content": "".join(answer.chunks)}
        self._json(200, self._envelope(body, "chat.completion", [
            {"index": 0, "message": message, "finish_reason": "stop"}]) | {"usage": USAGE})

    def _stream(self, body, answer):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            self._delta(body, {"role": "assistant", "content": ""})
            if answer.hold:
                answer.hold.wait(120)
            for text in answer.chunks:
                time.sleep(answer.delay)
                self._delta(body, {"content": text})
            if answer.command:
                run = {"name": "exec", "arguments": json.dumps({"command": answer.command})}
                call = {"index": 0, "id": "call-1", "type": "function", "function": run}
                self._delta(body, {"tool_calls": [call]})
            self._delta(body, {}, "tool_calls" if answer.command else "stop")
            if (body.get("stream_options") or {}).get("include_usage"):
                self._event(self._envelope(body, "chat.completion.chunk", []) | {"usage": USAGE})
            self._write(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _delta(self, body, delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self._event(self._envelope(body, "chat.completion.chunk", [choice]))

    def _event(self, value):
        self._write(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _write(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _envelope(self, body, kind, choices):
        return {"id": "chatcmpl-1", "object": kind, "created": int(time.time()),
                "model": body.get("model", "mock-1"), "choices": choices}

    def _json(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


USAGE = {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--port", type=int, default=0)
    args.add_argument("--delay", type=float, default=0.05)
    args.add_argument("--chunk", action="append")
    args = args.parse_args()
    answer = Answer(args.chunk or Answer().chunks, args.delay)
    with FakeModel(answer, port=args.port) as model:
        print(model.url, flush=True)
        model.thread.join()


if __name__ == "__main__":
    main()
