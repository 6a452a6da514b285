// Writes src/protocol/contract.d.ts from docs/contract.json, which the gateway's method table makes.
import { readFile, writeFile } from "node:fs/promises";
import { compile } from "json-schema-to-typescript";

const source = new URL("../../docs/contract.json", import.meta.url);
export const target = new URL("../src/protocol/contract.d.ts", import.meta.url);

const closed = (properties) => ({ type: "object", properties, required: Object.keys(properties), additionalProperties: false });

/** `null` stands for absent in parameters; a result that is not described is unknown. */
function inTypeScript(schema) {
  if (schema === true) return { tsType: "unknown" };
  if (Array.isArray(schema)) return schema.map(inTypeScript);
  if (schema === null || typeof schema !== "object") return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name]) => name !== "format" && name !== "$schema")
      .map(([name, value]) => [name, name === "default" || name === "const" || name === "enum" ? value : inTypeScript(value)]),
  );
}

export async function types() {
  const contract = inTypeScript(JSON.parse(await readFile(source, "utf8")));
  const methods = Object.fromEntries(contract.methods.map(({ name, params, result }) => [name, closed({ params, result })]));
  const schema = { ...closed(methods), title: "Methods", $defs: contract.$defs };
  return compile(schema, "Methods", {
    additionalProperties: false,
    bannerComment: "/* Made by `npm run types` from docs/contract.json. Not written by hand. */",
    format: false,
    unknownAny: true,
  });
}

if (process.argv[1] === import.meta.filename) await writeFile(target, await types());
