// @vitest-environment node
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
// @ts-expect-error -- a build script without types of its own
import { target, types } from "../../scripts/types.mjs";

it("has the types of the gateway's own method table", async () => {
  expect(await types(), "stale: run `npm run types`").toBe(await readFile(target, "utf8"));
});
