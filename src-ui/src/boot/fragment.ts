/** Imported first: takes what signs in out of the address before any other code of the page runs. */

export interface Fragment {
  /** The shared token. */
  token?: string;
  /** A code that `clawdbot web` put there: good once, for a minute. */
  code?: string;
}

export function takeFragment(location: Location, history: History): Fragment {
  const value = (name: string) => new RegExp(`[#&]${name}=([^&]*)`).exec(location.hash)?.[1];
  const [token, code] = [value("token"), value("code")];
  if (token === undefined && code === undefined) return {};
  history.replaceState(history.state, "", location.pathname + location.search);
  return { ...(token && { token: decode(token) }), ...(code && { code: decode(code) }) };
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

export const fragment = takeFragment(window.location, window.history);
