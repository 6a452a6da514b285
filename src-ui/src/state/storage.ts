/** Local storage that never throws: private windows and full disks lose convenience, not the page. */
const PREFIX = "webchat:";

/**
 * Which gateway the page is about: empty for the one whose own address this is, otherwise the name that a front door
 * or the app gives it. What is kept of one gateway is not for another, although all of them share this storage.
 */
let gateway = typeof document === "undefined" ? "" : (document.querySelector<HTMLMetaElement>('meta[name="clawdbot-gateway"]')?.content ?? "");

export function gatewayName(): string {
  return gateway;
}

export function turnTo(name: string): void {
  gateway = name;
}

/** A key of what belongs to one gateway. */
export function here(key: string): string {
  return gateway === "" ? key : `${key}@${gateway}`;
}

export function readText(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function writeText(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // Nothing better to do: the value stays in memory for this page.
  }
}

export function removeKey(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // As above.
  }
}

export function readJson(key: string): unknown {
  const raw = readText(key);
  if (raw === null) return null;
  try {
    return JSON.parse(raw) as unknown;
  } catch {
    return null;
  }
}

export function writeJson(key: string, value: unknown): void {
  writeText(key, JSON.stringify(value));
}

/** Removes everything the interface keeps in this browser. */
export function clearAll(): void {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    for (const key of keys) localStorage.removeItem(key);
  } catch {
    // As above.
  }
}
