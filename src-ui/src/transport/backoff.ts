/** Reconnect delays: 0.8 s growing by 1.7 up to 15 s, with 20 % jitter either way. */
const FIRST_MS = 800;
const FACTOR = 1.7;
const LIMIT_MS = 15_000;
const JITTER = 0.2;

export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const base = Math.min(FIRST_MS * FACTOR ** Math.max(0, attempt), LIMIT_MS);
  return Math.round(base * (1 - JITTER + 2 * JITTER * random()));
}
