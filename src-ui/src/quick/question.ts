/** One question to the main conversation and its answer, also across lost connections. Draws nothing. */
import { readHistory } from "../chat/history";
import type { Turn } from "../chat/model";
import { answerText } from "../chat/parts";
import { buildTurns } from "../chat/rows";
import { contentText, visibleReply } from "../chat/visible";
import { isObject, text, type EventFrame } from "../protocol/frames";
import { uuid } from "../protocol/uuid";
import { RequestError } from "../transport/errors";
import type { QuickWords } from "./words";

/** Rows that are looked through for the question and its answer. */
const ROWS = 60;

/** How the question is: words of the prompt, or those of the gateway. */
export type Standing = keyof QuickWords | { reason: string } | null;

export interface View {
  /** The answer so far, as Markdown. */
  answer(markdown: string): void;
  standing(standing: Standing): void;
  /** The gateway has it. */
  arrived(message: string): void;
}

export class Question {
  private sessionKey = "";
  /** The run whose answer is followed. */
  private run: string | null = null;
  /** What may have arrived although its sending failed: sent again under the same key, it runs once. */
  private unsure: { message: string; key: string } | null = null;
  private looks = 0;

  constructor(
    private readonly request: (method: string, params: object) => Promise<unknown>,
    private readonly view: View,
  ) {}

  async ask(sessionKey: string, message: string): Promise<void> {
    const idempotencyKey = this.unsure?.message === message ? this.unsure.key : uuid();
    this.sessionKey = sessionKey;
    this.unsure = { message, key: idempotencyKey };
    this.run = idempotencyKey;
    this.view.answer("");
    this.view.standing("working");
    try {
      const accepted = await this.request("chat.send", { sessionKey, message, idempotencyKey });
      this.arrived(idempotencyKey);
      // It was there already, and so may be its answer.
      if (isObject(accepted) && accepted.status !== "started") await this.takeUp();
    } catch (error) {
      if (this.unsure?.key !== idempotencyKey) return;
      const refused = error instanceof RequestError && error.failure === "refused";
      this.view.standing(refused ? { reason: error.message } : "failed");
    }
  }

  onEvent({ event, payload }: EventFrame): void {
    if (event !== "chat" || !isObject(payload) || this.run === null || payload.runId !== this.run) return;
    this.arrived(this.run);
    const message = isObject(payload.message) ? visibleReply(contentText(payload.message.content)) : "";
    if (message !== "") this.view.answer(message);
    const state = text(payload.state);
    if (state === "delta") return this.view.standing("working");
    const reason = text(payload.errorMessage);
    this.end(state === "final" ? null : state === "aborted" ? "stopped" : reason ? { reason } : "failed");
  }

  /** Events were lost: asks what has become of the question. */
  async takeUp(): Promise<void> {
    const { run, sessionKey } = this;
    if (run === null) return;
    const look = ++this.looks;
    let page;
    try {
      page = readHistory(await this.request("chat.history", { sessionKey, limit: ROWS }), 0);
    } catch {
      return; // The next connection asks again.
    }
    if (look !== this.looks || run !== this.run) return;
    if (page.inFlight?.runId === run) {
      this.arrived(run);
      this.show(visibleReply(page.inFlight.text));
      return this.view.standing("working");
    }
    const turn = buildTurns(page.messages).find((turn) => turn.key === run || turn.run?.id === run);
    if (!turn) return this.view.standing("failed");
    this.arrived(run);
    const answer = answerText(turn);
    this.show(answer);
    if (page.active !== false && answer === "" && !problem(turn)) return this.view.standing("working");
    this.end(outcome(turn, answer));
  }

  private show(answer: string): void {
    if (answer !== "") this.view.answer(answer);
  }

  private arrived(key: string): void {
    if (this.unsure?.key !== key) return;
    this.view.arrived(this.unsure.message);
    this.unsure = null;
  }

  private end(standing: Standing): void {
    this.run = null;
    this.view.standing(standing);
  }
}

function problem(turn: Turn): string | undefined {
  const part = turn.parts.findLast((part) => part.kind === "error");
  return part?.kind === "error" ? part.error.message : undefined;
}

function outcome(turn: Turn, answer: string): Standing {
  const reason = problem(turn);
  if (reason) return { reason };
  if (turn.run?.state === "stopped" || turn.run?.state === "interrupted") return "stopped";
  return answer === "" || turn.run?.state === "failed" ? "failed" : null;
}
