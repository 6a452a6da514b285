/** Parts of the interface that the first paint does not need. */
export const screens = {
  connect: () => import("./ConnectScreen.svelte"),
  approval: () => withWords(import("./ApprovalCard.svelte")),
  confirm: () => import("./ConfirmDialog.svelte"),
  desktop: () => withWords(import("../desktop/Desktop.svelte")),
  diagnostics: () => withWords(import("../desktop/Diagnostics.svelte")),
  editor: () => withWords(import("./MessageEditor.svelte")),
  help: () => withWords(import("./HelpDialog.svelte")),
  pairing: () => withWords(import("./PairingCard.svelte")),
  settings: () => withWords(import("../settings/Settings.svelte")),
};

/** Pages with words of their own wait for them, so that English never flashes. */
async function withWords<T>(page: Promise<T>): Promise<T> {
  const words = await import("../i18n/pages.svelte");
  await words.ready;
  return page;
}

const NATIVE_ONLY: string[] = ["desktop", "diagnostics"];

/** Fetches them all while the gateway is there to serve them; a later failure to connect must not leave a hole. */
export function fetchScreens(native: boolean): void {
  for (const [name, screen] of Object.entries(screens)) {
    if (native || !NATIVE_ONLY.includes(name)) screen().catch(() => {});
  }
}
