/** Why a request did not bring a result. */
import { text, type WireError } from "../protocol/frames";

export type RequestFailure = "refused" | "timeout" | "disconnected";

export class RequestError extends Error {
  private constructor(
    readonly failure: RequestFailure,
    readonly code: string,
    message: string,
    readonly retryAfterMs?: number,
  ) {
    super(message);
    this.name = "RequestError";
  }

  static refused(error: WireError | undefined): RequestError {
    const code = text(error?.details?.code) ?? error?.code ?? "UNAVAILABLE";
    return new RequestError("refused", code, error?.message ?? "", error?.retryAfterMs);
  }

  static timeout(method: string, ms: number): RequestError {
    return new RequestError("timeout", "TIMEOUT", `${method}: no answer after ${Math.round(ms / 1000)} s`);
  }

  static disconnected(): RequestError {
    return new RequestError("disconnected", "DISCONNECTED", "The connection to the gateway ended.");
  }
}
