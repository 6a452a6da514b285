/* Made by `npm run types` from docs/contract.json. Not written by hand. */

/**
 * Which jobs are listed.
 */
export type CronListEnabled = ("all" | "enabled" | "disabled")
/**
 * What jobs are sorted by.
 */
export type CronSortBy = ("nextRunAtMs" | "updatedAtMs" | "name")
/**
 * Which end comes first.
 */
export type CronSortDir = ("asc" | "desc")
/**
 * Whether a job is to run before its time.
 */
export type CronRunMode = ("due" | "force")
/**
 * Who a connection speaks as (protocol §6.2).
 */
export type Role = ("operator" | "node")
/**
 * Scopes approved.
 */
export type Scopes = string[]
/**
 * What it covers.
 */
export type Scopes1 = string[]
/**
 * Scopes asked for.
 */
export type Scopes2 = string[]
/**
 * What a setup code lets a device do.
 */
export type SetupAccess = ("full" | "limited" | "node")
/**
 * The scopes a connection holds. Unknown names are kept and echoed, and grant nothing.
 */
export type Scopes3 = string[]
/**
 * The scopes a connection holds. Unknown names are kept and echoed, and grant nothing.
 */
export type Scopes4 = string[]
/**
 * What may be decided.
 */
export type Decision = ("allow-once" | "allow-always" | "deny")
/**
 * Which commands may run, from the strictest on.
 */
export type ExecSecurity = ("deny" | "allowlist" | "full")
/**
 * When a person is asked, from the most lenient on.
 */
export type ExecAsk = ("off" | "on-miss" | "always")
/**
 * Which models `models.list` names.
 */
export type ModelsView = ("default" | "configured" | "provider-config" | "all")
/**
 * What is done first.
 */
export type NodeWorkPriority = ("high" | "normal")
/**
 * What is to be set up.
 */
