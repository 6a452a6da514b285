/** Something under way that a person started: shown while it lasts, and its failure afterwards. */
import { untrack } from "svelte";
import { reasonOf } from "../state/conversations.svelte";
import { reason } from "../desktop/commands";
import { RequestError } from "../transport/errors";

export class Work {
  running = $state(false);
  problem = $state("");

  /** Runs one thing at a time; tells whether it succeeded. */
  async run(what: () => Promise<unknown>): Promise<boolean> {
    // Whoever starts it in an effect does not start it again because it has ended.
    if (untrack(() => this.running)) return false;
    this.running = true;
    this.problem = "";
    try {
      await what();
      return true;
    } catch (error) {
      this.problem = sentence(error);
      return false;
    } finally {
      this.running = false;
    }
  }
}

export function sentence(error: unknown): string {
  return error instanceof RequestError ? (reasonOf(error) ?? error.message) : reason(error);
}
