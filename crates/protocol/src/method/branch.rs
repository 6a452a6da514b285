//! Parameters of the methods that talk into a conversation or go back in it (protocol §14.2, §15).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Attachment;

/// `sessions.send`, `sessions.steer`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsSendParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub key: String,
    /// Text; may be empty with attachments.
    pub message: String,
    /// Files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub attachments: Option<Vec<Attachment>>,
    /// Thinking level for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// Longest run time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Becomes the run id; a new one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub idempotency_key: Option<String>,
}

/// `sessions.abort`: a conversation, a run, or both.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionsAbortParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub key: Option<String>,
    /// One run; without it all of the conversation's.
    pub run_id: Option<String>,
}

/// The answer of `sessions.abort`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsAborted {
    /// Always true.
    pub ok: bool,
    /// The run that was stopped; the first of several.
    pub aborted_run_id: Option<String>,
    /// `aborted` or `no-active-run`.
    pub status: String,
}

/// `sessions.compact`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsCompactParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub key: String,
    /// Cuts the conversation to so many rows; without it a model summarises the older part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_lines: Option<u32>,
}

/// The answer of `sessions.compact`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsCompacted {
    /// Always true.
    pub ok: bool,
    /// Conversation.
    pub key: String,
    /// Whether rows were left out or summarised.
    pub compacted: bool,
    /// Why there was nothing to leave out: `no sessionId` or `no transcript`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// File that holds the conversation as it was, when rows were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<String>,
    /// Rows there are now; after a summary those that stay word for word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
}

/// `sessions.rewind`, `sessions.fork`: a place in a conversation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionEntryParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
    /// Id of a row, `__openclaw.id` in the history.
    #[schemars(length(min = 1, max = 256))]
    pub entry_id: String,
}

/// The answer of `sessions.rewind`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionRewound {
    /// The text of the message gone back before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editor_text: Option<String>,
}

/// The answer of `sessions.fork`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionForked {
    /// The new conversation.
    pub session_key: String,
    /// The text of the message it stops before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editor_text: Option<String>,
}

/// `sessions.branches.list`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BranchesListParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
}

/// The answer of `sessions.branches.list`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionBranches {
    /// Newest first.
    pub branches: Vec<SessionBranch>,
}

/// One course a conversation took.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionBranch {
    /// Its last row, for `sessions.branches.switch`.
    pub leaf_entry_id: String,
    /// Its rows.
    pub message_count: u64,
    /// Time of its last row.
    pub updated_at: i64,
    /// Whether it is the one shown.
    pub active: bool,
}

/// `sessions.branches.switch`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BranchSwitchParams {
    /// Conversation.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
    /// Last row of the branch to show.
    #[schemars(length(min = 1, max = 256))]
    pub leaf_entry_id: String,
}
