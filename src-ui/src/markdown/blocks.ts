/**
 * Splits growing Markdown at top-level blocks. Finished blocks are lexed once and never touched again; only the tail,
 * whose meaning can still change, is lexed again when text arrives.
 */
import type { Token, Tokens } from "marked";
import { closeOpenMarks } from "./close";
import { lexer } from "./lexer";

export interface Block {
  /** Position in the answer; stable, because blocks are only ever appended or changed at the end. */
  key: number;
  tokens: Token[];
  /** What follows can still change it. */
  open: boolean;
  /** Set for a top-level fence, which is drawn by its own component. */
  code?: { text: string; lang: string; open: boolean };
}

/** A list, a table or a setext heading can still swallow or be changed by what follows it. */
const TAIL_BLOCKS = 2;

export class BlockStream {
  private source = "";
  private settledLength = 0;
  private settled: Block[] = [];
  private hasReferences = false;
  /** What was drawn of the tail the last time; what of it stays the same is not drawn again. */
  private tail: Block[] = [];

  /** The blocks of `text`. `open` says that more will follow. */
  update(text: string, open: boolean): Block[] {
    if (!text.startsWith(this.source.slice(0, this.settledLength))) this.reset();
    this.source = text;
    if (!open) return this.finish(text);
    const tokens = this.settle(lexer(text.slice(this.settledLength)));
    const before = this.tail;
    const blocks = tailBlocks(text.slice(this.settledLength), tokens, this.settled.length);
    const tail = blocks.map((block) => before.find((other) => isSame(other, block)) ?? block);
    // With definitions about, the same words can mean another link.
    this.tail = this.hasReferences || hasDefinitions(tokens) ? [] : tail;
    return [...this.settled, ...tail];
  }

  private finish(text: string): Block[] {
    let tokens = lexer(text.slice(this.settledLength));
    if (this.settledLength > 0 && (this.hasReferences || hasDefinitions(tokens))) {
      // A definition found late changes links that were drawn before it.
      this.reset();
      tokens = lexer(text);
    }
    return [...this.settled, ...toBlocks(tokens, this.settled.length, false)];
  }

  /** Moves what can no longer change out of the tail and returns the rest. */
  private settle(tokens: Token[]): Token[] {
    const solid = tokens.flatMap((token, index) => (token.type === "space" ? [] : [index]));
    const cut = solid.at(-TAIL_BLOCKS);
    if (cut === undefined || cut === 0) return tokens;
    const done = tokens.slice(0, cut);
    this.hasReferences ||= hasDefinitions(done);
    this.settled = [...this.settled, ...toBlocks(done, this.settled.length, false)];
    this.settledLength += done.reduce((sum, token) => sum + token.raw.length, 0);
    return tokens.slice(cut);
  }

  private reset(): void {
    this.settledLength = 0;
    this.settled = [];
    this.hasReferences = false;
    this.tail = [];
  }
}

function isSame(a: Block, b: Block): boolean {
  return a.key === b.key && a.tokens[0]?.raw === b.tokens[0]?.raw && a.code?.open === b.code?.open;
}

function hasDefinitions(tokens: Token[]): boolean {
  return tokens.some((token) => token.type === "def");
}

function tailBlocks(rest: string, tokens: Token[], firstKey: number): Block[] {
  const last = tokens.findLast((token) => token.type !== "space");
  if (!last || last.type === "code" || last.type === "html") return toBlocks(tokens, firstKey, true);
  const closed = closeOpenMarks(rest);
  return toBlocks(closed === rest ? tokens : lexer(closed), firstKey, true);
}

function toBlocks(tokens: Token[], firstKey: number, open: boolean): Block[] {
  const solid = tokens.filter((token) => token.type !== "space" && token.type !== "def");
  return solid.map((token, index): Block => {
    const block: Block = { key: firstKey + index, tokens: [token], open };
    if (token.type === "code") {
      const code = token as Tokens.Code;
      const isLast = index === solid.length - 1;
      block.code = { text: code.text, lang: language(code.lang), open: open && isLast && !isClosedFence(code.raw) };
    }
    return block;
  });
}

function isClosedFence(raw: string): boolean {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(raw)?.[1];
  if (!fence) return true;
  const lines = raw.trimEnd().split("\n");
  const end = lines.at(-1)?.trim() ?? "";
  return lines.length > 1 && end.length >= fence.length && end.replaceAll(fence[0] ?? "`", "") === "";
}

/** The first word of an info string, if it looks like a language. */
export function language(info: string | undefined): string {
  const word = info?.trim().split(/[\s{,]/)[0]?.toLowerCase() ?? "";
  return /^[a-z0-9+#._-]{1,30}$/.test(word) ? word : "";
}
