// Sums what a browser must load before the page works, and fails over budget.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url).pathname;
const BUDGETS = { js: 95_000, css: 16_000, disk: 1_500_000 };

if (!existsSync(join(DIST, "index.html"))) {
  console.error("dist/index.html is missing: run `npm run build` first.");
  process.exit(1);
}
const html = readFileSync(join(DIST, "index.html"), "utf8");
const gzipped = (file) => gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length;
const sum = (pattern) => [...html.matchAll(pattern)].reduce((total, match) => total + gzipped(match[1]), 0);
const walk = (folder) =>
  readdirSync(folder, { withFileTypes: true }).reduce(
    (total, entry) => total + (entry.isDirectory() ? walk(join(folder, entry.name)) : statSync(join(folder, entry.name)).size),
    0,
  );

const js = sum(/<script[^>]+src="\/([^"]+\.js)"/g) + sum(/<link[^>]+rel="modulepreload"[^>]+href="\/([^"]+)"/g);
const css = sum(/<link[^>]+rel="stylesheet"[^>]+href="\/([^"]+)"/g);
const disk = walk(DIST);

const over = Object.entries({ js, css, disk }).filter(([name, bytes]) => bytes > BUDGETS[name]);
for (const [name, bytes] of Object.entries({ js, css, disk })) {
  console.log(`${name.padEnd(5)} ${String(bytes).padStart(8)} of ${BUDGETS[name]} bytes${name === "disk" ? "" : ", gzip -9"}`);
}
if (over.length > 0) {
  console.error(`Over budget: ${over.map(([name]) => name).join(", ")}.`);
  process.exit(1);
}
