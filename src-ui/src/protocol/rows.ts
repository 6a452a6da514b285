/** Rows of `chat.history`, `sessions.list`, `models.list` and `commands.list`, read defensively. */
import { isObject, list, number, text, type Json } from "./frames";

export interface MediaRef {
  url: string;
  contentType: string;
  kind: string;
  sizeBytes?: number;
  fileName?: string;
}

export interface SessionRow {
  key: string;
  label?: string;
  derivedTitle?: string;
  displayName?: string;
  preview?: string;
  channel?: string;
  updatedAt: number;
  model?: string;
  modelProvider?: string;
  running: boolean;
  unread: boolean;
  pinned: boolean;
  isMain: boolean;
  totalTokens?: number;
  contextTokens?: number;
  /** Made in this page; the gateway learns of it with the first message. */
  draft?: boolean;
}

export interface ModelRow {
  id: string;
  provider: string;
  name: string;
  contextWindow?: number;
  available: boolean;
}

export interface CommandRow {
  name: string;
  description: string;
  acceptsArgs: boolean;
  choices: string[];
}

/** The provider id of the offline demo; its rows are always labelled as a demo. */
export const DEMO_PROVIDER = "builtin";

/** Markdown marks that mean nothing on a one-line preview. */
const MARKS = /(^|\s)#{1,6}\s|\*\*|__|`+/g;

export function readSession(value: unknown): SessionRow | null {
  if (!isObject(value) || typeof value.key !== "string" || value.key === "") return null;
  return {
    key: value.key,
    label: text(value.label),
    derivedTitle: text(value.derivedTitle),
    displayName: text(value.displayName),
    preview: text(value.lastMessagePreview)?.replace(MARKS, "$1"),
    channel: text(value.channel),
    updatedAt: number(value.lastActivityAt) ?? number(value.updatedAt) ?? number(value.createdAt) ?? 0,
    model: text(value.model),
    modelProvider: text(value.modelProvider),
    running: value.hasActiveRun === true || value.status === "running",
    unread: value.unread === true,
    pinned: value.pinned === true,
    isMain: value.isMain === true || /^agent:[^:]+:main$/.test(value.key),
    totalTokens: number(value.totalTokens),
    contextTokens: number(value.contextTokens),
  };
}

export function readModels(payload: unknown): ModelRow[] {
  const rows = isObject(payload) ? list(payload.models) : [];
  return rows.filter(isObject).flatMap((row): ModelRow[] => {
    const id = text(row.id);
    const provider = text(row.provider);
    if (!id || !provider) return [];
    return [
      {
        id,
        provider,
        name: text(row.name) ?? id,
        contextWindow: number(row.contextWindow),
        available: row.available !== false,
      },
    ];
  });
}

/** `provider/id`, the form `sessions.patch` takes. */
export function modelRef(model: Pick<ModelRow, "id" | "provider">): string {
  return model.id.startsWith(`${model.provider}/`) ? model.id : `${model.provider}/${model.id}`;
}

function readChoices(row: Json): string[] {
  const first = list(row.args)[0];
  if (!isObject(first)) return [];
  return list(first.choices).flatMap((choice) => {
    if (typeof choice === "string") return [choice];
    const value = isObject(choice) ? text(choice.value) : undefined;
    return value ? [value] : [];
  });
}

export function readCommands(payload: unknown): CommandRow[] {
  const rows = isObject(payload) ? list(payload.commands) : [];
  return rows.filter(isObject).flatMap((row): CommandRow[] => {
    const name = text(row.name)?.replace(/^\//, "").toLowerCase();
    if (!name || !/^[a-z0-9][\w-]*$/.test(name)) return [];
    return [
      { name, description: text(row.description) ?? "", acceptsArgs: row.acceptsArgs === true, choices: readChoices(row) },
    ];
  });
}

export function readMedia(value: unknown): MediaRef[] {
  return list(value)
    .filter(isObject)
    .flatMap((row): MediaRef[] => {
      const url = text(row.url);
      if (!url || !/^media:\/\/inbound\/[\w-]+(\.[\w]+)?$/.test(url)) return [];
      const contentType = text(row.contentType) ?? "application/octet-stream";
      return [
        {
          url,
          contentType,
          kind: text(row.kind) ?? contentType.split("/")[0] ?? "file",
          sizeBytes: number(row.sizeBytes),
          fileName: text(row.fileName),
        },
      ];
    });
}
