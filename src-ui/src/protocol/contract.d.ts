/* Made by `npm run types` from docs/contract.json. Not written by hand. */

export interface Methods {
agent: {
params: AgentParams
result: unknown
}
"agent.identity.get": {
params: AgentIdentityParams
result: unknown
}
"agent.wait": {
params: AgentWaitParams
result: unknown
}
"agents.list": {
params: NoParams
result: unknown
}
"chat.abort": {
params: ChatAbortParams
result: unknown
}
"chat.history": {
params: ChatHistoryParams
result: unknown
}
"chat.inject": {
params: ChatInjectParams
result: unknown
}
"chat.message.get": {
params: ChatMessageGetParams
result: unknown
}
"chat.send": {
params: ChatSendParams
result: unknown
}
"chat.startup": {
params: ChatHistoryParams
result: unknown
}
"commands.list": {
params: NoParams
result: unknown
}
"config.apply": {
params: ConfigWriteParams
result: ConfigWritten
}
"config.get": {
params: NoParams
result: unknown
}
"config.patch": {
params: ConfigWriteParams
result: ConfigWritten
}
"config.schema": {
params: NoParams
result: ConfigSchema
}
"config.schema.lookup": {
params: ConfigSchemaLookupParams
result: ConfigSchemaEntry
}
"config.set": {
params: ConfigWriteParams
result: ConfigWritten
}
health: {
params: NoParams
result: unknown
}
"last-heartbeat": {
params: NoParams
result: unknown
}
"logs.tail": {
params: LogsTailParams
result: unknown
}
"models.list": {
params: ModelsListParams
result: unknown
}
"sessions.create": {
params: SessionsCreateParams
result: unknown
}
"sessions.delete": {
params: SessionsDeleteParams
result: unknown
}
"sessions.describe": {
params: SessionKeyParams
result: unknown
}
"sessions.list": {
params: SessionsListParams
result: unknown
}
"sessions.messages.subscribe": {
params: SessionKeyParams
result: unknown
}
"sessions.messages.unsubscribe": {
params: SessionKeyParams
result: unknown
}
"sessions.patch": {
params: SessionsPatchParams
result: unknown
}
"sessions.preview": {
params: SessionsPreviewParams
result: unknown
}
"sessions.reset": {
params: SessionKeyParams
result: unknown
}
"sessions.resolve": {
params: SessionsResolveParams
result: unknown
}
"sessions.search": {
params: SessionsSearchParams
result: unknown
}
"sessions.subscribe": {
params: SessionsListParams
result: unknown
}
"sessions.unsubscribe": {
params: NoParams
result: unknown
}
status: {
params: NoParams
result: unknown
}
"system-presence": {
params: NoParams
result: unknown
}
}
/**
 * `agent`
 */
export interface AgentParams {
/**
 * Text.
 */
message: string
/**
 * Becomes the run id.
 */
idempotencyKey: string
/**
 * Agent; must match the session key when both are given.
 */
agentId?: (string | null)
/**
 * Conversation; the agent's main one by default.
 */
sessionKey?: (string | null)
/**
 * Thinking level.
 */
thinking?: (string | null)
/**
 * Files.
 * 
 * @maxItems 64
 */
attachments?: (Attachment[] | null)
/**
 * Longest run time, in seconds.
 */
timeout?: (number | null)
/**
 * Added to the system prompt of this run.
 */
extraSystemPrompt?: (string | null)
}
/**
 * One attachment of a message (protocol §13.7).
 */
export interface Attachment {
/**
 * Claimed type; the gateway looks at the bytes instead.
 */
mimeType?: (string | null)
/**
 * Name for people.
 */
fileName?: (string | null)
/**
 * Base64, optionally behind a `data:` prefix; entries without content are dropped.
 */
content?: {
[k: string]: unknown
}
}
/**
 * `agent.identity.get`
 */
export interface AgentIdentityParams {
/**
 * Agent; the default one otherwise.
 */
agentId?: (string | null)
/**
 * Conversation whose agent is meant.
 */
sessionKey?: (string | null)
}
/**
 * `agent.wait`
 */
export interface AgentWaitParams {
/**
 * The run.
 */
runId: string
/**
 * How long to wait, in milliseconds (30,000 by default).
 */
timeoutMs?: (number | null)
}
/**
 * A method that takes nothing.
 */
export interface NoParams {

}
/**
 * `chat.abort`
 */
