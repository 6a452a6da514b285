// A model provider that says what a test tells it to, over the real OpenAI chat protocol.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const USAGE = { prompt_tokens: 12, completion_tokens: 4, total_tokens: 16 };

/** An answer the test feeds piece by piece: `say`, then `end` or `cut`. */
class HeldAnswer {
  #pieces = [];
  #wake = () => {};
  /** Resolves when the gateway hangs up before the answer is complete. */
  hungUp = new Promise((resolve) => (this.noteHangUp = resolve));

  say(text) {
    this.#push({ text });
  }

  /** Completes the answer. */
  end() {
    this.#push({ end: true });
  }

  /** Breaks the connection in the middle of the answer. */
  cut() {
    this.#push({ cut: true });
  }

  #push(piece) {
    this.#pieces.push(piece);
    this.#wake();
  }

  async script(reply) {
    reply.begin();
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece === undefined) await new Promise((resolve) => (this.#wake = resolve));
      else if (piece.cut) return reply.cut();
      else if (piece.end) return reply.finish();
      else reply.text(piece.text);
    }
  }
}

/** One streamed HTTP answer in the protocol's words. */
class Reply {
  constructor(response, request) {
    this.response = response;
    this.request = request;
  }

  begin() {
    this.response.writeHead(200, { "content-type": "text/event-stream" });
    this.#delta({ role: "assistant", content: "" });
  }

  text(content) {
    this.#delta({ content });
  }

  toolCall(name, args) {
    const call = { index: 0, id: "call_1", type: "function", function: { name, arguments: JSON.stringify(args) } };
    this.#delta({ tool_calls: [call] });
  }

  finish(reason = "stop") {
    this.#delta({}, reason);
    if (this.request.stream_options?.include_usage) this.#chunk({ choices: [], usage: USAGE });
    this.response.end("data: [DONE]\n\n");
  }

  fail(status, error, headers = {}) {
    this.response.writeHead(status, { "content-type": "application/json", ...headers });
    this.response.end(JSON.stringify({ error }));
  }

  cut() {
    this.response.destroy();
  }

  #delta(delta, finish_reason = null) {
    this.#chunk({ choices: [{ index: 0, delta, finish_reason }] });
  }

  #chunk(rest) {
    const { model } = this.request;
    const chunk = { id: "chatcmpl-1", object: "chat.completion.chunk", created: Math.floor(Date.now() / 1000), model, ...rest };
    this.response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
}

/** `POST /v1/chat/completions`. Scripts are used in order; without one it answers "Understood." */
export class FakeModel {
  /** Request bodies, oldest first. */
  requests = [];
  #scripts = [];
  #server = createServer((request, response) => void this.#answer(request, response));

  static async start() {
    const model = new FakeModel();
    await new Promise((resolve) => model.#server.listen(0, "127.0.0.1", resolve));
    return model;
  }

  get baseUrl() {
    return `http://127.0.0.1:${this.#server.address().port}/v1`;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  /** Text of the newest user message of request `index`. */
  asked(index = -1) {
    const content = this.requests.at(index)?.messages.findLast((message) => message.role === "user")?.content ?? "";
    return typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
  }

  says(text) {
    this.#add(async (reply) => {
      reply.begin();
      reply.text(text);
      reply.finish();
    });
  }

  saysSlowly(text, pauseMs) {
    this.#add(async (reply) => {
      reply.begin();
      for (const word of text.split(/(?<= )/)) {
        await sleep(pauseMs);
        reply.text(word);
      }
      reply.finish();
    });
  }

  holds() {
    const held = new HeldAnswer();
    this.#add((reply) => {
      reply.response.once("close", () => {
        if (!reply.response.writableFinished) held.noteHangUp();
      });
      return held.script(reply);
    });
    return held;
  }

  callsTool(name, args) {
    this.#add(async (reply) => {
      reply.begin();
      reply.toolCall(name, args);
      reply.finish("tool_calls");
    });
  }

  refuses(status, error, headers) {
    this.#add(async (reply) => reply.fail(status, error, headers));
  }

  #add(script) {
    this.#scripts.push(script);
  }

  async #answer(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
      response.writeHead(404).end();
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString());
    this.requests.push(body);
    const reply = new Reply(response, body);
    const script = this.#scripts.shift();
    if (script) return script(reply);
    reply.begin();
    reply.text("Understood.");
    reply.finish();
  }
}
