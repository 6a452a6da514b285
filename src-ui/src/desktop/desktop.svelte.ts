/** The app around the page, as the page sees it. Empty in a browser. */
import { isObject, text } from "../protocol/frames";
import { followApp } from "../state/settings.svelte";
import { ui } from "../state/ui.svelte";
import { isNative } from "../transport/native";
import { desktopCommands, onEvent, type ConnectionReport, type Credential, type Question, type SettingsPatch, type SettingsReport, type Show, type Target } from "./commands";

/** What the page does when the app asks for it. */
export interface DesktopHooks {
  openSession(key: string): void;
  changeGateway(name: string): void;
  /** The app has reached the gateway; waiting any longer would be in vain. */
  reachGateway(): void;
}

class Desktop {
  readonly native = isNative();
  report = $state.raw<SettingsReport | null>(null);
  /** Without one the app knows only its own gateway, and there is nothing to choose. */
  connection = $state.raw<ConnectionReport | null>(null);
  /** The app can publish its gateway. */
  publishes = $state(false);
  /** Questions of ssh, the oldest first. */
  questions = $state.raw<Question[]>([]);
  /** A link from outside that waits for the person's decision. */
  link = $state.raw<Show["detail"]>(undefined);
  firstRun = $state(false);
  /** Where a link would have the gateway, for the form only. */
  proposed = $state.raw<Target | null>(null);

  private readonly answered = new Set<Question["id"]>();
  private hooks: DesktopHooks = { openSession: () => {}, changeGateway: () => {}, reachGateway: () => {} };

  async start(hooks: DesktopHooks): Promise<void> {
    this.hooks = hooks;
    await Promise.all([
      onEvent<SettingsReport>("settings", (report) => this.adopt(report)),
      onEvent<ConnectionReport>("connection", (connection) => this.follow(connection)),
      onEvent<Question>("ask", (question) => this.ask(question)),
      onEvent<{ id: Question["id"] }>("ask-gone", ({ id }) => this.drop(id)),
      onEvent<Show>("show", (show) => this.show(show)),
    ]);
    void this.loadTailscale();
    await Promise.all([this.load(), this.loadConnection(), this.takeShow()]);
    if (this.report?.settings.firstRunDone === false) this.firstRun = true;
  }

  async load(): Promise<void> {
    this.adopt(await desktopCommands.readSettings());
  }

  private adopt(report: SettingsReport): void {
    this.report = report;
    followApp(report.settings.language, report.language);
  }

  async loadConnection(): Promise<void> {
    try {
      this.follow(await desktopCommands.readConnection());
    } catch {
      // Without an answer the page shows what it knows by itself.
    }
  }

  /** Tries again what has given up or waits; what is under way goes on. */
  async retry(): Promise<void> {
    if (["waiting", "paused", "failed"].includes(this.connection?.state ?? "")) await desktopCommands.retryConnection();
  }

  /** Saves where Clawdbot runs and turns there. What becomes of it is in `connection` afterwards. */
  async use(target: Target, credential: Credential | undefined): Promise<void> {
    const before = this.connection;
    const connection = await desktopCommands.useConnection(target, credential);
    // An event that came meanwhile is newer.
    if (this.connection === before) this.follow(connection);
  }

  private follow(connection: ConnectionReport): void {
    const before = this.connection;
    this.connection = connection;
    this.hooks.changeGateway(connection.gateway);
    if (before && before.state !== "ready" && connection.state === "ready") this.hooks.reachGateway();
  }

  private async loadTailscale(): Promise<void> {
    try {
      await desktopCommands.readTailscale();
      this.publishes = true;
    } catch {
      // As above.
    }
  }

  private async takeShow(): Promise<void> {
    try {
      const show = await desktopCommands.takeShow();
      if (show) this.show(show);
    } catch {
      // Nothing was waiting.
    }
  }

  async change(patch: SettingsPatch): Promise<void> {
    const before = this.report;
    const report = await desktopCommands.writeSettings(patch);
    // An event that came meanwhile is newer.
    if (this.report === before) this.adopt(report);
  }

  show({ page, detail }: Show): void {
    if (page === "link") this.link = detail;
    else if (page === "firstRun") this.firstRun = true;
    else if (page === "chat") this.showChat(detail);
    else {
      const section = page === "settings" && isObject(detail) ? text(detail.section) : undefined;
      if (section) ui.settingsSection = section;
      ui.dialog = page;
    }
  }

  private showChat(detail: unknown): void {
    ui.dialog = null;
    const key = isObject(detail) ? text(detail.sessionKey) : undefined;
    if (key) this.hooks.openSession(key);
  }

  /** The app asks again and again until it has an answer; each question has one place. */
  ask(question: Question): void {
    const known = this.answered.has(question.id) || this.questions.some((other) => other.id === question.id);
    if (!known) this.questions = [...this.questions, question];
  }

  async answer(question: Question, value: string | null): Promise<void> {
    this.answered.add(question.id);
    this.drop(question.id);
    await desktopCommands.answer(question.id, value);
  }

  private drop(id: Question["id"]): void {
    this.questions = this.questions.filter((question) => question.id !== id);
  }
}

export const desktop = new Desktop();