export interface ChatAbortParams {
/**
 * Conversation.
 */
sessionKey: string
/**
 * One run; without it all of the conversation's.
 */
runId?: (string | null)
}
/**
 * `chat.history` and `chat.startup`
 */
export interface ChatHistoryParams {
/**
 * Conversation.
 */
sessionKey: string
/**
 * Rows at most.
 */
limit?: (number | null)
/**
 * Rows to skip, counted from the newest.
 */
offset?: (number | null)
/**
 * Only rows newer than this cursor of an earlier answer.
 */
cursor?: (string | null)
/**
 * Longest text of one row, in characters.
 */
maxChars?: (number | null)
/**
 * JSON size of the rows, in bytes; oldest are left out first.
 */
maxBytes?: (number | null)
}
/**
 * `chat.inject`
 */
export interface ChatInjectParams {
/**
 * Conversation; must exist.
 */
sessionKey: string
/**
 * The note.
 */
message: string
/**
 * Shown in brackets above it.
 */
label?: (string | null)
}
/**
 * `chat.message.get`
 */
export interface ChatMessageGetParams {
/**
 * Conversation.
 */
sessionKey: string
/**
 * `__openclaw.id` of the row.
 */
messageId: string
}
/**
 * `chat.send`
 */
export interface ChatSendParams {
/**
 * Conversation; an alias is resolved.
 */
sessionKey: string
/**
 * Text; may be empty with attachments.
 */
message: string
/**
 * Becomes the run id; the same key never runs twice.
 */
idempotencyKey: string
/**
 * Thinking level for this run.
 */
thinking?: (string | null)
/**
 * Files.
 * 
 * @maxItems 64
 */
attachments?: (Attachment[] | null)
/**
 * Longest run time, in milliseconds.
 */
timeoutMs?: (number | null)
}
/**
 * `config.set`, `config.apply` and `config.patch`
 */
export interface ConfigWriteParams {
/**
 * JSON5 text: the whole document, or for `config.patch` a merge patch.
 */
raw: string
/**
 * `hash` of the `config.get` this text is based on; required when the file exists.
 */
baseHash?: (string | null)
/**
 * Why, for the log.
 */
note?: (string | null)
}
/**
 * What `config.set`, `config.apply` and `config.patch` answer.
 */
export interface ConfigWritten {
/**
 * Always true.
 */
ok: boolean
/**
 * The document.
 */
path: string
/**
 * Its hash now.
 */
hash: string
/**
 * What it says now, secrets replaced by the placeholder.
 */
config: {
[k: string]: unknown
}
/**
 * Settings that count only after a restart; everything else is in force.
 */
restartRequired: string[]
restart: ConfigRestart
sentinel: ConfigSentinel
}
/**
 * What became of the restart that the original would do.
 */
export interface ConfigRestart {
/**
 * Whether one was scheduled.
 */
ok: boolean
/**
 * This process.
 */
pid: number
/**
 * Milliseconds until it happens.
 */
delayMs: number
/**
 * `none`.
 */
mode: string
/**
 * Why not.
 */
reason: string
}
/**
 * The record of this change.
 */
export interface ConfigSentinel {
/**
 * Whether it outlives this process: the log keeps it.
 */
persisted: boolean
payload: ConfigSentinelPayload
}
/**
 * What was done.
 */
export interface ConfigSentinelPayload {
/**
 * `config-set`, `config-apply` or `config-patch`.
 */
kind: string
/**
 * `ok`.
 */
status: string
/**
 * When, in milliseconds.
 */
ts: number
/**
 * The caller's note.
 */
message?: (string | null)
}
/**
 * What `config.schema` answers.
 */
export interface ConfigSchema {
/**
 * JSON Schema of the document.
 */
schema: {
[k: string]: unknown
}
/**
 * Labels and marks by dotted path.
 */
uiHints: {
[k: string]: unknown
}
/**
 * The gateway's version.
 */
version: string
/**
 * When it was made, ISO 8601.
 */
generatedAt: string
}
/**
 * `config.schema.lookup`
 */
export interface ConfigSchemaLookupParams {
/**
 * Dotted path, such as `gateway.port`; empty for the whole.
 */
path: string
}
/**
 * What `config.schema.lookup` answers.
 */
export interface ConfigSchemaEntry {
/**
 * The path asked for.
 */
path: string
/**
 * Its schema, without its members.
 */
schema: {
[k: string]: unknown
}
/**
 * `hot`, or `restart` where the gateway reads it only at start.
 */
reloadKind: string
/**
 * Its label and marks.
 */
hint: {
[k: string]: unknown
}
/**
 * Its members' paths.
 */
children: string[]
}
/**
 * `logs.tail`
 */
