// The real `clawdbot gateway` in a state directory of its own.
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const START_MS = 20_000;
const STOP_MS = 10_000;

function configuration(model, token) {
  const entry = { reasoning: false, contextWindow: 32_000, maxTokens: 2_000 };
  return {
    gateway: { mode: "local", auth: { mode: "token", token } },
    models: {
      providers: {
        mock: {
          baseUrl: model.baseUrl,
          apiKey: "mock-key-0123456789abcdef",
          api: "openai-completions",
          models: [
            { id: "mock-1", name: "Mock One", input: ["text", "image"], ...entry },
            { id: "mock-2", name: "Mock Two", input: ["text", "image"], ...entry },
          ],
        },
      },
    },
    agents: { defaults: { model: { primary: "mock/mock-1" } } },
  };
}

/** Resolves with the port of the `listening on` line; rejects with all output if it never comes. */
function listening(child) {
  return new Promise((resolve, reject) => {
    let output = "";
    const give = (reason) => reject(new Error(`clawdbot gateway ${reason}:\n${output}`));
    const timer = setTimeout(() => give("did not say that it listens"), START_MS);
    const read = (chunk) => {
      output += chunk;
      const port = /listening on ws:\/\/127\.0\.0\.1:(\d+) \(PID \d+\)/.exec(output)?.[1];
      if (!port) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("error", reject);
    child.once("exit", () => give("ended at once"));
  });
}

const exited = (child) =>
  child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once("exit", resolve));

export class GatewayProcess {
  #child;
  #home;
  #args;

  /** Starts one. Without a model it has no configuration at all. */
  static async start(model) {
    const gateway = new GatewayProcess();
    gateway.#home = await mkdtemp(join(tmpdir(), "clawdbot-e2e-"));
    gateway.#args = ["--allow-unconfigured"];
    if (model) {
      gateway.token = randomBytes(24).toString("base64url");
      gateway.#args = [];
      await writeFile(join(gateway.#home, "clawdbot.json"), JSON.stringify(configuration(model, gateway.token)), { mode: 0o600 });
    }
    gateway.port = 0;
    await gateway.restart();
    gateway.token ??= JSON.parse(await readFile(join(gateway.#home, "clawdbot.json"), "utf8")).gateway.auth.token;
    return gateway;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  get #env() {
    return {
      PATH: process.env.PATH,
      HOME: this.#home,
      CLAWDBOT_STATE_DIR: this.#home,
      CLAWDBOT_WORKSPACE_DIR: join(this.#home, "workspace"),
      CLAWDBOT_SKIP_PROVIDERS: "1",
      CLAWDBOT_GATEWAY_PORT: String(this.port),
    };
  }

  /** What another command prints on this computer. */
  async clawdbot(...args) {
    const { stdout } = await promisify(execFile)(process.env.CLAWDBOT_BIN, args, { env: this.#env });
    return stdout.trim();
  }

  /** Starts the process again, on the same port and state. */
  async restart() {
    const env = this.#env;
    this.#child = spawn(process.env.CLAWDBOT_BIN, ["gateway", "--port", String(this.port), ...this.#args], { env });
    this.port = await listening(this.#child);
  }

  /** What is in its configuration file now. */
  async config() {
    return JSON.parse(await readFile(join(this.#home, "clawdbot.json"), "utf8"));
  }

  /** Begins again with a configuration that `change` has made another one. */
  async reconfigure(change) {
    const config = await this.config();
    change(config);
    await this.kill();
    await writeFile(join(this.#home, "clawdbot.json"), JSON.stringify(config), { mode: 0o600 });
    await this.restart();
  }

  /** The power cord. */
  async kill() {
    this.#child.kill("SIGKILL");
    await exited(this.#child);
  }

  /** Stops it in order, says what went wrong on the way, and leaves nothing behind. */
  async stop() {
    const running = this.#child.exitCode === null && this.#child.signalCode === null;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await exited(this.#child);
    clearTimeout(timer);
    const log = await readFile(join(this.#home, "logs", "gateway.log"), "utf8");
    await rm(this.#home, { recursive: true, force: true });
    const problems = [];
    if (running && this.#child.exitCode !== 0) {
      problems.push(`the gateway ended with ${this.#child.exitCode ?? this.#child.signalCode} when asked to stop`);
    }
    if (log.includes(this.token)) problems.push("the access token is in the gateway's log");
    return problems;
  }
}
