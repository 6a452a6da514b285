/** The one Markdown configuration: GitHub flavour, no line breaks from single newlines. */
import { Lexer, type Token, type TokensList } from "marked";

export function lexer(source: string): Token[] & Partial<TokensList> {
  return new Lexer({ gfm: true, breaks: false }).lex(source);
}
