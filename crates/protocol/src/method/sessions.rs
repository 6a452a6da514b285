//! Parameters of the session methods (protocol §14.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Only what this conversation started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spawned_by: Option<String>,
    /// `true` for the archived ones, `"all"` for all; otherwise those that are not archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Value>,
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
    /// First message to run at once; some clients call it `task`.
    #[serde(default, alias = "task", skip_serializing_if = "Option::is_none")]
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
    /// `off`, `tokens` or `full`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub response_usage: Option<Option<String>>,
    /// `off`, `on`, `ask` or `full`; kept for clients, grants nothing.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub elevated_level: Option<Option<String>>,
    /// Where commands run: `gateway`; with `sandbox` or `node` none run here.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub exec_host: Option<Option<String>>,
    /// `deny`, `allowlist` or `full`; can only narrow what exec approvals allow.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub exec_security: Option<Option<String>>,
    /// `off`, `on-miss` or `always`; can only narrow what exec approvals allow.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub exec_ask: Option<Option<String>>,
    /// Node for commands; kept for clients.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub exec_node: Option<Option<String>>,
    /// `allow` or `deny`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub send_policy: Option<Option<String>>,
    /// `mention` or `always`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub group_activation: Option<Option<String>>,
    /// Conversation that started this one.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub spawned_by: Option<Option<String>>,
    /// Shown beside the name.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub icon: Option<Option<String>>,
    /// Shown beside the name.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub color: Option<Option<String>>,
    /// Group in lists.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub category: Option<Option<String>>,
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

/// `sessions.import`, a method of this gateway alone
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsImportParams {
    /// A transcript as the original keeps it, one JSON object a line (protocol §20.1).
    #[schemars(length(min = 1))]
    pub transcript: String,
    /// Key of the new conversation; one that says that it was imported when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub key: Option<String>,
}

/// What `sessions.import` answers
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsImported {
    /// Always true.
    pub ok: bool,
    /// Key of the new conversation.
    pub key: String,
    /// Its id.
    pub session_id: String,
    /// Messages taken over.
    pub messages: u64,
    /// Lines that are no part of a transcript.
    pub damaged_lines: u64,
}
