// running.mjs LOCK_FILE: prints "PID URL" of the gateway that signed the lock file, if it answers.
import { readFile } from "node:fs/promises";

const PATIENCE_MS = 2_000;

/** What the lock file says; a gateway that is gone leaves its words behind. */
async function holder(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return null;
  }
}

function isProcess(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is one too.
    return error.code === "EPERM";
  }
}

async function answers(url) {
  try {
    const answer = await fetch(`${url}health`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return (await answer.json()).status === "live";
  } catch {
    return false;
  }
}

const { pid, address } = (await holder(process.argv[2])) ?? {};
if (Number.isInteger(pid) && pid > 0 && isProcess(pid) && typeof address === "string") {
  const url = `http://${address.replace(/^0\.0\.0\.0:/, "127.0.0.1:")}/`;
  if (await answers(url)) console.log(`${pid} ${url}`);
}
