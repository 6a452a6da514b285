/** Addresses: `/`, `/chat` and `/chat/<sessionKey>`. Query strings and unknown fragments are ignored on purpose. */

export function keyFromPath(path: string): string | null {
  const match = /^\/chat\/([^/]+)\/?$/.exec(path);
  if (!match?.[1]) return null;
  try {
    const key = decodeURIComponent(match[1]);
    return key.length <= 512 && !/[\u0000-\u001f]/.test(key) ? key : null;
  } catch {
    return null;
  }
}

export function pathForKey(key: string): string {
  return `/chat/${encodeURIComponent(key).replaceAll("%3A", ":")}`;
}

export function showPath(key: string, replace: boolean): void {
  const path = pathForKey(key);
  if (location.pathname === path) return;
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
}
