import { describe, expect, it } from "vitest";
import { BlockStream } from "../../src/markdown/blocks";
import { renderTokens } from "../../src/markdown/render";

const ANSWERS = [
  "# Title\n\nOne **bold** line with `code` and [a link](https://example.org/x).\n\n- a\n- b\n  - c\n\n    more c\n- d\n\nEnd.",
  "Intro\n\n```json\n{ \"a\": 1,\n\n  \"b\": 2 }\n```\n\nAfter\n\n~~~\nplain\n~~~\ntail",
  "| A | B |\n|---|--:|\n| 1 | 2 |\n| x | y |\n\nText under\n=====\n\nSecond\n---\n\n> quote\nlazy\n\n1. one\n2. two\n\n   ```sh\n   ls\n   ```\n3. three",
  "- [ ] task\n- [x] done\n\n***\n\nhttps://example.org and ~~gone~~\n\n    indented code\n\n    more\n\nlast <b>raw</b> <!-- comment\n\nstill --> out",
  "See [ref] and [other][o].\n\nMore text here.\n\nAnd more.\n\n[ref]: https://example.org\n[o]: https://example.com \"t\"",
  "a\nb\nc\n\n* x\n\n* y\n\n\n* z\n\n\ntext\n\n<div>\nhi\n\n</div>\n\nfin",
];

/** Deterministic, so that a red run can be repeated. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

function draw(stream: BlockStream, text: string, open: boolean): string {
  const root = document.createElement("div");
  root.append(...stream.update(text, open).map((block) => renderTokens(block.tokens)));
  return root.innerHTML;
}

describe("streamed Markdown", () => {
  it("ends as the one-shot rendering for 2,000 random cuts", () => {
    const random = generator(7);
    // Tokens decide the HTML completely, and are far quicker to compare.
    const tokens = (stream: BlockStream, answer: string) => JSON.stringify(stream.update(answer, false));
    const whole = ANSWERS.map((answer) => tokens(new BlockStream(), answer));
    for (let round = 0; round < 2_000; round++) {
      const index = round % ANSWERS.length;
      const answer = ANSWERS[index]!;
      const stream = new BlockStream();
      let position = 0;
      while (position < answer.length) {
        position = Math.min(answer.length, position + 1 + Math.floor(random() * (random() < 0.3 ? 40 : 9)));
        stream.update(answer.slice(0, position), true);
      }
      expect(tokens(stream, answer)).toBe(whole[index]);
    }
  });

  it("keeps settled blocks identical while text arrives", () => {
    const stream = new BlockStream();
    const answer = `${"Paragraph of text.\n\n".repeat(20)}tail`;
    const first = stream.update(answer.slice(0, 200), true);
    const second = stream.update(answer, true);
    expect(second[0]).toBe(first[0]);
    expect(second[3]).toBe(first[3]);
  });

  it("draws only the block that grows again", () => {
    const stream = new BlockStream();
    const first = stream.update("# Title\n\nSome wo", true);
    const second = stream.update("# Title\n\nSome words", true);
    expect(second[0]).toBe(first[0]);
    expect(second[1]).not.toBe(first[1]);
  });

  it("draws a link again once its address is known", () => {
    const stream = new BlockStream();
    stream.update("See [ref].\n\n[ref]: https://example.org/", true);
    expect(draw(stream, "See [ref].\n\n[ref]: https://example.org/a", true)).toContain('href="https://example.org/a"');
  });

  it("starts over when the text is replaced", () => {
    const stream = new BlockStream();
    stream.update("one\n\ntwo\n\nthree\n\nfour", true);
    expect(draw(stream, "else\n\ntwo", true)).toBe("<p>else</p><p>two</p>");
  });

  it("shows an unfinished fence as open code", () => {
    const stream = new BlockStream();
    const blocks = stream.update("Text\n\n```rust\nfn main() {", true);
    expect(blocks.at(-1)?.code).toEqual({ text: "fn main() {", lang: "rust", open: true });
    const closed = stream.update("Text\n\n```rust\nfn main() {}\n```\n", true);
    expect(closed.at(-1)?.code).toEqual({ text: "fn main() {}", lang: "rust", open: false });
  });

  it.each([
    ["half **bold", "<strong>bold</strong>"],
    ["half `code", "<code>code</code>"],
    ["see [the page](https://exam", "see the page"],
    ["an *italic word", "<em>italic word</em>"],
    ["old ~~gone", "<del>gone</del>"],
  ])("closes %j while it grows", (text, expected) => {
    const html = draw(new BlockStream(), text, true);
    expect(html).toContain(expected);
    expect(html).not.toMatch(/\*|`|~~|\]\(/);
  });
});
