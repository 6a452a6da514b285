/** Tokens to sanitised HTML. Raw HTML is shown as text; only web and mail links are links; remote images never load. */
import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";
import { language } from "./blocks";

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

const SAFE_LINK = /^(https?:\/\/|mailto:)/i;
const SAFE_DATA_IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/;
const MAX_DATA_IMAGE = 2_000_000;

/** Control characters inside a scheme fool readers and some parsers, so such an address is no link at all. */
export function safeHref(href: string): string | null {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f-\u009f]/.test(href)) return null;
  return SAFE_LINK.test(href) ? href : null;
}

function link(href: string, inner: string, title?: string | null): string {
  const safe = safeHref(href);
  if (!safe) return inner;
  const tip = escapeHtml(title ? `${title} (${safe})` : safe);
  return `<a href="${escapeHtml(safe)}" title="${tip}" target="_blank" rel="noopener noreferrer">${inner}</a>`;
}

function image(token: Tokens.Image): string {
  const alt = escapeHtml(token.text || token.href.slice(0, 80));
  if (token.href.length <= MAX_DATA_IMAGE && SAFE_DATA_IMAGE.test(token.href)) {
    return `<img src="${token.href}" alt="${alt}">`;
  }
  return `<span class="remote-image">${link(token.href, alt)}</span>`;
}

function codeBlock(token: Tokens.Code): string {
  const lang = language(token.lang);
  const attribute = lang ? ` data-lang="${lang}"` : "";
  return `<div class="codec"><div class="codec-head"><span>${lang}</span><button type="button" data-copy></button></div><pre><code${attribute}>${escapeHtml(token.text)}</code></pre></div>`;
}

const marked = new Marked({
  gfm: true,
  renderer: {
    html: (token) => escapeHtml(token.text),
    code: codeBlock,
    image,
    link(token) {
      return link(token.href, this.parser.parseInline(token.tokens), token.title);
    },
    table(token) {
      const header = token.header.map((cell) => this.tablecell(cell)).join("");
      const rows = token.rows.map((row) => `<tr>${row.map((cell) => this.tablecell(cell)).join("")}</tr>`).join("");
      return `<div class="tbl" tabindex="0"><table><thead><tr>${header}</tr></thead><tbody>${rows}</tbody></table></div>`;
    },
    tablecell(token) {
      const tag = token.header ? "th" : "td";
      const numeric = !token.header && /^[-+$€£]?[\d.,\s]+ ?[%a-zA-Z]{0,3}$/.test(token.text.trim()) && /\d/.test(token.text);
      const classes = [token.align === "right" || numeric ? "num" : "", token.align === "center" ? "mid" : ""].join(" ").trim();
      return `<${tag}${classes ? ` class="${classes}"` : ""}>${this.parser.parseInline(token.tokens)}</${tag}>`;
    },
    checkbox: ({ checked }) => `<input type="checkbox" disabled${checked ? " checked" : ""}> `,
  },
});

const ALLOWED_TAGS = [
  "a", "blockquote", "br", "button", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img",
  "input", "li", "ol", "p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
];
const ALLOWED_ATTR = [
  "alt", "checked", "class", "data-copy", "data-lang", "disabled", "href", "rel", "src", "start", "tabindex", "target",
  "title", "type",
];

let hooked = false;

/** A second wall behind the renderer: whatever slips through it still cannot load, run or navigate. */
function hookOnce(): void {
  if (hooked) return;
  hooked = true;
  DOMPurify.addHook("uponSanitizeAttribute", (_node, data) => {
    if (data.attrName === "href" && !safeHref(data.attrValue)) data.keepAttr = false;
    if (data.attrName === "src" && !SAFE_DATA_IMAGE.test(data.attrValue)) data.keepAttr = false;
    if (data.attrName === "type" && !/^(checkbox|button)$/.test(data.attrValue)) data.keepAttr = false;
  });
  DOMPurify.addHook("afterSanitizeAttributes", (node) => {
    if (node.tagName === "A") {
      node.setAttribute("rel", "noopener noreferrer");
      node.setAttribute("target", "_blank");
    }
    if (node.tagName === "INPUT") node.setAttribute("disabled", "");
  });
}

export function sanitise(html: string): string {
  hookOnce();
  return DOMPurify.sanitize(html, { ALLOWED_TAGS, ALLOWED_ATTR, ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false });
}

export function renderTokens(tokens: Token[]): string {
  return sanitise(marked.parser(tokens));
}
