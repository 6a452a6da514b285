/** The lazily loaded highlighter, worked through in short slices off the frame. */

const BUDGET_MS = 8;
const MAX_CHARACTERS = 100_000;
const MAX_LINES = 2_000;

type Highlighter = (code: string, lang: string) => DocumentFragment | null;

const queue: { node: HTMLElement; lang: string }[] = [];
let running = false;
let loaded: Highlighter | null = null;

/** Colours a finished code element when it is worth it and the language is known. */
export function highlightSoon(node: HTMLElement, lang: string): void {
  const code = node.textContent ?? "";
  if (lang === "" || code.length > MAX_CHARACTERS || code.split("\n").length > MAX_LINES) return;
  queue.push({ node, lang });
  if (!running) {
    running = true;
    void work();
  }
}

async function work(): Promise<void> {
  try {
    loaded ??= (await import("./languages")).highlight;
    while (queue.length > 0) {
      slice(loaded);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } catch {
    // Without the chunk code stays plain, which is readable.
    queue.length = 0;
  } finally {
    running = false;
  }
}

function slice(highlight: Highlighter): void {
  const end = performance.now() + BUDGET_MS;
  while (queue.length > 0 && performance.now() < end) {
    const job = queue.shift();
    if (!job?.node.isConnected) continue;
    const parts = highlight(job.node.textContent ?? "", job.lang);
    if (parts) job.node.replaceChildren(parts);
  }
}
