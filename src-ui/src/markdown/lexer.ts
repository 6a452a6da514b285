/** The one Markdown configuration: GitHub flavour, no line breaks from single newlines. */
import { Marked, type Token, type TokensList } from "marked";

const marked = new Marked({ gfm: true, breaks: false });

export function lexer(source: string): Token[] & Partial<TokensList> {
  return marked.lexer(source);
}
