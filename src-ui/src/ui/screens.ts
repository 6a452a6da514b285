/** Parts of the interface that the first paint does not need. */
export const screens = {
  connect: () => import("./ConnectScreen.svelte"),
  approval: () => import("./ApprovalCard.svelte"),
  confirm: () => import("./ConfirmDialog.svelte"),
  editor: () => import("./MessageEditor.svelte"),
  help: () => import("./HelpDialog.svelte"),
  pairing: () => import("./PairingCard.svelte"),
  settings: () => import("./SettingsDialog.svelte"),
};

/** Fetches them all while the gateway is there to serve them; a later failure to connect must not leave a hole. */
export function fetchScreens(): void {
  for (const screen of Object.values(screens)) screen().catch(() => {});
}
