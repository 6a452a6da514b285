/** What is being written, per session: text, files and the queue. Nothing typed is ever lost. */
import { inspect, release, type Attachment } from "../attachments/attachment";
import { attachmentLimits } from "../attachments/limits";
import { isObject, list, text } from "../protocol/frames";
import { uuid } from "../protocol/uuid";
import type { Gateway } from "./gateway.svelte";
import { here, readJson, readText, removeKey, writeJson, writeText } from "./storage";

export interface QueueItem {
  id: string;
  text: string;
  attachments: Attachment[];
}

const SAVE_MS = 300;

function readQueue(key: string): QueueItem[] {
  return list(readJson(here(`queue:${key}`)))
    .filter(isObject)
    .flatMap((item): QueueItem[] => {
      const value = text(item.text);
      return value ? [{ id: text(item.id) ?? uuid(), text: value, attachments: [] }] : [];
    });
}

export class Composer {
  key = $state("");
  text = $state("");
  attachments = $state.raw<Attachment[]>([]);
  queue = $state.raw<QueueItem[]>([]);
  /** The last run failed: the queue waits for the person. */
  paused = $state(false);

  private readonly parkedFiles = new Map<string, Attachment[]>();
  private readonly parkedQueues = new Map<string, QueueItem[]>();
  private saveTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly gateway: () => Gateway) {
    window.addEventListener("pagehide", () => this.save());
    document.addEventListener("visibilitychange", () => document.hidden && this.save());
  }

  open(key: string): void {
    if (this.key === key) return;
    if (this.key !== "") this.park();
    // What was typed before the conversation was known stays, behind the draft.
    const typed = this.key === "" ? this.text : "";
    this.key = key;
    this.text = (readText(here(`draft:${key}`)) ?? "") + typed;
    this.attachments = this.parkedFiles.get(here(key)) ?? [];
    this.queue = this.parkedQueues.get(here(key)) ?? readQueue(key);
    this.paused = false;
  }

  /** Puts everything aside, for when this gateway is there again. */
  close(): void {
    if (this.key !== "") this.park();
    this.key = this.text = "";
    this.attachments = this.queue = [];
    this.paused = false;
  }

  private park(): void {
    this.save();
    this.parkedFiles.set(here(this.key), this.attachments);
    this.parkedQueues.set(here(this.key), this.queue);
  }

  write(value: string): void {
    this.text = value;
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => this.save(), SAVE_MS);
  }

  /** Puts a message that was not taken back behind the draft of its conversation. */
  giveBack(key: string, text: string): void {
    if (key === this.key) this.write([this.text, text].filter(Boolean).join("\n\n"));
    else writeText(here(`draft:${key}`), [readText(here(`draft:${key}`)), text].filter(Boolean).join("\n\n"));
  }

  /** Empties the composer and hands over what was in it; refused files stay out. */
  take(): { text: string; attachments: Attachment[] } {
    const taken = { text: this.text.trim(), attachments: this.attachments.filter((file) => !file.refusal) };
    this.text = "";
    this.attachments = [];
    this.save();
    return taken;
  }

  private save(): void {
    clearTimeout(this.saveTimer);
    if (this.key === "") return;
    if (this.text === "") removeKey(here(`draft:${this.key}`));
    else writeText(here(`draft:${this.key}`), this.text);
  }

  async addFiles(files: Iterable<File>): Promise<void> {
    const key = this.key;
    const parked = here(key);
    for (const file of files) {
      const isHere = () => key === this.key && parked === here(key);
      const current = isHere() ? this.attachments : (this.parkedFiles.get(parked) ?? []);
      const attachment = await inspect(file, current, attachmentLimits(this.gateway().hello));
      if (isHere()) this.attachments = [...this.attachments, attachment];
      else this.parkedFiles.set(parked, [...(this.parkedFiles.get(parked) ?? []), attachment]);
    }
  }

  removeFile(id: string): void {
    const gone = this.attachments.find((file) => file.id === id);
    if (gone) release(gone);
    this.attachments = this.attachments.filter((file) => file.id !== id);
  }

  enqueue(item: { text: string; attachments: Attachment[] }): void {
    this.setQueue([...this.queue, { id: uuid(), ...item }]);
  }

  /** Takes the first row of a session's queue, also when another session is open. */
  next(key: string): QueueItem | undefined {
    if (key !== this.key) {
      const queue = this.parkedQueues.get(here(key)) ?? readQueue(key);
      const [first, ...rest] = queue;
      if (first) {
        this.parkedQueues.set(here(key), rest);
        saveQueue(key, rest);
      }
      return first;
    }
    const [first, ...rest] = this.queue;
    if (first) this.setQueue(rest);
    return first;
  }

  dequeue(id: string): QueueItem | undefined {
    const item = this.queue.find((candidate) => candidate.id === id);
    this.setQueue(this.queue.filter((candidate) => candidate.id !== id));
    return item;
  }

  /** Moves a queued message to another place; `false` when it is there already. */
  move(id: string, to: number): boolean {
    const from = this.queue.findIndex((item) => item.id === id);
    const [item] = this.queue.slice(from, from + 1);
    if (!item || to < 0 || to >= this.queue.length || to === from) return false;
    this.setQueue(this.queue.toSpliced(from, 1).toSpliced(to, 0, item));
    return true;
  }

  /** Puts a message back where it can be changed; what was being written stays in front. */
  edit(item: { text: string; attachments: Attachment[] }): void {
    this.write(this.text.trim() === "" ? item.text : `${this.text}\n${item.text}`);
    this.attachments = [...this.attachments, ...item.attachments];
  }

  forget(key: string): void {
    removeKey(here(`draft:${key}`));
    removeKey(here(`queue:${key}`));
    removeKey(here(`anchor:${key}`));
  }

  private setQueue(queue: QueueItem[]): void {
    this.queue = queue;
    if (queue.length === 0) this.paused = false;
    saveQueue(this.key, queue);
  }
}

function saveQueue(key: string, queue: QueueItem[]): void {
  if (queue.length === 0) removeKey(here(`queue:${key}`));
  else writeJson(here(`queue:${key}`), queue.map(({ id, text: value }) => ({ id, text: value })));
}
