//! Parameters of the methods, one type each (protocol §13 and §14).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A method that takes nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct NoParams {}

/// One attachment of a message (protocol §13.7).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Claimed type; the gateway looks at the bytes instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Base64, optionally behind a `data:` prefix; entries without content are dropped.
    #[serde(default)]
    pub content: Option<Value>,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").field("file_name", &self.file_name).finish_non_exhaustive()
    }
}

/// `chat.send`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatSendParams {
    /// Conversation; an alias is resolved.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
    /// Text; may be empty with attachments.
    pub message: String,
    /// Becomes the run id; the same key never runs twice.
    #[schemars(length(min = 1, max = 256))]
    pub idempotency_key: String,
    /// Thinking level for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// Files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub attachments: Option<Vec<Attachment>>,
    /// Longest run time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// `chat.abort`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatAbortParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
    /// One run; without it all of the conversation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// `chat.history` and `chat.startup`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatHistoryParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
    /// Rows at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Rows to skip, counted from the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Only rows newer than this cursor of an earlier answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Longest text of one row, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500_000))]
    pub max_chars: Option<u32>,
    /// JSON size of the rows, in bytes; oldest are left out first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024))]
    pub max_bytes: Option<u64>,
}

/// `chat.inject`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatInjectParams {
    /// Conversation; must exist.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
    /// The note.
    #[schemars(length(min = 1))]
    pub message: String,
    /// Shown in brackets above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub label: Option<String>,
}

/// `chat.message.get`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageGetParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
    /// `__openclaw.id` of the row.
    #[schemars(length(min = 1))]
    pub message_id: String,
}

/// `agent`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentParams {
    /// Text.
    #[schemars(length(min = 1))]
    pub message: String,
    /// Becomes the run id.
    #[schemars(length(min = 1, max = 256))]
    pub idempotency_key: String,
    /// Agent; must match the session key when both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Conversation; the agent's main one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub session_key: Option<String>,
    /// Thinking level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// Files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub attachments: Option<Vec<Attachment>>,
    /// Longest run time, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Added to the system prompt of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_system_prompt: Option<String>,
}

/// `agent.wait`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentWaitParams {
    /// The run.
    #[schemars(length(min = 1))]
    pub run_id: String,
    /// How long to wait, in milliseconds (30,000 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// `agent.identity.get`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentIdentityParams {
    /// Agent; the default one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Conversation whose agent is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
}

/// `sessions.list` and, all optional, `sessions.subscribe`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsListParams {
    /// Rows at most (100 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
    /// Rows to skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Only those touched in the last so many minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub active_minutes: Option<u32>,
    /// Adds `derivedTitle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_derived_titles: Option<bool>,
    /// Adds `lastMessagePreview`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_last_message: Option<bool>,
    /// Exact label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Of one agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Text in label, title or key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
}

/// A session by key: `sessions.describe`, `sessions.reset`, `sessions.messages.subscribe` …
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionKeyParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub key: String,
    /// `sessions.messages.subscribe`: whether to replay open approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_approvals: Option<bool>,
}

/// `sessions.delete`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsDeleteParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub key: String,
    /// Whether the transcript goes too (default); it is exported first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_transcript: Option<bool>,
}

/// `sessions.create`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsCreateParams {
    /// Key to use instead of a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub key: Option<String>,
    /// Agent; the default one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub label: Option<String>,
    /// Model to use, as `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Thinking level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<String>,
    /// First message to run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Key of that first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub idempotency_key: Option<String>,
}

/// `sessions.patch`: a member that is `null` is cleared, an absent one is left alone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsPatchParams {
    /// Conversation; created when missing.
    #[schemars(length(min = 1, max = 512))]
    pub key: String,
    /// Name for people, unique.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub label: Option<Option<String>>,
    /// `off`, `minimal`, `low`, `medium`, `high` or `xhigh`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<Option<String>>,
    /// `off`, `on` or `full`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub verbose_level: Option<Option<String>>,
    /// `off`, `on` or `stream`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub reasoning_level: Option<Option<String>>,
    /// Model to use, as `provider/model`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub model: Option<Option<String>>,
    /// Kept on top of lists.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Option<bool>>,
    /// Left out of lists.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub archived: Option<Option<bool>>,
    /// Has something nobody has read.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub unread: Option<Option<bool>>,
}

/// Tells `null` (present, cleared) from an absent member.
fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// `sessions.resolve`: one of `key`, `sessionId`, `label`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsResolveParams {
    /// Conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Transcript id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Answer `{ok: true}` without a key instead of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_missing: Option<bool>,
}

/// `sessions.preview`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsPreviewParams {
    /// Conversations; the first 64 count.
    #[schemars(length(min = 1))]
    pub keys: Vec<String>,
    /// Rows each (12 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
    /// Characters each row (240 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 20))]
    pub max_chars: Option<u32>,
}

/// `sessions.search`: full text over the messages of all conversations.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsSearchParams {
    /// Words to look for.
    #[schemars(length(min = 1, max = 500))]
    pub query: String,
    /// Only in these conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_keys: Option<Vec<String>>,
    /// Hits at most (20 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u32>,
}

/// `models.list`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelsListParams {
    /// Only this provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Look for local servers again first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<bool>,
}

/// `logs.tail`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogsTailParams {
    /// Byte position to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Lines at most (500 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub limit: Option<u32>,
    /// Bytes at most (250,000 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_bytes: Option<u64>,
}
