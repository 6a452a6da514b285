/** Things over the page: toasts, dialogs and the announcer. */

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "bad";
  action?: { label: string; run(): void };
  /** Runs when the toast leaves without its action having been used. */
  onEnd?: () => void;
}

export type DialogName = "settings" | "help" | "confirm" | "diagnostics";

export interface Confirm {
  title: string;
  body: string;
  ok: string;
  run(): void;
}

const TOAST_MS = 6_000;

class Ui {
  toasts = $state.raw<Toast[]>([]);
  dialog = $state<DialogName | null>(null);
  confirm = $state.raw<Confirm | null>(null);
  /** Which page of the settings is open. */
  settingsSection = $state("general");
  modelMenu = $state(false);
  sidebarSheet = $state(false);
  sidebarHidden = $state(false);
  announcement = $state("");
  private nextId = 1;
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>>();

  announce(text: string): void {
    // The same words twice are still news: a zero-width change makes screen readers speak again.
    this.announcement = text === this.announcement ? `${text}\u200b` : text;
  }

  toast(toast: Omit<Toast, "id">): number {
    const id = this.nextId++;
    this.toasts = [...this.toasts, { ...toast, id }];
    this.timers.set(id, setTimeout(() => this.endToast(id), TOAST_MS));
    this.announce(toast.text);
    return id;
  }

  problem(text: string): void {
    this.toast({ text, tone: "bad" });
  }

  act(id: number): void {
    const toast = this.take(id);
    toast?.action?.run();
  }

  endToast(id: number): void {
    this.take(id)?.onEnd?.();
  }

  /** Everything still pending happens now: the window is closing. */
  flushToasts(): void {
    for (const toast of this.toasts) this.endToast(toast.id);
  }

  ask(confirm: Confirm): void {
    this.confirm = confirm;
    this.dialog = "confirm";
  }

  private take(id: number): Toast | undefined {
    const toast = this.toasts.find((candidate) => candidate.id === id);
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    this.toasts = this.toasts.filter((candidate) => candidate.id !== id);
    return toast;
  }
}

export const ui = new Ui();
