/** Imported first: takes the token out of the address before any other code of the page runs. */

export function takeToken(location: Location, history: History): string | undefined {
  const raw = /[#&]token=([^&]*)/.exec(location.hash)?.[1];
  if (raw === undefined) return undefined;
  history.replaceState(history.state, "", location.pathname + location.search);
  return raw === "" ? undefined : decode(raw);
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

export const fragmentToken = takeToken(window.location, window.history);
