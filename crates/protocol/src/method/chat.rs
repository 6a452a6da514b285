//! Parameters of the chat methods (protocol §13).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
