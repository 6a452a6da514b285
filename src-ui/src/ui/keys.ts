/** The modifier of this platform, as people know it. */
export const isMac = /mac|iphone|ipad/i.test(navigator.platform);
export const modKey = isMac ? "⌘" : "Ctrl";

export const isMod = (event: KeyboardEvent): boolean => (isMac ? event.metaKey : event.ctrlKey);