export type WizardMode = ("local" | "remote")

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
"agents.create": {
params: AgentsCreateParams
result: AgentCreated
}
"agents.delete": {
params: AgentsDeleteParams
result: AgentDeleted
}
"agents.files.get": {
params: AgentFileParams
result: AgentFileAnswer
}
"agents.files.list": {
params: AgentFilesParams
result: AgentFiles
}
"agents.files.set": {
params: AgentFileSetParams
result: AgentFileAnswer
}
"agents.list": {
params: NoParams
result: unknown
}
"agents.update": {
params: AgentsUpdateParams
result: AgentUpdated
}
"agents.workspace.get": {
params: AgentWorkspaceGetParams
result: AgentWorkspaceGet
}
"agents.workspace.list": {
params: AgentWorkspaceListParams
result: AgentWorkspaceList
}
"approval.get": {
params: ApprovalIdParams
result: unknown
}
"approval.resolve": {
params: ApprovalResolveParams
result: unknown
}
"channels.logout": {
params: ChannelParams
result: unknown
}
"channels.start": {
params: ChannelParams
result: unknown
}
"channels.status": {
params: ChannelsStatusParams
result: ChannelsStatus
}
"channels.stop": {
params: ChannelParams
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
"chat.metadata": {
params: OptionalAgentParams
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
"cron.add": {
params: CronAddParams
result: CronJob
}
"cron.get": {
params: CronIdParams
result: CronJob
}
"cron.list": {
params: CronListParams
result: CronListResult
}
"cron.remove": {
params: CronIdParams
result: CronRemoveResult
}
"cron.run": {
params: CronRunParams
result: CronRunResult
}
"cron.runs": {
params: CronRunsParams
result: CronRunsResult
}
"cron.status": {
params: NoParams
result: CronStatus
}
"cron.update": {
params: CronUpdateParams
result: CronJob
}
"device.pair.approve": {
params: RequestIdParams
result: DeviceApproved
}
"device.pair.list": {
params: NoParams
result: DevicePairList
}
"device.pair.reject": {
params: RequestIdParams
result: DeviceRejected
}
"device.pair.remove": {
params: DeviceRef
result: DeviceRef
}
"device.pair.rename": {
params: DeviceRenameParams
result: DeviceRenameParams
}
"device.pair.setupCode": {
params: SetupCodeParams
result: SetupCode
}
"device.pair.setupStatus": {
params: SetupStatusParams
result: SetupStatus
}
"device.pair.webCode": {
params: NoParams
result: WebCode
}
"device.token.revoke": {
params: TokenRevokeParams
result: TokenRevoked
}
"device.token.rotate": {
params: TokenRotateParams
result: TokenRotated
}
"environments.list": {
params: NoParams
result: Environments
}
"exec.approval.get": {
params: ApprovalIdParams
result: ApprovalShown
}
"exec.approval.grants.list": {
params: GrantsListParams
result: Grants
}
"exec.approval.grants.revoke": {
params: GrantRevokeParams
result: GrantRevoked
}
"exec.approval.list": {
params: NoParams
result: unknown
}
"exec.approval.request": {
params: ExecApprovalRequestParams
result: ApprovalDecision
}
"exec.approval.resolve": {
params: ApprovalResolveParams
result: unknown
}
"exec.approval.waitDecision": {
params: ApprovalIdParams
result: ApprovalDecision
}
"exec.approvals.get": {
params: NoParams
result: ExecApprovalsSnapshot
}
"exec.approvals.node.get": {
params: ExecApprovalsNodeGetParams
result: unknown
}
"exec.approvals.node.set": {
params: ExecApprovalsNodeSetParams
result: unknown
}
"exec.approvals.set": {
params: ExecApprovalsSetParams
result: ExecApprovalsSnapshot
}
"gateway.identity.get": {
params: NoParams
result: GatewayIdentity
}
"gateway.restart.preflight": {
params: NoParams
result: RestartPreflight
}
health: {
params: NoParams
result: unknown
}
"last-heartbeat": {
params: NoParams
result: (HeartbeatEvent | null)
}
"logs.tail": {
params: LogsTailParams
result: unknown
}
"message.action": {
params: MessageActionParams
result: unknown
}
"models.authStatus": {
params: OptionalAgentParams
result: unknown
}
"models.list": {
params: ModelsListParams
result: unknown
}
"models.probe": {
params: ModelsProbeParams
result: ModelProbe
}
"node.describe": {
params: NodeRef
result: NodeDescription
}
"node.event": {
params: NodeEventParams
result: NodeEventTaken
}
"node.invoke": {
params: NodeInvokeParams
result: NodeInvoked
}
"node.invoke.result": {
params: NodeInvokeResultParams
result: NodeResultTaken
}
"node.list": {
params: NoParams
result: NodeList
}
"node.pair.approve": {
params: RequestIdParams
result: NodeApproved
}
"node.pair.list": {
params: NoParams
result: NodePairList
}
"node.pair.reject": {
params: RequestIdParams
result: NodeRejected
}
"node.pair.remove": {
params: NodeRef
result: NodeRef
}
"node.pair.request": {
params: NodePairParams
result: NodePairOpened
}
"node.pair.verify": {
params: NodeVerifyParams
result: NodeVerified
}
"node.pending.ack": {
params: NodeAckParams
result: NodeAcked
}
"node.pending.drain": {
params: NodePendingParams
result: NodePending
}
"node.pending.enqueue": {
params: NodeEnqueueParams
result: NodeEnqueued
}
"node.pending.pull": {
params: NodePendingParams
result: NodePending
}
"node.rename": {
params: NodeRename
result: NodeRename
}
"plugin.approval.list": {
params: NoParams
result: unknown
}
"plugins.uiDescriptors": {
params: NoParams
result: unknown
}
poll: {
params: PollParams
result: unknown
}
"question.list": {
params: NoParams
result: unknown
}
send: {
params: SendParams
result: unknown
}
"sessions.abort": {
params: SessionsAbortParams
result: SessionsAborted
}
"sessions.branches.list": {
params: BranchesListParams
result: SessionBranches
}
"sessions.branches.switch": {
params: BranchSwitchParams
result: unknown
}
"sessions.compact": {
params: SessionsCompactParams
result: SessionsCompacted
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
"sessions.fork": {
params: SessionEntryParams
result: SessionForked
}
"sessions.groups.list": {
params: NoParams
result: unknown
}
"sessions.import": {
params: SessionsImportParams
result: SessionsImported
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
"sessions.rewind": {
params: SessionEntryParams
result: SessionRewound
}
"sessions.search": {
params: SessionsSearchParams
result: unknown
}
"sessions.send": {
params: SessionsSendParams
result: unknown
}
"sessions.steer": {
params: SessionsSendParams
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
"sessions.usage": {
params: SessionsUsageParams
result: unknown
}
"set-heartbeats": {
params: SetHeartbeatsParams
result: SetHeartbeatsResult
}
"skills.bins": {
params: NoParams
result: SkillsBins
}
"skills.install": {
params: SkillsInstallParams
result: SkillInstalled
}
"skills.status": {
params: OptionalAgentParams
result: SkillsStatus
}
"skills.update": {
params: SkillsUpdateParams
result: SkillUpdated
}
status: {
params: NoParams
result: unknown
}
"system-event": {
params: SystemEventParams
result: WakeResult
}
"system-presence": {
params: NoParams
result: unknown
}
"system.info": {
params: NoParams
result: SystemInfo
}
"talk.catalog": {
params: NoParams
result: TalkCatalog
}
"talk.config": {
params: TalkConfigParams
result: TalkConfig
}
"talk.mode": {
params: TalkModeParams
result: TalkMode
}
"tasks.list": {
params: NoParams
result: unknown
}
"tools.catalog": {
params: OptionalAgentParams
result: unknown
}
"tools.effective": {
params: ToolsEffectiveParams
result: unknown
}
"tts.status": {
params: NoParams
result: TtsStatus
}
"update.run": {
params: UpdateRunParams
result: UpdateRun
}
"update.status": {
params: NoParams
result: UpdateStatus
}
"usage.cost": {
params: UsageCostParams
result: UsageCost
}
"usage.status": {
params: NoParams
result: UsageStatus
}
"users.self": {
params: NoParams
result: UsersSelf
}
"voicewake.get": {
params: NoParams
result: VoiceWake
}
"voicewake.set": {
params: VoiceWakeSetParams
result: VoiceWake
}
wake: {
params: WakeParams
result: WakeResult
}
"wizard.cancel": {
params: WizardSessionParams
result: WizardStatus
}
"wizard.next": {
params: WizardNextParams
result: WizardTurn
}
"wizard.start": {
params: WizardStartParams
result: WizardTurn
}
"wizard.status": {
params: WizardSessionParams
result: WizardStatus
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
content?: unknown
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
 * `agents.create`
 */
export interface AgentsCreateParams {
/**
 * Its name; the id is made from it.
 */
name: string
/**
 * Its workspace; a directory of its own beside the usual one otherwise.
 */
workspace?: (string | null)
/**
 * Its model, as `provider/model`.
 */
model?: (string | null)
/**
 * Its emoji.
 */
emoji?: (string | null)
/**
 * Its picture.
 */
avatar?: (string | null)
}
/**
 * What `agents.create` answers.
 */
export interface AgentCreated {
/**
 * Always true.
 */
ok: boolean
/**
 * Its id.
 */
agentId: string
/**
 * Its name.
 */
name: string
/**
 * Its workspace.
 */
workspace: string
/**
 * Its model.
 */
model?: (string | null)
}
/**
 * `agents.delete`
 */
export interface AgentsDeleteParams {
/**
 * The agent.
 */
agentId: string
/**
 * Whether its files go too; this gateway never deletes them.
 */
deleteFiles?: (boolean | null)
}
/**
 * What `agents.delete` answers.
 */
export interface AgentDeleted {
/**
 * Always true.
 */
ok: boolean
/**
 * The agent.
 */
agentId: string
/**
 * Entries of `bindings` that went with it.
 */
removedBindings: number
}
/**
 * `agents.files.get`
 */
export interface AgentFileParams {
/**
 * The agent.
 */
agentId: string
/**
 * The file, such as `SOUL.md`.
 */
name: string
}
/**
 * What `agents.files.get` and `agents.files.set` answer.
 */
export interface AgentFileAnswer {
/**
 * True for `agents.files.set`.
 */
ok?: (boolean | null)
/**
 * The agent.
 */
agentId: string
/**
 * Its workspace.
 */
workspace: string
file: AgentFile
}
/**
 * The file.
 */
export interface AgentFile {
/**
 * Its name.
 */
name: string
/**
 * Where it is.
 */
path: string
/**
 * Whether it is not there.
 */
missing: boolean
/**
 * Bytes.
 */
size?: (number | null)
/**
 * Last change, in milliseconds.
 */
updatedAtMs?: (number | null)
/**
 * Its text; not in lists.
 */
content?: (string | null)
}
/**
 * `agents.files.list`
 */
export interface AgentFilesParams {
/**
 * The agent.
 */
agentId: string
}
/**
 * What `agents.files.list` answers.
 */
export interface AgentFiles {
/**
 * The agent.
 */
agentId: string
/**
 * Its workspace.
 */
workspace: string
/**
 * The files that describe it, also those that are not there.
 */
files: AgentFile1[]
}
/**
 * A file that describes an agent.
 */
export interface AgentFile1 {
/**
 * Its name.
 */
name: string
/**
 * Where it is.
 */
path: string
/**
 * Whether it is not there.
 */
missing: boolean
/**
 * Bytes.
 */
size?: (number | null)
/**
 * Last change, in milliseconds.
 */
updatedAtMs?: (number | null)
/**
 * Its text; not in lists.
 */
content?: (string | null)
}
/**
 * `agents.files.set`
 */
export interface AgentFileSetParams {
/**
 * The agent.
 */
agentId: string
/**
 * The file, such as `SOUL.md`.
 */
name: string
/**
 * Its whole text.
 */
content: string
}
/**
 * A method that takes nothing.
 */
export interface NoParams {

}
/**
 * `agents.update`: what is absent stays.
 */
export interface AgentsUpdateParams {
/**
 * The agent.
 */
agentId: string
/**
 * Its name.
 */
name?: (string | null)
/**
 * Its workspace.
 */
workspace?: (string | null)
/**
 * Its model, as `provider/model`.
 */
model?: (string | null)
/**
 * Its emoji.
 */
emoji?: (string | null)
/**
 * Its picture.
 */
avatar?: (string | null)
}
/**
 * What `agents.update` answers.
 */
export interface AgentUpdated {
/**
 * Always true.
 */
ok: boolean
/**
 * The agent.
 */
agentId: string
}
/**
 * `agents.workspace.get`
 */
export interface AgentWorkspaceGetParams {
/**
 * The agent.
 */
agentId: string
/**
 * The file, from the workspace.
 */
path: string
}
/**
 * What `agents.workspace.get` answers.
 */
export interface AgentWorkspaceGet {
/**
 * The agent.
 */
agentId: string
file: AgentWorkspaceFile
}
/**
 * The file.
 */
export interface AgentWorkspaceFile {
/**
 * From the workspace.
 */
path: string
/**
 * The last part of that.
 */
name: string
/**
 * Bytes.
 */
size: number
/**
 * Last change, in milliseconds.
 */
updatedAtMs: number
/**
 * What it is, by its bytes.
 */
mimeType: string
/**
 * `utf8`, or `base64` for pictures.
 */
encoding: string
/**
 * All of it.
 */
content: string
}
/**
 * `agents.workspace.list`
 */
export interface AgentWorkspaceListParams {
/**
 * The agent.
 */
agentId: string
/**
 * A directory of its workspace; the workspace itself otherwise.
 */
path?: (string | null)
/**
 * Entries to skip.
 */
offset?: (number | null)
/**
 * Entries at most (200 by default).
 */
limit?: (number | null)
}
/**
 * What `agents.workspace.list` answers.
 */
export interface AgentWorkspaceList {
/**
 * The agent.
 */
agentId: string
/**
 * The directory; empty for the workspace itself.
 */
path: string
/**
 * The directory it is in, unless it is the workspace.
 */
parentPath?: (string | null)
/**
 * What is in it, by name.
 */
entries: AgentWorkspaceEntry[]
/**
 * How much is in it in all.
 */
totalEntries: number
/**
 * How many were skipped.
 */
offset: number
}
/**
 * A file or directory of a workspace.
 */
export interface AgentWorkspaceEntry {
/**
 * From the workspace.
 */
path: string
/**
 * The last part of that.
 */
name: string
/**
 * `file` or `directory`.
 */
kind: string
/**
 * Bytes of a file.
 */
size?: (number | null)
/**
 * Last change, in milliseconds.
 */
updatedAtMs?: (number | null)
}
/**
 * `exec.approval.get`, `exec.approval.waitDecision`, `approval.get`
 */
export interface ApprovalIdParams {
/**
 * The approval.
 */
id: string
}
/**
 * `exec.approval.resolve`, `approval.resolve`
 */
export interface ApprovalResolveParams {
/**
 * The approval.
 */
id: string
/**
 * `allow-once`, `allow-always` or `deny`.
 */
decision: string
}
/**
 * `channels.logout`, `channels.start` and `channels.stop`
 */
export interface ChannelParams {
/**
 * The channel.
 */
channel: string
/**
 * One account of it.
 */
accountId?: (string | null)
}
/**
 * `channels.status`
 */
export interface ChannelsStatusParams {
/**
 * Whether to try the connections.
 */
probe?: (boolean | null)
/**
 * For how long.
 */
timeoutMs?: (number | null)
/**
 * Only this one.
 */
channel?: (string | null)
}
/**
 * What `channels.status` answers. Maps are by channel id.
 */
export interface ChannelsStatus {
/**
 * When, in milliseconds.
 */
ts: number
/**
 * Channel ids in the order to show them.
 */
channelOrder: string[]
/**
 * Their names.
 */
channelLabels: {
[k: string]: string
}
/**
 * What to call one in full.
 */
channelDetailLabels: {
[k: string]: string
}
/**
 * Names of symbols.
 */
channelSystemImages: {
[k: string]: string
}
/**
 * The same facts as rows.
 */
channelMeta: unknown[]
/**
 * Their states.
 */
channels: {
[k: string]: unknown
}
/**
 * Their accounts.
 */
channelAccounts: {
[k: string]: unknown[]
}
/**
 * Which account is used when none is named.
 */
channelDefaultAccountId: {
[k: string]: string
}
/**
 * What is wrong with them.
 */
statusIssues: unknown[]
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
 * An agent, where none means the default one.
 */
export interface OptionalAgentParams {
/**
 * Its id.
 */
agentId?: (string | null)
/**
 * A conversation of it.
 */
sessionKey?: (string | null)
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
config: unknown
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
schema: unknown
/**
 * Labels and marks by dotted path.
 */
uiHints: unknown
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
schema: unknown
/**
 * `hot`, or `restart` where the gateway reads it only at start.
 */
reloadKind: string
/**
 * Its label and marks.
 */
hint: unknown
/**
 * Its members' paths.
 */
children: string[]
}
/**
 * `cron.add`
 */
export interface CronAddParams {
/**
 * Its name.
 */
name: string
/**
 * The agent that works on it; the default one when absent.
 */
agentId?: (string | null)
/**
 * What it is for.
 */
description?: (string | null)
/**
 * Whether it runs by itself (default).
 */
enabled?: (boolean | null)
/**
 * Whether it is removed once it has run well; only for `at`.
 */
deleteAfterRun?: (boolean | null)
/**
 * When it runs.
 */
schedule: ({
kind: "at"
/**
 * Milliseconds since the epoch (generation 3).
 */
atMs?: (number | null)
/**
 * ISO 8601; UTC unless it says otherwise (generation 4).
 */
at?: (string | null)
} | {
kind: "every"
/**
 * The time between two runs.
 */
everyMs: number
/**
 * A time at which it runs; when it was made, if absent.
 */
anchorMs?: (number | null)
} | {
kind: "cron"
/**
 * Five fields (minute, hour, day, month, weekday), or six with seconds first.
 */
expr: string
/**
 * IANA time zone; the computer's when absent.
 */
tz?: (string | null)
/**
 * The job runs up to so much later, always by the same amount.
 */
staggerMs?: (number | null)
})
/**
 * `main`, `isolated`, `current` or `session:<key>`; as the payload needs it when absent.
 */
sessionTarget?: (string | null)
/**
 * The conversation that `current` means; the agent's main one when absent.
 */
sessionKey?: (string | null)
/**
 * Whether a `main` job waits for the next heartbeat (default).
 */
wakeMode?: ("next-heartbeat" | "now")
/**
 * What it does.
 */
payload: ({
kind: "systemEvent"
/**
 * What it is told.
 */
text: string
} | {
kind: "agentTurn"
/**
 * What it is asked.
 */
message: string
/**
 * Model to use, as `provider/model`.
 */
model?: (string | null)
/**
 * How much to think.
 */
thinking?: (string | null)
/**
 * Stop after so long; 0 means as configured.
 */
timeoutSeconds?: (number | null)
/**
 * Whether the answer is delivered (generation 3).
 */
deliver?: (boolean | null)
/**
 * Channel it is delivered to (generation 3).
 */
channel?: (string | null)
/**
 * Receiver it is delivered to (generation 3).
 */
to?: (string | null)
/**
 * Whether a failed delivery is no failure of the job (generation 3).
 */
bestEffortDeliver?: (boolean | null)
} | {
kind: "heartbeat"
})
/**
 * How an isolated job reports to the main conversation (generation 3).
 */
isolation?: (CronIsolation | null)
/**
 * Where its answer goes (generation 4).
 */
delivery?: (CronDelivery | null)
}
/**
 * How an isolated job reports to the main conversation (generation 3).
 */
export interface CronIsolation {
/**
 * What its summary begins with; `Cron` when absent.
 */
postToMainPrefix?: (string | null)
}
/**
 * Where an answer goes.
 */
export interface CronDelivery {
/**
 * Whether it goes anywhere.
 */
mode: ("none" | "announce" | "webhook")
/**
 * Channel; `last` or absent is the agent's main conversation.
 */
channel?: (string | null)
/**
 * Receiver on that channel; the URL of a webhook.
 */
to?: (string | null)
/**
 * Whether a failed delivery is no failure of the job.
 */
bestEffort?: (boolean | null)
}
/**
 * A scheduled job.
 */
export interface CronJob {
/**
 * Its id.
 */
id: string
/**
 * What it stands for, when the gateway itself keeps it (generation 4).
 */
declarationKey?: (string | null)
/**
 * A name for people, when the gateway itself keeps it (generation 4).
 */
displayName?: (string | null)
/**
 * The agent that works on it; the default one when absent.
 */
agentId?: (string | null)
/**
 * Its name.
 */
name: string
/**
 * What it is for.
 */
description?: (string | null)
/**
 * Whether it runs by itself.
 */
enabled: boolean
/**
 * Whether it is removed once it has run well; only for `at`.
 */
deleteAfterRun?: (boolean | null)
/**
 * When it was made, in milliseconds since the epoch.
 */
createdAtMs: number
/**
 * When it was last changed or run.
 */
updatedAtMs: number
/**
 * When it runs.
 */
schedule: ({
kind: "at"
/**
 * Milliseconds since the epoch (generation 3).
 */
atMs?: (number | null)
/**
 * ISO 8601; UTC unless it says otherwise (generation 4).
 */
at?: (string | null)
} | {
kind: "every"
/**
 * The time between two runs.
 */
everyMs: number
/**
 * A time at which it runs; when it was made, if absent.
 */
anchorMs?: (number | null)
} | {
kind: "cron"
/**
 * Five fields (minute, hour, day, month, weekday), or six with seconds first.
 */
expr: string
/**
 * IANA time zone; the computer's when absent.
 */
tz?: (string | null)
/**
 * The job runs up to so much later, always by the same amount.
 */
staggerMs?: (number | null)
})
/**
 * `main`, `isolated` or `session:<key>`.
 */
sessionTarget: string
/**
 * Whether a `main` job waits for the next heartbeat.
 */
wakeMode: ("next-heartbeat" | "now")
/**
 * What it does.
 */
payload: ({
kind: "systemEvent"
/**
 * What it is told.
 */
text: string
} | {
kind: "agentTurn"
/**
 * What it is asked.
 */
message: string
/**
 * Model to use, as `provider/model`.
 */
model?: (string | null)
/**
 * How much to think.
 */
thinking?: (string | null)
/**
 * Stop after so long; 0 means as configured.
 */
timeoutSeconds?: (number | null)
/**
 * Whether the answer is delivered (generation 3).
 */
deliver?: (boolean | null)
/**
 * Channel it is delivered to (generation 3).
 */
channel?: (string | null)
/**
 * Receiver it is delivered to (generation 3).
 */
to?: (string | null)
/**
 * Whether a failed delivery is no failure of the job (generation 3).
 */
bestEffortDeliver?: (boolean | null)
} | {
kind: "heartbeat"
})
/**
 * How an isolated job reports to the main conversation (generation 3).
 */
isolation?: (CronIsolation | null)
/**
 * Where its answer goes (generation 4).
 */
delivery?: (CronDelivery | null)
state?: CronState
/**
 * Changes with the job's settings (generation 4).
 */
configRevision?: (string | null)
/**
 * The same as `state.nextRunAtMs` (generation 4).
 */
nextRunAtMs?: (number | null)
/**
 * The same as in `state` (generation 4).
 */
lastRunAtMs?: (number | null)
/**
 * The same as `state.lastStatus` (generation 4).
 */
lastRunStatus?: (string | null)
/**
 * The same as in `state` (generation 4).
 */
lastDeliveryStatus?: (string | null)
/**
 * The agent that works on it, filled in (generation 4).
 */
effectiveAgentId?: (string | null)
/**
 * Where its answer will go, in words (generation 4).
 */
deliveryPreview?: (CronDeliveryPreview | null)
}
/**
 * How it fares.
 */
export interface CronState {
/**
 * When it was last switched on or off (generation 4).
 */
scheduleActivatedAtMs?: (number | null)
/**
 * When it runs next.
 */
nextRunAtMs?: (number | null)
/**
 * When the run under way began.
 */
runningAtMs?: (number | null)
/**
 * When the last run began.
 */
lastRunAtMs?: (number | null)
/**
 * The same as `lastStatus` (generation 4).
 */
lastRunStatus?: (string | null)
/**
 * `ok` or `error`.
 */
lastStatus?: (string | null)
/**
 * What went wrong.
 */
lastError?: (string | null)
/**
 * How long the last run took.
 */
lastDurationMs?: (number | null)
/**
 * `not-requested`, `delivered` or `not-delivered` (generation 4).
 */
lastDeliveryStatus?: (string | null)
/**
 * Why the answer was not delivered (generation 4).
 */
lastDeliveryError?: (string | null)
/**
 * Failures in a row (generation 4).
 */
consecutiveErrors?: (number | null)
}
/**
 * Where an answer will go, in words.
 */
export interface CronDeliveryPreview {
/**
 * In a few words.
 */
label: string
/**
 * In more words.
 */
detail: string
}
/**
 * A job by id: `cron.get`, `cron.remove`. Generation 3 clients may say `jobId`.
 */
export interface CronIdParams {
/**
 * The job.
 */
id?: (string | null)
/**
 * The job.
 */
jobId?: (string | null)
}
/**
 * `cron.list`
 */
export interface CronListParams {
/**
 * Whether jobs that are switched off are listed.
 */
includeDisabled?: (boolean | null)
/**
 * The same as a choice (generation 4); it counts more.
 */
enabled?: (CronListEnabled | null)
/**
 * Of one agent.
 */
agentId?: (string | null)
/**
 * Text in the name, the description or what the job says.
 */
query?: (string | null)
/**
 * Jobs at most (all by default).
 */
limit?: (number | null)
/**
 * Jobs to skip.
 */
offset?: (number | null)
/**
 * What they are sorted by; the next run when absent.
 */
sortBy?: (CronSortBy | null)
/**
 * Which end comes first.
 */
sortDir?: (CronSortDir | null)
/**
 * Whether `deliveryPreviews` is filled in (default).
 */
includeDeliveryPreviews?: (boolean | null)
}
/**
 * `cron.list`
 */
export interface CronListResult {
/**
 * The jobs.
 */
jobs: CronJob[]
/**
 * Changes with any of them (generation 4).
 */
snapshotRevision?: (string | null)
/**
 * How many there are.
 */
total?: number
/**
 * How many were skipped.
 */
offset?: number
/**
 * How many the page may hold.
 */
limit?: number
/**
 * Whether there are more.
 */
hasMore?: boolean
/**
 * The `offset` of the next page.
 */
nextOffset?: (number | null)
/**
 * Where their answers will go, by id (generation 4).
 */
deliveryPreviews?: ({
[k: string]: CronDeliveryPreview
} | null)
}
/**
 * `cron.remove`
 */
export interface CronRemoveResult {
/**
 * Always true.
 */
ok: boolean
/**
 * Whether there was such a job.
 */
removed: boolean
}
/**
 * `cron.run`
 */
export interface CronRunParams {
/**
 * The job.
 */
id?: (string | null)
/**
 * The job.
 */
jobId?: (string | null)
/**
 * Whether it runs only if its time has come; `due` for generation 3, `force` for 4 when absent.
 */
mode?: (CronRunMode | null)
}
/**
 * `cron.run`
 */
export interface CronRunResult {
/**
 * Always true.
 */
ok: boolean
/**
 * Whether it ran (generation 3, and 4 when it did not).
 */
ran?: (boolean | null)
/**
 * `not-due` or `already-running`.
 */
reason?: (string | null)
/**
 * Whether it will run as soon as there is room (generation 4).
 */
enqueued?: (boolean | null)
/**
 * The run, as `cron.runs` will name it (generation 4).
 */
runId?: (string | null)
/**
 * Changes with every start of the gateway (generation 4).
 */
processInstanceId?: (string | null)
}
/**
 * `cron.runs`
 */
export interface CronRunsParams {
/**
 * The job.
 */
id?: (string | null)
/**
 * The job.
 */
jobId?: (string | null)
/**
 * Entries at most.
 */
limit?: (number | null)
/**
 * Entries to skip (generation 4).
 */
offset?: (number | null)
}
/**
 * `cron.runs`
 */
export interface CronRunsResult {
/**
 * The runs: the newest first for generation 4, last for 3.
 */
entries: CronRunEntry[]
/**
 * How many there are.
 */
total?: number
/**
 * How many were skipped.
 */
offset?: number
/**
 * How many the page may hold.
 */
limit?: number
/**
 * Whether there are more.
 */
hasMore?: boolean
/**
 * The `offset` of the next page.
 */
nextOffset?: (number | null)
}
/**
 * A run of a job that has ended.
 */
export interface CronRunEntry {
/**
 * When it ended.
 */
ts: number
/**
 * The job.
 */
jobId: string
/**
 * Always `finished`.
 */
action: string
/**
 * `ok` or `error`.
 */
status: string
/**
 * `succeeded` or `failed` (generation 4).
 */
completionStatus?: (string | null)
/**
 * What went wrong.
 */
error?: (string | null)
/**
 * What was said.
 */
summary?: (string | null)
/**
 * The run.
 */
runId: string
/**
 * When it began.
 */
runAtMs: number
/**
 * How long it took.
 */
durationMs: number
/**
 * When the job runs next.
 */
nextRunAtMs?: (number | null)
/**
 * The conversation it ran in.
 */
sessionKey?: (string | null)
/**
 * `not-requested`, `delivered` or `not-delivered` (generation 4).
 */
deliveryStatus?: (string | null)
/**
 * The job's name then (generation 4).
 */
jobName?: (string | null)
}
/**
 * `cron.status`
 */
export interface CronStatus {
/**
 * Whether jobs run by themselves.
 */
enabled: boolean
/**
 * Whether anything starts by itself (generation 4).
 */
triggersEnabled?: (boolean | null)
/**
 * Where they are kept.
 */
storePath: string
/**
 * Always `sqlite` (generation 4).
 */
storage?: (string | null)
/**
 * Where they are kept (generation 4).
 */
sqlitePath?: (string | null)
/**
 * How many there are.
 */
jobs: number
/**
 * When the next one runs.
 */
nextWakeAtMs?: (number | null)
}
/**
 * `cron.update`
 */
export interface CronUpdateParams {
/**
 * The job.
 */
id?: (string | null)
/**
 * The job.
 */
jobId?: (string | null)
/**
 * Members to change; `null` clears an optional one, and inside `payload`, `delivery` and
 * `isolation` absent members stay.
 */
patch: {
[k: string]: unknown
}
}
/**
 * The params of methods that decide on one pairing request.
 */
export interface RequestIdParams {
/**
 * The request, as `device.pair.requested` or `node.pair.requested` named it.
 */
requestId: string
}
/**
 * `device.pair.approve`
 */
export interface DeviceApproved {
/**
 * The request that was granted.
 */
requestId: string
device: PairedDevice
}
/**
 * The device as it is now.
 */
export interface PairedDevice {
/**
 * Fingerprint of the public key.
 */
deviceId: string
/**
 * Ed25519 public key, base64url.
 */
publicKey: string
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system, as approved.
 */
platform: string
/**
 * Device family, as approved.
 */
deviceFamily?: (string | null)
/**
 * Client id.
 */
clientId: string
/**
 * Client mode.
 */
clientMode: string
/**
 * First role.
 */
role?: (Role | null)
/**
 * Roles approved.
 */
roles: Role[]
scopes: Scopes
/**
 * Where it asked from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * `silent`, `owner` or `setup-code` (generation 4).
 */
approvedVia?: (string | null)
/**
 * First approval, in milliseconds since the epoch.
 */
createdAtMs: number
/**
 * Last approval, in milliseconds since the epoch.
 */
approvedAtMs: number
/**
 * Last connection, in milliseconds since the epoch (generation 4).
 */
lastSeenAtMs?: (number | null)
/**
 * Always `connect` (generation 4).
 */
lastSeenReason?: (string | null)
/**
 * Whether it is connected right now (generation 4).
 */
connected?: (boolean | null)
/**
 * Its tokens, one per role.
 */
tokens: DeviceTokenInfo[]
}
/**
 * What is told about one token.
 */
export interface DeviceTokenInfo {
/**
 * Who a connection speaks as (protocol §6.2).
 */
role: ("operator" | "node")
scopes: Scopes1
/**
 * First issue, in milliseconds since the epoch.
 */
createdAtMs: number
/**
 * Last reissue, in milliseconds since the epoch.
 */
rotatedAtMs?: (number | null)
/**
 * When it ceased to hold, in milliseconds since the epoch.
 */
revokedAtMs?: (number | null)
/**
 * Last connection with it, in milliseconds since the epoch.
 */
lastUsedAtMs?: (number | null)
}
/**
 * `device.pair.list`
 */
export interface DevicePairList {
/**
 * Requests that wait, newest first.
 */
pending: PairRequest[]
/**
 * Devices that were let in, last approved first.
 */
paired: PairedDevice1[]
}
/**
 * A device that asks to be let in: a pending request, and the `device.pair.requested` event.
 */
export interface PairRequest {
/**
 * What `device.pair.approve` and `reject` name.
 */
requestId: string
/**
 * Fingerprint of the public key.
 */
deviceId: string
/**
 * Ed25519 public key, base64url.
 */
publicKey: string
/**
 * Name for people, as the device calls itself.
 */
displayName?: (string | null)
/**
 * Operating system it claims.
 */
platform: string
/**
 * Device family it claims.
 */
deviceFamily?: (string | null)
/**
 * Client id.
 */
clientId: string
/**
 * Client mode.
 */
clientMode: string
/**
 * Who a connection speaks as (protocol §6.2).
 */
role: ("operator" | "node")
/**
 * The same as a list.
 */
roles: Role[]
scopes: Scopes2
/**
 * Where it connected from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * Whether it could have been let in without asking.
 */
silent: boolean
/**
 * Whether the device is known already and asks for more.
 */
isRepair: boolean
/**
 * Milliseconds since the epoch.
 */
ts: number
}
/**
 * A device that has been let in. Tokens themselves are never listed.
 */
export interface PairedDevice1 {
/**
 * Fingerprint of the public key.
 */
deviceId: string
/**
 * Ed25519 public key, base64url.
 */
publicKey: string
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system, as approved.
 */
platform: string
/**
 * Device family, as approved.
 */
deviceFamily?: (string | null)
/**
 * Client id.
 */
clientId: string
/**
 * Client mode.
 */
clientMode: string
/**
 * First role.
 */
role?: (Role | null)
/**
 * Roles approved.
 */
roles: Role[]
scopes: Scopes
/**
 * Where it asked from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * `silent`, `owner` or `setup-code` (generation 4).
 */
approvedVia?: (string | null)
/**
 * First approval, in milliseconds since the epoch.
 */
createdAtMs: number
/**
 * Last approval, in milliseconds since the epoch.
 */
approvedAtMs: number
/**
 * Last connection, in milliseconds since the epoch (generation 4).
 */
lastSeenAtMs?: (number | null)
/**
 * Always `connect` (generation 4).
 */
lastSeenReason?: (string | null)
/**
 * Whether it is connected right now (generation 4).
 */
connected?: (boolean | null)
/**
 * Its tokens, one per role.
 */
tokens: DeviceTokenInfo[]
}
/**
 * `device.pair.reject`
 */
export interface DeviceRejected {
/**
 * The request that was refused.
 */
requestId: string
/**
 * Whose it was.
 */
deviceId: string
}
/**
 * `device.pair.remove`, and its result.
 */
export interface DeviceRef {
/**
 * The device.
 */
deviceId: string
}
/**
 * `device.pair.rename`
 */
export interface DeviceRenameParams {
/**
 * The device.
 */
deviceId: string
/**
 * Its new name.
 */
label: string
}
/**
 * `device.pair.setupCode`
 */
export interface SetupCodeParams {
/**
 * The address the device shall use; found out when unset.
 */
publicUrl?: (string | null)
/**
 * Use `gateway.remote.url` before any other address.
 */
preferRemoteUrl?: (boolean | null)
/**
 * Leave the picture out with `false`.
 */
includeQr?: (boolean | null)
/**
 * What the device may do; `limited` when unset.
 */
bootstrapProfile?: (SetupAccess | null)
}
/**
 * A setup code: shown once, good once, for ten minutes.
 */
export interface SetupCode {
/**
 * What `device.pair.setupStatus` asks about.
 */
setupId: string
/**
 * When the code expires, in milliseconds since the epoch.
 */
expiresAtMs: number
/**
 * What the device is given: base64url of `{url, bootstrapToken, expiresAtMs}`.
 */
setupCode: string
/**
 * The code as a picture: an SVG data URL.
 */
qrDataUrl?: (string | null)
/**
 * The address in the code.
 */
gatewayUrl: string
/**
 * How the gateway is protected otherwise: `token`, `password` or `none`.
 */
auth: string
/**
 * Where the address came from.
 */
urlSource: string
/**
 * What a setup code lets a device do.
 */
access: ("full" | "limited" | "node")
/**
 * Whether that is less than asked for, because the address is not encrypted.
 */
accessDowngraded?: boolean
}
/**
 * `device.pair.setupStatus`
 */
export interface SetupStatusParams {
/**
 * As `device.pair.setupCode` answered it.
 */
setupId: string
}
/**
 * The result of `device.pair.setupStatus`: empty while nobody has used the code.
 */
export interface SetupStatus {
/**
 * Who used it.
 */
completion?: (SetupCompletion | null)
}
/**
 * A used setup code, also the `device.pair.setup.completed` event.
 */
export interface SetupCompletion {
/**
 * Which code.
 */
setupId: string
/**
 * The device that used it.
 */
deviceId: string
/**
 * Its name.
 */
deviceName?: (string | null)
/**
 * What a setup code lets a device do.
 */
access: ("full" | "limited" | "node")
/**
 * When, in milliseconds since the epoch.
 */
ts: number
}
/**
 * `device.pair.webCode`, a method of this gateway alone: lets one browser of this computer in, once.
 */
export interface WebCode {
/**
 * Where WebChat is, with the code in the fragment: a path that begins with `/`.
 */
path: string
/**
 * When the code expires, in milliseconds since the epoch.
 */
expiresAtMs: number
}
/**
 * `device.token.revoke`
 */
export interface TokenRevokeParams {
/**
 * The device.
 */
deviceId: string
/**
 * Which of its tokens.
 */
role: string
}
/**
 * `device.token.revoke`
 */
export interface TokenRevoked {
/**
 * The device.
 */
deviceId: string
/**
 * Who a connection speaks as (protocol §6.2).
 */
role: ("operator" | "node")
/**
 * Milliseconds since the epoch.
 */
revokedAtMs: number
}
/**
 * `device.token.rotate`
 */
export interface TokenRotateParams {
/**
 * The device.
 */
deviceId: string
/**
 * Which of its tokens.
 */
role: string
/**
 * What the new token covers; the same as the old one when unset.
 */
scopes?: (Scopes3 | null)
}
/**
 * `device.token.rotate`
 */
export interface TokenRotated {
/**
 * The device.
 */
deviceId: string
/**
 * Who a connection speaks as (protocol §6.2).
 */
role: ("operator" | "node")
/**
 * The new token; only to the device itself.
 */
token?: (string | null)
scopes: Scopes4
/**
 * Milliseconds since the epoch.
 */
rotatedAtMs: number
/**
 * `in-band`, or `withheld-cross-device` (generation 4).
 */
tokenDelivery?: (string | null)
}
/**
 * What `environments.list` answers.
 */
export interface Environments {
/**
 * Where agents can work: here.
 */
environments: Environment[]
}
/**
 * A place where agents work.
 */
export interface Environment {
/**
 * `gateway`.
 */
id: string
/**
 * `local`.
 */
type: string
/**
 * For people.
 */
label: string
/**
 * `available`.
 */
status: string
/**
 * As in `system.info`.
 */
platform: string
/**
 * Whether conversations are kept there.
 */
sessionHost: boolean
/**
 * `persistent`.
 */
trust: string
/**
 * What can be done there.
 */
capabilities: string[]
}
/**
 * The answer of `exec.approval.get`.
 */
export interface ApprovalShown {
/**
 * The approval.
 */
id: string
/**
 * The command, with invisible characters written out.
 */
commandText: string
/**
 * A shorter form; never needed here.
 */
commandPreview?: (string | null)
/**
 * What may be decided.
 */
allowedDecisions: Decision[]
/**
 * Where it would run.
 */
host?: (string | null)
/**
 * The node, when it is one.
 */
nodeId?: (string | null)
/**
 * Agent that wants it.
 */
agentId?: (string | null)
/**
 * Until when it can be decided.
 */
expiresAtMs: number
}
/**
 * `exec.approval.grants.list`
 */
export interface GrantsListParams {
/**
 * Grants at most.
 */
limit?: (number | null)
}
/**
 * The answer of `exec.approval.grants.list`.
 */
export interface Grants {
/**
 * Standing consent, by agent.
 */
grants: Grant[]
}
/**
 * A program an agent may run without asking.
 */
export interface Grant {
/**
 * For `exec.approval.grants.revoke`.
 */
id: string
/**
 * The agent; `*` is every one.
 */
agentId: string
/**
 * The program.
 */
pattern: string
/**
 * When it was allowed.
 */
createdAtMs?: (number | null)
}
/**
 * `exec.approval.grants.revoke`
 */
export interface GrantRevokeParams {
/**
 * The grant.
 */
grantId: string
}
/**
 * The answer of `exec.approval.grants.revoke`.
 */
export interface GrantRevoked {
/**
 * `revoked` or `not-found`.
 */
outcome: string
}
/**
 * `exec.approval.request`
 */
export interface ExecApprovalRequestParams {
/**
 * The command as it is shown; may be left out when `commandArgv` is there.
 */
command?: (string | null)
/**
 * The command as a list.
 */
commandArgv?: (string[] | null)
/**
 * Variables the command would get beside those it has anyway.
 */
env?: ({
[k: string]: string
} | null)
/**
 * Id to use instead of a new one.
 */
id?: (string | null)
/**
 * Where it would run.
 */
cwd?: (string | null)
/**
 * `gateway`, `node` or `sandbox`.
 */
host?: (string | null)
/**
 * The node, when it is one.
 */
nodeId?: (string | null)
/**
 * The policy in force there.
 */
security?: (string | null)
/**
 * When it asks.
 */
ask?: (string | null)
/**
 * Agent that wants it.
 */
agentId?: (string | null)
/**
 * The program's full path.
 */
resolvedPath?: (string | null)
/**
 * Conversation that wants it.
 */
sessionKey?: (string | null)
/**
 * How long to wait for a decision (120000 by default).
 */
timeoutMs?: (number | null)
/**
 * Answer twice: once it is accepted and once it is decided.
 */
twoPhase?: (boolean | null)
}
/**
 * How an approval ended.
 */
export interface ApprovalDecision {
/**
 * The approval.
 */
id: string
/**
 * What was decided; `null` when nobody did.
 */
decision?: (Decision | null)
/**
 * When it was asked for.
 */
createdAtMs: number
/**
 * Until when it could be decided.
 */
expiresAtMs: number
/**
 * Why nobody decided: `no-route`, `expired` or `cancelled`.
 */
terminalReason?: (string | null)
}
/**
 * The file of standing decisions with where it is.
 */
export interface ExecApprovalsSnapshot {
/**
 * Where it is.
 */
path: string
/**
 * Whether it exists.
 */
exists: boolean
/**
 * Digest of its text, for `baseHash`.
 */
hash: string
file: ExecApprovalsFile
/**
 * What is in force where it says nothing (generation 4).
 */
resolvedDefaults?: (ExecRules1 | null)
}
/**
 * What it says.
 */
export interface ExecApprovalsFile {
/**
 * Always 1.
 */
version?: number
/**
 * The socket of the original's companion app; kept, not used.
 */
socket?: (ExecSocket | null)
defaults?: ExecRules
/**
 * By agent; `*` counts for every one.
 */
agents?: {
[k: string]: ExecAgent
}
[k: string]: unknown
}
/**
 * The socket of the original's companion app.
 */
export interface ExecSocket {
/**
 * Where it is.
 */
path?: (string | null)
/**
 * Its secret; never answered.
 */
token?: (string | null)
}
/**
 * What counts unless an agent says otherwise.
 */
export interface ExecRules {
/**
 * Which commands may run.
 */
security?: (ExecSecurity | null)
/**
 * When a person is asked.
 */
ask?: (ExecAsk | null)
/**
 * Which commands may run when nobody can be asked.
 */
askFallback?: (ExecSecurity | null)
/**
 * Whether programs of skills count as allowed; kept, not used.
 */
autoAllowSkills?: (boolean | null)
}
/**
 * One agent's rules and what it may run.
 */
export interface ExecAgent {
/**
 * Which commands may run.
 */
security?: (ExecSecurity | null)
/**
 * When a person is asked.
 */
ask?: (ExecAsk | null)
/**
 * Which commands may run when nobody can be asked.
 */
askFallback?: (ExecSecurity | null)
/**
 * Whether programs of skills count as allowed; kept, not used.
 */
autoAllowSkills?: (boolean | null)
/**
 * Programs it may run.
 */
allowlist?: ExecAllowed[]
}
/**
 * A program that may run.
 */
export interface ExecAllowed {
/**
 * Names the entry.
 */
id?: (string | null)
/**
 * Full path of the program.
 */
pattern?: string
/**
 * When it was allowed or last ran.
 */
lastUsedAt?: (number | null)
/**
 * With which command.
 */
lastUsedCommand?: (string | null)
/**
 * As which file.
 */
lastResolvedPath?: (string | null)
[k: string]: unknown
}
/**
 * What may run, and when a person is asked.
 */
export interface ExecRules1 {
/**
 * Which commands may run.
 */
security?: (ExecSecurity | null)
/**
 * When a person is asked.
 */
ask?: (ExecAsk | null)
/**
 * Which commands may run when nobody can be asked.
 */
askFallback?: (ExecSecurity | null)
/**
 * Whether programs of skills count as allowed; kept, not used.
 */
autoAllowSkills?: (boolean | null)
}
/**
 * `exec.approvals.node.get`
 */
export interface ExecApprovalsNodeGetParams {
/**
 * The node whose file is meant.
 */
nodeId: string
}
/**
 * `exec.approvals.node.set`
 */
export interface ExecApprovalsNodeSetParams {
/**
 * The node whose file is meant.
 */
nodeId: string
/**
 * The whole new file; the node checks it.
 */
file: unknown
/**
 * The `hash` of the file it replaces.
 */
baseHash?: (string | null)
}
/**
 * `exec.approvals.set`
 */
export interface ExecApprovalsSetParams {
file: ExecApprovalsFile1
/**
 * The `hash` of the file it replaces.
 */
baseHash?: (string | null)
}
/**
 * The whole new file.
 */
export interface ExecApprovalsFile1 {
/**
 * Always 1.
 */
version?: number
/**
 * The socket of the original's companion app; kept, not used.
 */
socket?: (ExecSocket | null)
defaults?: ExecRules
/**
 * By agent; `*` counts for every one.
 */
agents?: {
[k: string]: ExecAgent
}
[k: string]: unknown
}
/**
 * What `gateway.identity.get` answers: who this gateway is, as a device.
 */
export interface GatewayIdentity {
/**
 * Lower-case hex SHA-256 of the public key.
 */
deviceId: string
/**
 * Ed25519 public key, base64url.
 */
publicKey: string
}
/**
 * What `gateway.restart.preflight` answers: whether a restart would interrupt anything.
 */
export interface RestartPreflight {
/**
 * Whether nothing is under way.
 */
safe: boolean
counts: RestartCounts
/**
 * The same for people.
 */
blockers: RestartBlocker[]
/**
 * All in one sentence.
 */
summary: string
}
/**
 * What is.
 */
export interface RestartCounts {
/**
 * Messages waiting to be taken in.
 */
queueSize: number
/**
 * Answers waiting to be sent by a channel.
 */
pendingReplies: number
/**
 * Runs under way or waiting, whoever asked for them.
 */
embeddedRuns: number
/**
 * Runs that are counted apart.
 */
cronRuns: number
/**
 * Programs left running by tools.
 */
backgroundExecSessions: number
/**
 * Requests that would have to be finished first.
 */
rootRequests: number
/**
 * Background tasks.
 */
activeTasks: number
/**
 * All of them.
 */
totalActive: number
}
/**
 * Something a restart would interrupt.
 */
export interface RestartBlocker {
/**
 * `embedded-run`.
 */
kind: string
/**
 * How many.
 */
count: number
/**
 * For people.
 */
message: string
}
/**
 * A heartbeat that has happened, or why it did not: event `heartbeat` and `last-heartbeat`.
 */
export interface HeartbeatEvent {
/**
 * When, in milliseconds since the epoch.
 */
ts: number
/**
 * What came of it.
 */
status: ("sent" | "ok-empty" | "ok-token" | "skipped" | "failed")
/**
 * The agent.
 */
agentId: string
/**
 * The conversation that was told.
 */
to?: (string | null)
/**
 * The beginning of what was said.
 */
preview?: (string | null)
/**
 * How long it took.
 */
durationMs?: (number | null)
/**
 * Why there was nothing to do, or what failed.
 */
reason?: (string | null)
/**
 * Whether nobody was told.
 */
silent: boolean
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
 * `message.action`
 */
export interface MessageActionParams {
/**
 * What to do, such as `send`.
 */
action: string
/**
 * By which channel.
 */
channel?: (string | null)
/**
 * Particulars of the action.
 */
params?: unknown
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
 * Which of them.
 */
view?: (ModelsView | null)
/**
 * As seen by this agent, whose own model is marked as the default.
 */
agentId?: (string | null)
/**
 * As seen by this conversation.
 */
sessionKey?: (string | null)
/**
 * Rows always have all their details.
 */
includeDetails?: (boolean | null)
/**
 * Nothing is prepared in the background here, so this changes nothing.
 */
preparedOnly?: (boolean | null)
/**
 * Look for local servers again first.
 */
refresh?: (boolean | null)
}
/**
 * `models.probe`
 */
export interface ModelsProbeParams {
/**
 * Who is asked.
 */
provider: string
/**
 * Which of its models, without the provider; one it offers where none is named. Our own addition.
 */
model?: (string | null)
/**
 * There is one set of credentials for a provider, so this changes nothing.
 */
profileId?: (string | null)
/**
 * How long the answer may take to begin.
 */
timeoutMs?: (number | null)
/**
 * The agent whose own model is preferred.
 */
agentId?: (string | null)
}
/**
 * The answer of `models.probe`.
 */
export interface ModelProbe {
/**
 * Who was asked.
 */
provider: string
/**
 * How it went.
 */
status: ("ok" | "error")
/**
 * Time until the answer began, or until it was clear that there is none.
 */
latencyMs: number
/**
 * What happened and what to do, for people.
 */
error?: (string | null)
/**
 * The same for each model asked.
 */
results: ModelProbeResult[]
}
/**
 * How one model answered a probe.
 */
export interface ModelProbeResult {
/**
 * Its id.
 */
model: string
/**
 * How it went.
 */
status: ("ok" | "error")
/**
 * Time until the answer began, or until it was clear that there is none.
 */
latencyMs: number
/**
 * What happened and what to do, for people.
 */
error?: (string | null)
}
/**
 * `node.describe`, `node.pair.remove` and its result.
 */
export interface NodeRef {
/**
 * The node.
 */
nodeId: string
}
/**
 * The result of `node.describe`.
 */
export interface NodeDescription {
/**
 * Milliseconds since the epoch.
 */
ts: number
/**
 * Its device id.
 */
nodeId: string
/**
 * Client id (generation 4).
 */
clientId?: (string | null)
/**
 * Client mode (generation 4).
 */
clientMode?: (string | null)
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system.
 */
platform?: (string | null)
/**
 * Its own version.
 */
version?: (string | null)
/**
 * Version of its core, of clients that tell two apart.
 */
coreVersion?: (string | null)
/**
 * Version of its interface, of clients that tell two apart.
 */
uiVersion?: (string | null)
/**
 * Device family.
 */
deviceFamily?: (string | null)
/**
 * Hardware model.
 */
modelIdentifier?: (string | null)
/**
 * Where it connects from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * Capabilities, for example `camera`.
 */
caps?: string[]
/**
 * Commands it offers, of those its platform may offer.
 */
commands?: string[]
/**
 * Permissions its operating system has given it.
 */
permissions?: ({
[k: string]: boolean
} | null)
/**
 * Where it looks for programs.
 */
pathEnv?: (string | null)
/**
 * Always `false`: conversations do not run on nodes (generation 4).
 */
sessionHost?: (boolean | null)
/**
 * Always empty: nodes bring no tools of their own (generation 4).
 */
nodePluginTools?: (unknown[] | null)
/**
 * `approved`, or `pending` while it asks for more (generation 4).
 */
approvalState?: (string | null)
/**
 * Since when it is connected, in milliseconds since the epoch.
 */
connectedAtMs?: (number | null)
/**
 * Last connection, in milliseconds since the epoch (generation 4).
 */
lastConnectedAtMs?: (number | null)
/**
 * The same (generation 4).
 */
lastSeenAtMs?: (number | null)
/**
 * Always `connect` (generation 4).
 */
lastSeenReason?: (string | null)
/**
 * Last approval, in milliseconds since the epoch (generation 4).
 */
approvedAtMs?: (number | null)
/**
 * Always `true`: only approved nodes are listed.
 */
paired: boolean
/**
 * Whether it is connected right now.
 */
connected: boolean
}
/**
 * `node.event`
 */
export interface NodeEventParams {
/**
 * What happened.
 */
event: string
/**
 * Particulars.
 */
payload?: unknown
/**
 * The same as JSON text.
 */
payloadJSON?: (string | null)
}
/**
 * The result of `node.event`.
 */
export interface NodeEventTaken {
/**
 * Always `true`: the event arrived.
 */
ok: boolean
/**
 * Its name, where nothing came of it (generation 4).
 */
event?: (string | null)
/**
 * Always `false` where present (generation 4).
 */
handled?: (boolean | null)
/**
 * Why nothing came of it (generation 4).
 */
reason?: (string | null)
}
/**
 * `node.invoke`
 */
export interface NodeInvokeParams {
/**
 * The node.
 */
nodeId: string
/**
 * What it shall do.
 */
command: string
/**
 * With what.
 */
params?: unknown
/**
 * How long it may take, in milliseconds (30,000 by default).
 */
timeoutMs?: (number | null)
/**
 * The same key never runs twice.
 */
idempotencyKey: string
}
/**
 * The result of `node.invoke`.
 */
export interface NodeInvoked {
/**
 * Always `true`.
 */
ok: boolean
/**
 * The node.
 */
nodeId: string
/**
 * What it did.
 */
command: string
/**
 * What came of it.
 */
payload: unknown
/**
 * The same as the node wrote it.
 */
payloadJSON?: (string | null)
}
/**
 * `node.invoke.result`
 */
export interface NodeInvokeResultParams {
/**
 * The `id` of the `node.invoke.request` event.
 */
id: string
/**
 * The node itself.
 */
nodeId: string
/**
 * Whether it worked.
 */
ok: boolean
/**
 * What came of it.
 */
payload?: unknown
/**
 * The same as JSON text.
 */
payloadJSON?: (string | null)
/**
 * Why it did not.
 */
error?: (NodeError | null)
}
/**
 * A failure, in the node's own words.
 */
export interface NodeError {
/**
 * Stable name.
 */
code?: (string | null)
/**
 * A sentence.
 */
message?: (string | null)
}
/**
 * The result of `node.invoke.result`.
 */
export interface NodeResultTaken {
/**
 * Always `true`.
 */
ok: boolean
/**
 * Whether nobody waited for it any more.
 */
ignored?: boolean
}
/**
 * `node.list`
 */
export interface NodeList {
/**
 * Milliseconds since the epoch.
 */
ts: number
/**
 * Connected ones first, then by name.
 */
nodes: NodeView[]
}
/**
 * One node of `node.list`.
 */
export interface NodeView {
/**
 * Its device id.
 */
nodeId: string
/**
 * Client id (generation 4).
 */
clientId?: (string | null)
/**
 * Client mode (generation 4).
 */
clientMode?: (string | null)
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system.
 */
platform?: (string | null)
/**
 * Its own version.
 */
version?: (string | null)
/**
 * Version of its core, of clients that tell two apart.
 */
coreVersion?: (string | null)
/**
 * Version of its interface, of clients that tell two apart.
 */
uiVersion?: (string | null)
/**
 * Device family.
 */
deviceFamily?: (string | null)
/**
 * Hardware model.
 */
modelIdentifier?: (string | null)
/**
 * Where it connects from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * Capabilities, for example `camera`.
 */
caps?: string[]
/**
 * Commands it offers, of those its platform may offer.
 */
commands?: string[]
/**
 * Permissions its operating system has given it.
 */
permissions?: ({
[k: string]: boolean
} | null)
/**
 * Where it looks for programs.
 */
pathEnv?: (string | null)
/**
 * Always `false`: conversations do not run on nodes (generation 4).
 */
sessionHost?: (boolean | null)
/**
 * Always empty: nodes bring no tools of their own (generation 4).
 */
nodePluginTools?: (unknown[] | null)
/**
 * `approved`, or `pending` while it asks for more (generation 4).
 */
approvalState?: (string | null)
/**
 * Since when it is connected, in milliseconds since the epoch.
 */
connectedAtMs?: (number | null)
/**
 * Last connection, in milliseconds since the epoch (generation 4).
 */
lastConnectedAtMs?: (number | null)
/**
 * The same (generation 4).
 */
lastSeenAtMs?: (number | null)
/**
 * Always `connect` (generation 4).
 */
lastSeenReason?: (string | null)
/**
 * Last approval, in milliseconds since the epoch (generation 4).
 */
approvedAtMs?: (number | null)
/**
 * Always `true`: only approved nodes are listed.
 */
paired: boolean
/**
 * Whether it is connected right now.
 */
connected: boolean
}
/**
 * `node.pair.approve`
 */
export interface NodeApproved {
/**
 * The request that was granted.
 */
requestId: string
node: PairedNode
}
/**
 * The node as it is now.
 */
export interface PairedNode {
/**
 * Its device id.
 */
nodeId: string
/**
 * Client id (generation 4).
 */
clientId?: (string | null)
/**
 * Client mode (generation 4).
 */
clientMode?: (string | null)
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system.
 */
platform?: (string | null)
/**
 * Its own version.
 */
version?: (string | null)
/**
 * Version of its core, of clients that tell two apart.
 */
coreVersion?: (string | null)
/**
 * Version of its interface, of clients that tell two apart.
 */
uiVersion?: (string | null)
/**
 * Device family.
 */
deviceFamily?: (string | null)
/**
 * Hardware model.
 */
modelIdentifier?: (string | null)
/**
 * Where it connects from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * Capabilities, for example `camera`.
 */
caps?: string[]
/**
 * Commands it offers, of those its platform may offer.
 */
commands?: string[]
/**
 * Permissions its operating system has given it.
 */
permissions?: ({
[k: string]: boolean
} | null)
/**
 * Where it looks for programs.
 */
pathEnv?: (string | null)
/**
 * Its secret for `node.pair.verify` (generation 3, in the answer to the approval).
 */
token?: (string | null)
/**
 * First approval, in milliseconds since the epoch.
 */
createdAtMs: number
/**
 * Last approval, in milliseconds since the epoch.
 */
approvedAtMs: number
/**
 * Last connection, in milliseconds since the epoch.
 */
lastSeenAtMs?: (number | null)
/**
 * Always `connect`.
 */
lastSeenReason?: (string | null)
}
/**
 * `node.pair.list`
 */
export interface NodePairList {
/**
 * Requests that wait, newest first.
 */
pending: NodePairRequest[]
/**
 * Nodes whose commands were allowed.
 */
paired: PairedNode1[]
}
/**
 * A node that asks for its commands to be allowed: pending, and the `node.pair.requested` event.
 */
export interface NodePairRequest {
/**
 * What `node.pair.approve` and `reject` name.
 */
requestId: string
/**
 * Its device id.
 */
nodeId: string
/**
 * Client id (generation 4).
 */
clientId?: (string | null)
/**
 * Client mode (generation 4).
 */
clientMode?: (string | null)
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system.
 */
platform?: (string | null)
/**
 * Its own version.
 */
version?: (string | null)
/**
 * Version of its core, of clients that tell two apart.
 */
coreVersion?: (string | null)
/**
 * Version of its interface, of clients that tell two apart.
 */
uiVersion?: (string | null)
/**
 * Device family.
 */
deviceFamily?: (string | null)
/**
 * Hardware model.
 */
modelIdentifier?: (string | null)
/**
 * Where it connects from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * Capabilities, for example `camera`.
 */
caps?: string[]
/**
 * Commands it offers, of those its platform may offer.
 */
commands?: string[]
/**
 * Permissions its operating system has given it.
 */
permissions?: ({
[k: string]: boolean
} | null)
/**
 * Where it looks for programs.
 */
pathEnv?: (string | null)
/**
 * What the approver has to hold.
 */
requiredApproveScopes: string[]
/**
 * Whether its device was let in without asking.
 */
silent: boolean
/**
 * Whether the node is known already and asks for more.
 */
isRepair?: boolean
/**
 * Milliseconds since the epoch.
 */
ts: number
}
/**
 * A node whose commands were allowed.
 */
export interface PairedNode1 {
/**
 * Its device id.
 */
nodeId: string
/**
 * Client id (generation 4).
 */
clientId?: (string | null)
/**
 * Client mode (generation 4).
 */
clientMode?: (string | null)
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system.
 */
platform?: (string | null)
/**
 * Its own version.
 */
version?: (string | null)
/**
 * Version of its core, of clients that tell two apart.
 */
coreVersion?: (string | null)
/**
 * Version of its interface, of clients that tell two apart.
 */
uiVersion?: (string | null)
/**
 * Device family.
 */
deviceFamily?: (string | null)
/**
 * Hardware model.
 */
modelIdentifier?: (string | null)
/**
 * Where it connects from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * Capabilities, for example `camera`.
 */
caps?: string[]
/**
 * Commands it offers, of those its platform may offer.
 */
commands?: string[]
/**
 * Permissions its operating system has given it.
 */
permissions?: ({
[k: string]: boolean
} | null)
/**
 * Where it looks for programs.
 */
pathEnv?: (string | null)
/**
 * Its secret for `node.pair.verify` (generation 3, in the answer to the approval).
 */
token?: (string | null)
/**
 * First approval, in milliseconds since the epoch.
 */
createdAtMs: number
/**
 * Last approval, in milliseconds since the epoch.
 */
approvedAtMs: number
/**
 * Last connection, in milliseconds since the epoch.
 */
lastSeenAtMs?: (number | null)
/**
 * Always `connect`.
 */
lastSeenReason?: (string | null)
}
/**
 * `node.pair.reject`
 */
export interface NodeRejected {
/**
 * The request that was refused.
 */
requestId: string
/**
 * Whose it was.
 */
nodeId: string
}
/**
 * `node.pair.request` (generation 3)
 */
export interface NodePairParams {
/**
 * Its device id.
 */
nodeId: string
/**
 * Client id (generation 4).
 */
clientId?: (string | null)
/**
 * Client mode (generation 4).
 */
clientMode?: (string | null)
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system.
 */
platform?: (string | null)
/**
 * Its own version.
 */
version?: (string | null)
/**
 * Version of its core, of clients that tell two apart.
 */
coreVersion?: (string | null)
/**
 * Version of its interface, of clients that tell two apart.
 */
uiVersion?: (string | null)
/**
 * Device family.
 */
deviceFamily?: (string | null)
/**
 * Hardware model.
 */
modelIdentifier?: (string | null)
/**
 * Where it connects from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * Capabilities, for example `camera`.
 */
caps?: string[]
/**
 * Commands it offers, of those its platform may offer.
 */
commands?: string[]
/**
 * Permissions its operating system has given it.
 */
permissions?: ({
[k: string]: boolean
} | null)
/**
 * Where it looks for programs.
 */
pathEnv?: (string | null)
/**
 * Not to be shown as a prompt.
 */
silent?: (boolean | null)
}
/**
 * The result of `node.pair.request`.
 */
export interface NodePairOpened {
/**
 * Always `pending`.
 */
status: string
request: NodePairRequest1
/**
 * Whether it is a new one.
 */
created: boolean
}
/**
 * A node that asks for its commands to be allowed: pending, and the `node.pair.requested` event.
 */
export interface NodePairRequest1 {
/**
 * What `node.pair.approve` and `reject` name.
 */
requestId: string
/**
 * Its device id.
 */
nodeId: string
/**
 * Client id (generation 4).
 */
clientId?: (string | null)
/**
 * Client mode (generation 4).
 */
clientMode?: (string | null)
/**
 * Name for people.
 */
displayName?: (string | null)
/**
 * Operating system.
 */
platform?: (string | null)
/**
 * Its own version.
 */
version?: (string | null)
/**
 * Version of its core, of clients that tell two apart.
 */
coreVersion?: (string | null)
/**
 * Version of its interface, of clients that tell two apart.
 */
uiVersion?: (string | null)
/**
 * Device family.
 */
deviceFamily?: (string | null)
/**
 * Hardware model.
 */
modelIdentifier?: (string | null)
/**
 * Where it connects from, unless from this machine.
 */
remoteIp?: (string | null)
/**
 * Capabilities, for example `camera`.
 */
caps?: string[]
/**
 * Commands it offers, of those its platform may offer.
 */
commands?: string[]
/**
 * Permissions its operating system has given it.
 */
permissions?: ({
[k: string]: boolean
} | null)
/**
 * Where it looks for programs.
 */
pathEnv?: (string | null)
/**
 * What the approver has to hold.
 */
requiredApproveScopes: string[]
/**
 * Whether its device was let in without asking.
 */
silent: boolean
/**
 * Whether the node is known already and asks for more.
 */
isRepair?: boolean
/**
 * Milliseconds since the epoch.
 */
ts: number
}
/**
 * `node.pair.verify` (generation 3)
 */
export interface NodeVerifyParams {
/**
 * The node.
 */
nodeId: string
/**
 * What `node.pair.approve` answered.
 */
token: string
}
/**
 * The result of `node.pair.verify`.
 */
export interface NodeVerified {
/**
 * Whether the token is the node's.
 */
ok: boolean
/**
 * The node, if so.
 */
node?: (PairedNode1 | null)
}
/**
 * `node.pending.ack`
 */
export interface NodeAckParams {
/**
 * Items that are done.
 * 
 * @minItems 1
 * @maxItems 100
 */
ids: [string, ...(string)[]]
}
/**
 * The result of `node.pending.ack`.
 */
export interface NodeAcked {
/**
 * The node itself.
 */
nodeId: string
/**
 * Changes with the queue.
 */
revision: number
/**
 * Those of the ids that were waiting.
 */
ackedIds: string[]
/**
 * How many items still wait.
 */
remainingCount: number
}
/**
 * `node.pending.pull`, which leaves the items where they are, and `node.pending.drain`, which takes
 * them.
 */
export interface NodePendingParams {
/**
 * At most so many (10 by default).
 */
maxItems?: (number | null)
}
/**
 * The result of `node.pending.pull` and `node.pending.drain`.
 */
export interface NodePending {
/**
 * The node itself.
 */
nodeId: string
/**
 * Changes with the queue.
 */
revision: number
/**
 * The most urgent ones first.
 */
items: NodeWork[]
/**
 * Whether there are others.
 */
hasMore: boolean
}
/**
 * Something that waits for a node.
 */
export interface NodeWork {
/**
 * For `node.pending.ack`.
 */
id: string
/**
 * What it is.
 */
type: ("status.request" | "location.request")
/**
 * How urgent it is.
 */
priority: ("high" | "normal")
/**
 * When it was asked for, in milliseconds since the epoch.
 */
createdAtMs: number
/**
 * When it is forgotten, in milliseconds since the epoch.
 */
expiresAtMs: number
}
/**
 * `node.pending.enqueue`
 */
export interface NodeEnqueueParams {
/**
 * The node; one whose commands were allowed.
 */
nodeId: string
/**
 * What it shall do.
 */
type: ("status.request" | "location.request")
/**
 * How urgent it is.
 */
priority?: (NodeWorkPriority | null)
/**
 * How long it waits, in milliseconds (a day by default).
 */
expiresInMs?: (number | null)
/**
 * Whether to wake the node up, which this gateway cannot do.
 */
wake?: (boolean | null)
}
/**
 * The result of `node.pending.enqueue`.
 */
export interface NodeEnqueued {
/**
 * The node.
 */
nodeId: string
/**
 * Changes with the queue.
 */
revision: number
queued: NodeWork1
/**
 * Always `false`: there is no push service.
 */
wakeTriggered: boolean
}
/**
 * Something that waits for a node.
 */
export interface NodeWork1 {
/**
 * For `node.pending.ack`.
 */
id: string
/**
 * What it is.
 */
type: ("status.request" | "location.request")
/**
 * How urgent it is.
 */
priority: ("high" | "normal")
/**
 * When it was asked for, in milliseconds since the epoch.
 */
createdAtMs: number
/**
 * When it is forgotten, in milliseconds since the epoch.
 */
expiresAtMs: number
}
/**
 * `node.rename`, and its result.
 */
export interface NodeRename {
/**
 * The node.
 */
nodeId: string
/**
 * Its new name.
 */
displayName: string
}
/**
 * `poll`
 */
export interface PollParams {
/**
 * Whom to ask.
 */
to: string
/**
 * What.
 */
question: string
/**
 * What can be answered.
 * 
 * @minItems 2
 * @maxItems 12
 */
options: [string, string]|[string, string, string]|[string, string, string, string]|[string, string, string, string, string]|[string, string, string, string, string, string]|[string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string]
/**
 * The same key again is the same poll.
 */
idempotencyKey: string
/**
 * How many answers one may choose.
 */
maxSelections?: (number | null)
/**
 * For how long it is open.
 */
durationHours?: (number | null)
/**
 * By which channel.
 */
channel?: (string | null)
/**
 * From which account.
 */
accountId?: (string | null)
}
/**
 * `send`
 */
export interface SendParams {
/**
 * Whom to.
 */
to: string
/**
 * What to say; may be left out where media are sent.
 */
message?: (string | null)
/**
 * The same key again is the same message.
 */
idempotencyKey: string
/**
 * By which channel.
 */
channel?: (string | null)
/**
 * From which account.
 */
accountId?: (string | null)
/**
 * A picture or file to send.
 */
mediaUrl?: (string | null)
/**
 * Pictures or files to send.
 */
mediaUrls?: (string[] | null)
}
/**
 * `sessions.abort`: a conversation, a run, or both.
 */
export interface SessionsAbortParams {
/**
 * Conversation.
 */
key?: (string | null)
/**
 * One run; without it all of the conversation's.
 */
runId?: (string | null)
}
/**
 * The answer of `sessions.abort`.
 */
export interface SessionsAborted {
/**
 * Always true.
 */
ok: boolean
/**
 * The run that was stopped; the first of several.
 */
abortedRunId?: (string | null)
/**
 * `aborted` or `no-active-run`.
 */
status: string
}
/**
 * `sessions.branches.list`
 */
export interface BranchesListParams {
/**
 * Conversation.
 */
sessionKey: string
}
/**
 * The answer of `sessions.branches.list`.
 */
export interface SessionBranches {
/**
 * Newest first.
 */
branches: SessionBranch[]
}
/**
 * One course a conversation took.
 */
export interface SessionBranch {
/**
 * Its last row, for `sessions.branches.switch`.
 */
leafEntryId: string
/**
 * Its rows.
 */
messageCount: number
/**
 * Time of its last row.
 */
updatedAt: number
/**
 * Whether it is the one shown.
 */
active: boolean
}
/**
 * `sessions.branches.switch`
 */
export interface BranchSwitchParams {
/**
 * Conversation.
 */
sessionKey: string
/**
 * Last row of the branch to show.
 */
leafEntryId: string
}
/**
 * `sessions.compact`
 */
export interface SessionsCompactParams {
/**
 * Conversation.
 */
key: string
/**
 * Cuts the conversation to so many rows; without it a model summarises the older part.
 */
maxLines?: (number | null)
}
/**
 * The answer of `sessions.compact`.
 */
export interface SessionsCompacted {
/**
 * Always true.
 */
ok: boolean
/**
 * Conversation.
 */
key: string
/**
 * Whether rows were left out or summarised.
 */
compacted: boolean
/**
 * Why there was nothing to leave out: `no sessionId` or `no transcript`.
 */
reason?: (string | null)
/**
 * File that holds the conversation as it was, when rows were left out.
 */
archived?: (string | null)
/**
 * Rows there are now; after a summary those that stay word for word.
 */
kept?: (number | null)
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
 * First message to run at once; some clients call it `task`.
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
 * `sessions.rewind`, `sessions.fork`: a place in a conversation.
 */
export interface SessionEntryParams {
/**
 * Conversation.
 */
sessionKey: string
/**
 * Id of a row, `__openclaw.id` in the history.
 */
entryId: string
}
/**
 * The answer of `sessions.fork`.
 */
export interface SessionForked {
/**
 * The new conversation.
 */
sessionKey: string
/**
 * The text of the message it stops before.
 */
editorText?: (string | null)
}
/**
 * `sessions.import`, a method of this gateway alone
 */
export interface SessionsImportParams {
/**
 * A transcript as the original keeps it, one JSON object a line (protocol §20.1).
 */
transcript: string
/**
 * Key of the new conversation; one that says that it was imported when absent.
 */
key?: (string | null)
}
/**
 * What `sessions.import` answers
 */
export interface SessionsImported {
/**
 * Always true.
 */
ok: boolean
/**
 * Key of the new conversation.
 */
key: string
/**
 * Its id.
 */
sessionId: string
/**
 * Messages taken over.
 */
messages: number
/**
 * Lines that are no part of a transcript.
 */
damagedLines: number
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
/**
 * Only what this conversation started.
 */
spawnedBy?: (string | null)
/**
 * `true` for the archived ones, `"all"` for all; otherwise those that are not archived.
 */
archived?: unknown
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
 * `off`, `tokens` or `full`.
 */
responseUsage?: (string | null)
/**
 * `off`, `on`, `ask` or `full`; kept for clients, grants nothing.
 */
elevatedLevel?: (string | null)
/**
 * Where commands run: `gateway`; with `sandbox` or `node` none run here.
 */
execHost?: (string | null)
/**
 * `deny`, `allowlist` or `full`; can only narrow what exec approvals allow.
 */
execSecurity?: (string | null)
/**
 * `off`, `on-miss` or `always`; can only narrow what exec approvals allow.
 */
execAsk?: (string | null)
/**
 * Node for commands; kept for clients.
 */
execNode?: (string | null)
/**
 * `allow` or `deny`.
 */
sendPolicy?: (string | null)
/**
 * `mention` or `always`.
 */
groupActivation?: (string | null)
/**
 * Conversation that started this one.
 */
spawnedBy?: (string | null)
/**
 * Shown beside the name.
 */
icon?: (string | null)
/**
 * Shown beside the name.
 */
color?: (string | null)
/**
 * Group in lists.
 */
category?: (string | null)
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
 * The answer of `sessions.rewind`.
 */
export interface SessionRewound {
/**
 * The text of the message gone back before.
 */
editorText?: (string | null)
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
/**
 * `sessions.send`, `sessions.steer`
 */
export interface SessionsSendParams {
/**
 * Conversation.
 */
key: string
/**
 * Text; may be empty with attachments.
 */
message: string
/**
 * Files.
 * 
 * @maxItems 64
 */
attachments?: (Attachment[] | null)
/**
 * Thinking level for this run.
 */
thinking?: (string | null)
/**
 * Longest run time, in milliseconds.
 */
timeoutMs?: (number | null)
/**
 * Becomes the run id; a new one when absent.
 */
idempotencyKey?: (string | null)
}
/**
 * `sessions.usage`
 */
export interface SessionsUsageParams {
/**
 * One conversation.
 */
key?: (string | null)
/**
 * First day, `YYYY-MM-DD`.
 */
startDate?: (string | null)
/**
 * Last day, `YYYY-MM-DD`; today by default.
 */
endDate?: (string | null)
/**
 * Instead of a first day: `7d`, `30d` (default), `90d`, `1y` or `all`.
 */
range?: (string | null)
/**
 * Conversations listed at most (50 by default).
 */
limit?: (number | null)
}
/**
 * `set-heartbeats`
 */
export interface SetHeartbeatsParams {
/**
 * True or false: whether heartbeats happen until the gateway stops. Required; the refusal has
 * words of its own.
 */
enabled?: unknown
}
/**
 * `set-heartbeats`
 */
export interface SetHeartbeatsResult {
/**
 * Always true.
 */
ok: boolean
/**
 * Whether heartbeats happen now.
 */
enabled: boolean
}
/**
 * What `skills.bins` answers.
 */
export interface SkillsBins {
/**
 * Programs that skills may want, by name.
 */
bins: string[]
}
/**
 * `skills.install`
 */
export interface SkillsInstallParams {
/**
 * The skill.
 */
name: string
/**
 * Which of its installers.
 */
installId: string
/**
 * Give up after this long.
 */
timeoutMs?: (number | null)
}
/**
 * What `skills.install` answers, also beside an error.
 */
export interface SkillInstalled {
/**
 * Whether the installer succeeded.
 */
ok: boolean
/**
 * What happened.
 */
message: string
/**
 * What it printed.
 */
stdout: string
/**
 * What it complained about.
 */
stderr: string
/**
 * Its exit code.
 */
code?: (number | null)
}
/**
 * What `skills.status` answers.
 */
export interface SkillsStatus {
/**
 * The agent's workspace; its skills are in `skills` below it.
 */
workspaceDir: string
/**
 * Where skills of all agents are.
 */
managedSkillsDir: string
/**
 * The agent.
 */
agentId: string
/**
 * Its skills by name.
 */
skills: SkillStatus[]
}
/**
 * One skill.
 */
export interface SkillStatus {
/**
 * Its name.
 */
name: string
/**
 * What it is for.
 */
description: string
/**
 * Where it comes from: `openclaw-workspace` or `openclaw-managed` (generation 3:
 * `clawdbot-…`).
 */
source: string
/**
 * Whether it came with the product; none do.
 */
bundled: boolean
/**
 * Its `SKILL.md`.
 */
filePath: string
/**
 * The directory of that file.
 */
baseDir: string
/**
 * Its name in `skills.entries`.
 */
skillKey: string
/**
 * The variable that its API key goes to.
 */
primaryEnv?: (string | null)
/**
 * A picture for lists.
 */
emoji?: (string | null)
/**
 * More about it.
 */
homepage?: (string | null)
/**
 * Whether it is offered whatever is missing.
 */
always: boolean
/**
 * Whether it is switched off, or has not been switched on since its text changed.
 */
disabled: boolean
/**
 * Whether `skills.allowBundled` leaves it out; never for skills that did not come with the
 * product.
 */
blockedByAllowlist: boolean
/**
 * Whether the agent leaves it out.
 */
blockedByAgentFilter: boolean
/**
 * Whether it can be used now.
 */
eligible: boolean
/**
 * Whether it is for other systems only.
 */
platformIncompatible: boolean
/**
 * Whether the model is told of it.
 */
modelVisible: boolean
/**
 * Whether people may ask for it by name.
 */
userInvocable: boolean
/**
 * Whether it is a slash command.
 */
commandVisible: boolean
requirements: SkillNeeds
missing: SkillNeeds1
/**
 * The settings it needs, one by one.
 */
configChecks: SkillConfigCheck[]
/**
 * How what it needs can be installed on this system.
 */
install: SkillInstaller[]
}
/**
 * What it needs.
 */
export interface SkillNeeds {
/**
 * All of these programs.
 */
bins?: string[]
/**
 * One of these programs.
 */
anyBins?: string[]
/**
 * These variables.
 */
env?: string[]
/**
 * These settings, as dotted paths.
 */
config?: string[]
/**
 * One of these systems: `linux`, `darwin`, `win32`.
 */
os?: string[]
}
/**
 * What of that is not there.
 */
export interface SkillNeeds1 {
/**
 * All of these programs.
 */
bins?: string[]
/**
 * One of these programs.
 */
anyBins?: string[]
/**
 * These variables.
 */
env?: string[]
/**
 * These settings, as dotted paths.
 */
config?: string[]
/**
 * One of these systems: `linux`, `darwin`, `win32`.
 */
os?: string[]
}
/**
 * Whether a setting is there.
 */
export interface SkillConfigCheck {
/**
 * Dotted path.
 */
path: string
/**
 * Whether it is set to something.
 */
satisfied: boolean
}
/**
 * A way to install what a skill needs.
 */
export interface SkillInstaller {
/**
 * For `skills.install`.
 */
id: string
/**
 * `brew`, `node`, `go`, `uv` or `download`.
 */
kind: string
/**
 * For people.
 */
label: string
/**
 * The programs it brings.
 */
bins: string[]
}
/**
 * `skills.update`
 */
export interface SkillsUpdateParams {
/**
 * The skill's name in `skills.entries`.
 */
skillKey: string
/**
 * Switch it on or off.
 */
enabled?: (boolean | null)
/**
 * Its API key; empty removes it.
 */
apiKey?: (string | null)
/**
 * Variables for it; an empty one is removed.
 */
env?: ({
[k: string]: string
} | null)
}
/**
 * What `skills.update` answers.
 */
export interface SkillUpdated {
/**
 * Always true.
 */
ok: boolean
/**
 * The skill.
 */
skillKey: string
/**
 * Its entry now, secrets replaced by the placeholder.
 */
config: unknown
}
/**
 * `system-event`. A text that begins with `Node:` only updates the presence list.
 */
export interface SystemEventParams {
/**
 * What happened. Required; the refusal has words of each generation's own.
 */
text?: (string | null)
/**
 * Device id.
 */
deviceId?: (string | null)
/**
 * Instance id.
 */
instanceId?: (string | null)
/**
 * Host name.
 */
host?: (string | null)
/**
 * Address.
 */
ip?: (string | null)
/**
 * Mode.
 */
mode?: (string | null)
/**
 * Version.
 */
version?: (string | null)
/**
 * Operating system.
 */
platform?: (string | null)
/**
 * Device family.
 */
deviceFamily?: (string | null)
/**
 * Model of the device.
 */
modelIdentifier?: (string | null)
/**
 * Seconds since somebody used the device.
 */
lastInputSeconds?: (number | null)
/**
 * Why this is told.
 */
reason?: (string | null)
/**
 * Roles held.
 * 
 * @maxItems 16
 */
roles?: ([]|[string]|[string, string]|[string, string, string]|[string, string, string, string]|[string, string, string, string, string]|[string, string, string, string, string, string]|[string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string, string, string, string, string] | null)
/**
 * Scopes held.
 * 
 * @maxItems 32
 */
scopes?: (string[] | null)
/**
 * Tags.
 * 
 * @maxItems 16
 */
tags?: ([]|[string]|[string, string]|[string, string, string]|[string, string, string, string]|[string, string, string, string, string]|[string, string, string, string, string, string]|[string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string, string, string, string]|[string, string, string, string, string, string, string, string, string, string, string, string, string, string, string, string] | null)
}
/**
 * `wake` and `system-event`
 */
export interface WakeResult {
/**
 * Always true.
 */
ok: boolean
}
/**
 * What `system.info` answers.
 */
export interface SystemInfo {
/**
 * The machine's name.
 */
machineName: string
/**
 * Its name on the network.
 */
hostname: string
/**
 * `linux`, `darwin` or `win32`.
 */
platform: string
/**
 * Version of the system's kernel.
 */
release: string
/**
 * `x64` or `arm64`.
 */
arch: string
/**
 * The system for people.
 */
osLabel: string
/**
 * Where the gateway listens.
 */
port?: (number | null)
/**
 * What runs the gateway; no Node.js here.
 */
nodeVersion: string
/**
 * Its process.
 */
pid: number
/**
 * Another one after every start.
 */
processInstanceId: string
/**
 * How long it has been running.
 */
uptimeMs: number
/**
 * Processors.
 */
cpuCount: number
/**
 * Memory of the machine.
 */
memoryTotalBytes: number
/**
 * What of that can be used.
 */
memoryFreeBytes: number
processMemory: ProcessMemory
/**
 * Size of the disk that holds the state.
 */
diskTotalBytes?: (number | null)
/**
 * What is free of it.
 */
diskAvailableBytes?: (number | null)
/**
 * The state directory.
 */
diskPath: string
}
/**
 * Memory of the gateway.
 */
export interface ProcessMemory {
/**
 * Resident bytes.
 */
rssBytes: number
}
/**
 * What `talk.catalog` answers: how this gateway could talk.
 */
export interface TalkCatalog {
/**
 * Ways to talk.
 */
modes: string[]
/**
 * Ways to carry sound.
 */
transports: string[]
/**
 * Who answers.
 */
brains: string[]
speech: TalkProviders
transcription: TalkProviders1
realtime: TalkProviders2
}
/**
 * Who speaks.
 */
export interface TalkProviders {
/**
 * Whether one can be used now.
 */
ready: boolean
/**
 * All of them.
 */
providers: unknown[]
}
/**
 * Who listens.
 */
export interface TalkProviders1 {
/**
 * Whether one can be used now.
 */
ready: boolean
/**
 * All of them.
 */
providers: unknown[]
}
/**
 * Who does both at once.
 */
export interface TalkProviders2 {
/**
 * Whether one can be used now.
 */
ready: boolean
/**
 * All of them.
 */
providers: unknown[]
}
/**
 * `talk.config`
 */
export interface TalkConfigParams {
/**
 * Show keys too; needs `operator.talk.secrets`.
 */
includeSecrets?: (boolean | null)
}
/**
 * What `talk.config` answers.
 */
export interface TalkConfig {
config: TalkConfigParts
}
/**
 * The parts of the configuration that matter to voice.
 */
export interface TalkConfigParts {
/**
 * The `talk` block.
 */
talk?: unknown
/**
 * `session.mainKey`.
 */
session?: unknown
/**
 * `ui.seamColor`.
 */
ui?: unknown
}
/**
 * `talk.mode`
 */
export interface TalkModeParams {
/**
 * Whether people talk.
 */
enabled: boolean
/**
 * What is going on, such as `listening`.
 */
phase?: (string | null)
}
/**
 * What `talk.mode` answers and announces.
 */
export interface TalkMode {
/**
 * Whether people talk.
 */
enabled: boolean
/**
 * What is going on.
 */
phase?: (string | null)
/**
 * When, in milliseconds.
 */
ts: number
}
/**
 * `tools.effective`
 */
export interface ToolsEffectiveParams {
/**
 * The conversation.
 */
sessionKey: string
/**
 * Its agent.
 */
agentId?: (string | null)
}
/**
 * What `tts.status` answers.
 */
export interface TtsStatus {
/**
 * Whether answers are spoken.
 */
enabled: boolean
/**
 * When: `off`.
 */
auto: string
/**
 * By whom.
 */
provider: string
/**
 * As whom.
 */
persona?: (string | null)
/**
 * As whom it could be.
 */
personas: unknown[]
/**
 * Who steps in.
 */
fallbackProvider?: (string | null)
/**
 * All who could.
 */
fallbackProviders: string[]
/**
 * Where preferences would be kept.
 */
prefsPath: string
/**
 * Every provider and whether it is set up.
 */
providerStates: unknown[]
}
/**
 * `update.run`
 */
export interface UpdateRunParams {
/**
 * Conversation to tell afterwards.
 */
sessionKey?: (string | null)
/**
 * Why, for the log.
 */
note?: (string | null)
/**
 * Wait before restarting.
 */
restartDelayMs?: (number | null)
/**
 * Give up after this long.
 */
timeoutMs?: (number | null)
}
/**
 * What `update.run` answers.
 */
export interface UpdateRun {
/**
 * Always true: the request was understood.
 */
ok: boolean
result: UpdateResult
restart: ConfigRestart1
sentinel: UpdateSentinel
}
/**
 * What was done.
 */
export interface UpdateResult {
/**
 * `skipped`.
 */
status: string
/**
 * How this build was installed, as far as it knows.
 */
mode: string
/**
 * Why, and what to do instead.
 */
reason: string
/**
 * Steps taken.
 */
steps: unknown[]
/**
 * How long it took.
 */
durationMs: number
}
/**
 * Whether a restart was scheduled.
 */
export interface ConfigRestart1 {
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
 * What is remembered of it.
 */
export interface UpdateSentinel {
/**
 * The file; nothing is kept of an update that did not happen.
 */
path?: (string | null)
payload: UpdateSentinelPayload
}
/**
 * What happened.
 */
export interface UpdateSentinelPayload {
/**
 * `update`.
 */
kind: string
/**
 * `skipped`.
 */
status: string
/**
 * When, in milliseconds.
 */
ts: number
/**
 * The conversation of the request.
 */
sessionKey?: (string | null)
/**
 * The note of the request.
 */
message?: (string | null)
/**
 * The result once more.
 */
stats: unknown
}
/**
 * What `update.status` answers.
 */
export interface UpdateStatus {
/**
 * The last update; none ever happened.
 */
sentinel?: unknown
/**
 * A newer version; this build does not look for one.
 */
updateAvailable?: unknown
/**
 * `update.channel`.
 */
effectiveChannel: string
schedule: UpdateSchedule
}
/**
 * When it would look.
 */
export interface UpdateSchedule {
/**
 * `update.channel`.
 */
channel: string
/**
 * Whether it looks by itself.
 */
autoEnabled: boolean
install: UpdateInstall
}
/**
 * How this build was installed.
 */
export interface UpdateInstall {
/**
 * `package`.
 */
kind: string
}
/**
 * `usage.cost`
 */
export interface UsageCostParams {
/**
 * Days up to today (30 by default).
 */
days?: (number | null)
}
/**
 * The answer of `usage.cost`.
 */
export interface UsageCost {
/**
 * When it was worked out.
 */
updatedAt: number
/**
 * Days looked at.
 */
days: number
/**
 * Days on which something was used.
 */
daily: UsageDay[]
totals: UsageTotals
}
/**
 * One day of it.
 */
export interface UsageDay {
/**
 * `YYYY-MM-DD`, local time.
 */
date: string
/**
 * Input tokens that were neither read from nor written to the cache.
 */
input?: number
/**
 * Output tokens.
 */
output?: number
/**
 * Input tokens read from the cache.
 */
cacheRead?: number
/**
 * Input tokens written to the cache.
 */
cacheWrite?: number
/**
 * Sum of the four.
 */
totalTokens?: number
/**
 * Price of it all.
 */
totalCost?: number
/**
 * Of the uncached input.
 */
inputCost?: number
/**
 * Of the output.
 */
outputCost?: number
/**
 * Of cache reads.
 */
cacheReadCost?: number
/**
 * Of cache writes.
 */
cacheWriteCost?: number
/**
 * Runs whose price is not known, or nothing.
 */
missingCostEntries?: number
}
/**
 * All of them together.
 */
export interface UsageTotals {
/**
 * Input tokens that were neither read from nor written to the cache.
 */
input?: number
/**
 * Output tokens.
 */
output?: number
/**
 * Input tokens read from the cache.
 */
cacheRead?: number
/**
 * Input tokens written to the cache.
 */
cacheWrite?: number
/**
 * Sum of the four.
 */
totalTokens?: number
/**
 * Price of it all.
 */
totalCost?: number
/**
 * Of the uncached input.
 */
inputCost?: number
/**
 * Of the output.
 */
outputCost?: number
/**
 * Of cache reads.
 */
cacheReadCost?: number
/**
 * Of cache writes.
 */
cacheWriteCost?: number
/**
 * Runs whose price is not known, or nothing.
 */
missingCostEntries?: number
}
/**
 * The answer of `usage.status`.
 */
export interface UsageStatus {
/**
 * When it was asked for.
 */
updatedAt: number
/**
 * Quotas of subscriptions; no provider served here tells any.
 */
providers: unknown[]
}
/**
 * What `users.self` answers.
 */
export interface UsersSelf {
profile: UserProfile
}
/**
 * The owner: this gateway knows one person.
 */
export interface UserProfile {
/**
 * `gateway-owner`.
 */
id: string
/**
 * Name.
 */
displayName?: (string | null)
/**
 * Type of the picture.
 */
avatarMime?: (string | null)
/**
 * The profile this one became part of.
 */
mergedInto?: (string | null)
/**
 * When the gateway got its identity, in milliseconds.
 */
createdAt: number
/**
 * The same.
 */
updatedAt: number
/**
 * Addresses.
 */
emails: string[]
/**
 * GitHub account.
 */
githubIdentity?: unknown
/**
 * Whether there is a picture.
 */
hasAvatar: boolean
}
/**
 * What `voicewake.get` and `voicewake.set` answer, and what `voicewake.changed` tells.
 */
export interface VoiceWake {
/**
 * The words that wake the assistant.
 */
triggers: string[]
}
/**
 * `voicewake.set`
 */
export interface VoiceWakeSetParams {
/**
 * A list of words; the empty list brings the usual ones back.
 */
triggers?: unknown
}
/**
 * `wake`
 */
export interface WakeParams {
/**
 * Whether to wait for the next heartbeat.
 */
mode: ("next-heartbeat" | "now")
/**
 * What the conversation is told.
 */
text: string
/**
 * Conversation; the main one when absent (generation 4).
 */
sessionKey?: (string | null)
/**
 * Agent whose main conversation is meant (generation 4).
 */
agentId?: (string | null)
}
/**
 * `wizard.cancel` and `wizard.status`
 */
export interface WizardSessionParams {
/**
 * From `wizard.start`.
 */
sessionId: string
}
/**
 * What `wizard.cancel` and `wizard.status` answer.
 */
export interface WizardStatus {
/**
 * `running`, `done` or `cancelled`.
 */
status: string
/**
 * Why it ended.
 */
error?: (string | null)
}
/**
 * `wizard.next`
 */
export interface WizardNextParams {
/**
 * From `wizard.start`.
 */
sessionId: string
/**
 * The answer to the step shown; without one the step is shown again.
 */
answer?: (WizardAnswer | null)
}
/**
 * An answer to a step.
 */
export interface WizardAnswer {
/**
 * The step.
 */
stepId: string
/**
 * What was chosen or entered.
 */
value?: unknown
}
/**
 * What `wizard.start` and `wizard.next` answer.
 */
export interface WizardTurn {
/**
 * Names the wizard; only `wizard.start` tells.
 */
sessionId?: (string | null)
/**
 * Whether that was all.
 */
done: boolean
/**
 * What to show and ask now.
 */
step?: (WizardStep | null)
/**
 * `running`, `done`, `cancelled` or `error`.
 */
status: string
/**
 * What is wrong with the answer.
 */
error?: (string | null)
}
/**
 * One thing to show or ask.
 */
export interface WizardStep {
/**
 * For the answer.
 */
id: string
/**
 * `note`, `select`, `text` or `confirm`.
 */
type: string
/**
 * Heading.
 */
title: string
/**
 * Explanation.
 */
message: string
/**
 * What can be chosen.
 */
options?: (WizardOption[] | null)
/**
 * What is chosen or entered at first.
 */
initialValue?: unknown
/**
 * What the answer looks like.
 */
placeholder?: (string | null)
/**
 * Whether the answer is a secret.
 */
sensitive?: (boolean | null)
/**
 * Who shows it: `client`.
 */
executor: string
}
/**
 * Something to choose.
 */
export interface WizardOption {
/**
 * The answer.
 */
value: string
/**
 * Its name.
 */
label: string
/**
 * More about it.
 */
hint?: (string | null)
}
/**
 * `wizard.start`
 */
export interface WizardStartParams {
/**
 * What to set up.
 */
mode?: (WizardMode | null)
/**
 * The agents' workspace.
 */
workspace?: (string | null)
}
