/** The one application object, for components. Set once in `main.ts`, before anything is drawn. */
import type { App } from "../state/app.svelte";

let current: App | undefined;

export function provideApp(app: App): void {
  current = app;
}

export function app(): App {
  if (!current) throw new Error("The application was used before it was provided.");
  return current;
}
