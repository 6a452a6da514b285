// What people do and see in WebChat.

export const part = (page, id) => page.getByTestId(id);

/** Opens the settings, perhaps at a section, and gives their tabs. They are loaded when they are first asked for. */
export async function openSettings(page, section) {
  await part(page, "settings-button").click();
  const tabs = page.getByRole("tab");
  await tabs.first().waitFor();
  if (section) await part(page, `settings-${section}`).click();
  return tabs;
}

/** Types a message and sends it with Enter. */
export async function send(page, text) {
  await part(page, "composer").fill(text);
  await part(page, "composer").press("Enter");
}

/** Waits for an answer that contains exactly this text somewhere. */
export const answer = (page, text) => part(page, "assistant-message").filter({ hasText: text }).last().waitFor();

export const userMessage = (page, text) => part(page, "user-message").filter({ hasText: text }).last().waitFor();

/** Waits until the page shows no running answer. */
export const idle = (page) => part(page, "stop").waitFor({ state: "detached" });

export const row = (page, text) => part(page, "session-row").filter({ hasText: text });
