/**
 * Tokens to nodes. What a model writes only ever becomes text, or one of a few checked attributes: no HTML is parsed, so
 * there is none to clean. Raw HTML is shown as text; only web and mail links are links; remote images never load.
 */
import type { MarkedToken, Token, Tokens } from "marked";
import { language } from "./blocks";

const SAFE_LINK = /^(https?:\/\/|mailto:)/i;
const SAFE_DATA_IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/;
const MAX_DATA_IMAGE = 2_000_000;
const NUMBER = /^[-+$€£]?[\d.,\s]*\d[\d.,\s]* ?[%a-zA-Z]{0,3}$/;
const ENTITY = /&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][\da-z]{1,31});/gi;

/** Control characters inside a scheme fool readers and some parsers, so such an address is no link at all. */
export function safeHref(href: string): string | null {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f-\u009f]/.test(href)) return null;
  return SAFE_LINK.test(href) ? href : null;
}

type Attributes = Readonly<Record<string, string>>;

function element(tag: string, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElement {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

let well: HTMLTextAreaElement | undefined;

/** Only the browser knows all the names; in this element it makes nothing but text of them. */
function character(entity: string): string {
  well ??= document.createElement("textarea");
  well.innerHTML = entity;
  return well.value;
}

const readable = (text: string) => (text.includes("&") ? text.replace(ENTITY, character) : text);

function link(href: string, inner: Node, title?: string | null): Node {
  const safe = safeHref(href);
  if (!safe) return inner;
  return element("a", { href: safe, title: title ? `${title} (${safe})` : safe, target: "_blank", rel: "noopener noreferrer" }, inner);
}

function image(token: Tokens.Image): Node {
  const alt = token.text || token.href.slice(0, 80);
  if (token.href.length <= MAX_DATA_IMAGE && SAFE_DATA_IMAGE.test(token.href)) return element("img", { src: token.href, alt });
  return element("span", { class: "remote-image" }, link(token.href, document.createTextNode(alt)));
}

function checkbox(checked: boolean): Node {
  const fragment = document.createDocumentFragment();
  fragment.append(element("input", { type: "checkbox", disabled: "", ...(checked && { checked: "" }) }), " ");
  return fragment;
}

/** Draws tokens; `copy` is the label of the buttons on its code, which has none without it. */
class Drawing {
  constructor(private readonly copy: string | undefined) {}

  all(tokens: readonly Token[] = []): DocumentFragment {
    const fragment = document.createDocumentFragment();
    for (const token of tokens) {
      const node = this.one(token as MarkedToken);
      if (node) fragment.append(node);
    }
    return fragment;
  }

  private one(token: MarkedToken): Node | null {
    switch (token.type) {
      case "space":
      case "def":
        return null;
      case "heading":
        return element(`h${token.depth}`, {}, this.all(token.tokens));
      case "paragraph":
        return element("p", {}, this.all(token.tokens));
      case "blockquote":
        return element("blockquote", {}, this.all(token.tokens));
      case "strong":
      case "em":
      case "del":
        return element(token.type, {}, this.all(token.tokens));
      case "hr":
      case "br":
        return element(token.type);
      case "list":
        return this.list(token);
      case "list_item":
        return element("li", {}, this.all(token.tokens));
      case "checkbox":
        return checkbox(token.checked);
      case "table":
        return this.table(token);
      case "code":
        return this.code(token);
      case "codespan":
        return element("code", {}, token.text);
      case "link":
        return link(token.href, this.all(token.tokens), token.title);
      case "image":
        return image(token);
      case "html":
        return document.createTextNode(token.text);
      case "escape":
        return document.createTextNode(token.text);
      case "text":
        return "tokens" in token && token.tokens ? this.all(token.tokens) : document.createTextNode(readable(token.text));
    }
  }

  private list(token: Tokens.List): Node {
    const start = token.ordered && token.start !== "" && token.start !== 1 ? { start: String(token.start) } : undefined;
    return element(token.ordered ? "ol" : "ul", start, this.all(token.items));
  }

  private code(token: Tokens.Code): Node {
    const lang = language(token.lang);
    const head = element("div", { class: "codec-head" }, element("span", {}, lang));
    if (this.copy !== undefined) head.append(element("button", { type: "button", "data-copy": "" }, this.copy));
    const code = element("code", lang ? { "data-lang": lang } : {}, token.text);
    return element("div", { class: "codec" }, head, element("pre", {}, code));
  }

  private table(token: Tokens.Table): Node {
    const row = (cells: Tokens.TableCell[]) => element("tr", {}, ...cells.map((cell) => this.cell(cell)));
    const head = element("thead", {}, row(token.header));
    const table = element("table", {}, head, element("tbody", {}, ...token.rows.map(row)));
    return element("div", { class: "tbl", tabindex: "0" }, table);
  }

  private cell(token: Tokens.TableCell): Node {
    const numeric = !token.header && NUMBER.test(token.text.trim());
    const side = [token.align === "right" || numeric ? "num" : "", token.align === "center" ? "mid" : ""].join(" ").trim();
    return element(token.header ? "th" : "td", side ? { class: side } : {}, this.all(token.tokens));
  }
}

export function renderTokens(tokens: readonly Token[], copy?: string): DocumentFragment {
  return new Drawing(copy).all(tokens);
}
