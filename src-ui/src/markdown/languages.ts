/** highlight.js core with the languages people paste into a chat. What it finds becomes `span.hljs-*` around text. */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = {
  bash, c, cpp, csharp, css, diff, go, ini, java, javascript, json, kotlin, markdown, php, python, ruby, rust, sql,
  swift, typescript, xml, yaml,
};

for (const [name, definition] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, definition);
hljs.registerAliases(["json5", "jsonc"], { languageName: "json" });
hljs.registerAliases(["shell", "console"], { languageName: "bash" });
hljs.registerAliases(["svelte", "vue"], { languageName: "xml" });

/** Its way out for what it finds, which would otherwise be HTML. */
class Spans {
  readonly root = document.createDocumentFragment();
  private readonly open: ParentNode[] = [this.root];

  addText(text: string): void {
    if (text !== "") this.open.at(-1)?.append(text);
  }

  openNode(scope: string): void {
    const [first, ...more] = scope.split(".");
    const span = document.createElement("span");
    span.className = [`hljs-${first}`, ...more.map((name, index) => name + "_".repeat(index + 1))].join(" ");
    this.open.at(-1)?.append(span);
    this.open.push(span);
  }

  closeNode(): void {
    if (this.open.length > 1) this.open.pop();
  }

  // It says the same in two ways.
  startScope = this.openNode;
  endScope = this.closeNode;

  __addSublanguage(inner: Spans): void {
    this.open.at(-1)?.append(inner.root);
  }

  finalize(): void {}

  toHTML(): string {
    return "";
  }
}

hljs.configure({ __emitter: Spans });

/** The code with its parts marked; `null` when the language is not known or the code breaks its grammar. */
export function highlight(code: string, lang: string): DocumentFragment | null {
  if (!hljs.getLanguage(lang)) return null;
  const { errorRaised, _emitter } = hljs.highlight(code, { language: lang, ignoreIllegals: true });
  return errorRaised || !(_emitter instanceof Spans) ? null : _emitter.root;
}