export interface LogsTailParams {
/**
 * Byte position to go on from.
 */
cursor?: (number | null)
/**
 * Lines at most (500 by default).
 */
limit?: (number | null)
/**
 * Bytes at most (250,000 by default).
 */
maxBytes?: (number | null)
}
/**
 * `models.list`
 */
export interface ModelsListParams {
/**
 * Only this provider's.
 */
provider?: (string | null)
/**
 * Look for local servers again first.
 */
refresh?: (boolean | null)
}
/**
 * `sessions.create`
 */
export interface SessionsCreateParams {
/**
 * Key to use instead of a new one.
 */
key?: (string | null)
/**
 * Agent; the default one otherwise.
 */
agentId?: (string | null)
/**
 * Name for people.
 */
label?: (string | null)
/**
 * Model to use, as `provider/model`.
 */
model?: (string | null)
/**
 * Thinking level.
 */
thinkingLevel?: (string | null)
/**
 * First message to run at once.
 */
message?: (string | null)
/**
 * Key of that first run.
 */
idempotencyKey?: (string | null)
}
/**
 * `sessions.delete`
 */
export interface SessionsDeleteParams {
/**
 * Conversation.
 */
key: string
/**
 * Whether the transcript goes too (default); it is exported first.
 */
deleteTranscript?: (boolean | null)
}
/**
 * A session by key: `sessions.describe`, `sessions.reset`, `sessions.messages.subscribe` …
 */
export interface SessionKeyParams {
/**
 * Conversation.
 */
key: string
/**
 * `sessions.messages.subscribe`: whether to replay open approvals.
 */
includeApprovals?: (boolean | null)
}
/**
 * `sessions.list` and, all optional, `sessions.subscribe`
 */
export interface SessionsListParams {
/**
 * Rows at most (100 by default).
 */
limit?: (number | null)
/**
 * Rows to skip.
 */
offset?: (number | null)
/**
 * Only those touched in the last so many minutes.
 */
activeMinutes?: (number | null)
/**
 * Adds `derivedTitle`.
 */
includeDerivedTitles?: (boolean | null)
/**
 * Adds `lastMessagePreview`.
 */
includeLastMessage?: (boolean | null)
/**
 * Exact label.
 */
label?: (string | null)
/**
 * Of one agent.
 */
agentId?: (string | null)
/**
 * Text in label, title or key.
 */
search?: (string | null)
}
/**
 * `sessions.patch`: a member that is `null` is cleared, an absent one is left alone.
 */
export interface SessionsPatchParams {
/**
 * Conversation; created when missing.
 */
key: string
/**
 * Name for people, unique.
 */
label?: (string | null)
/**
 * `off`, `minimal`, `low`, `medium`, `high` or `xhigh`.
 */
thinkingLevel?: (string | null)
/**
 * `off`, `on` or `full`.
 */
verboseLevel?: (string | null)
/**
 * `off`, `on` or `stream`.
 */
reasoningLevel?: (string | null)
/**
 * Model to use, as `provider/model`.
 */
model?: (string | null)
/**
 * Kept on top of lists.
 */
pinned?: (boolean | null)
/**
 * Left out of lists.
 */
archived?: (boolean | null)
/**
 * Has something nobody has read.
 */
unread?: (boolean | null)
}
/**
 * `sessions.preview`
 */
export interface SessionsPreviewParams {
/**
 * Conversations; the first 64 count.
 * 
 * @minItems 1
 */
keys: [string, ...(string)[]]
/**
 * Rows each (12 by default).
 */
limit?: (number | null)
/**
 * Characters each row (240 by default).
 */
maxChars?: (number | null)
}
/**
 * `sessions.resolve`: one of `key`, `sessionId`, `label`.
 */
export interface SessionsResolveParams {
/**
 * Conversation.
 */
key?: (string | null)
/**
 * Transcript id.
 */
sessionId?: (string | null)
/**
 * Name.
 */
label?: (string | null)
/**
 * Answer `{ok: true}` without a key instead of an error.
 */
allowMissing?: (boolean | null)
}
/**
 * `sessions.search`: full text over the messages of all conversations.
 */
export interface SessionsSearchParams {
/**
 * Words to look for.
 */
query: string
/**
 * Only in these conversations.
 */
sessionKeys?: (string[] | null)
/**
 * Hits at most (20 by default).
 */
limit?: (number | null)
}
