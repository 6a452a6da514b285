//! Parameters and results of `agents.*` beside `agents.list` (protocol §15).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `agents.create`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AgentsCreateParams {
    /// Its name; the id is made from it.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Its workspace; a directory of its own beside the usual one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub workspace: Option<String>,
    /// Its model, as `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub model: Option<String>,
    /// Its emoji.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub emoji: Option<String>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub avatar: Option<String>,
}

/// What `agents.create` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentCreated {
    /// Always true.
    pub ok: bool,
    /// Its id.
    pub agent_id: String,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub workspace: String,
    /// Its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// `agents.update`: what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentsUpdateParams {
    /// The agent.
    #[schemars(length(min = 1))]
    pub agent_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub name: Option<String>,
    /// Its workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub workspace: Option<String>,
    /// Its model, as `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub model: Option<String>,
    /// Its emoji.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub emoji: Option<String>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub avatar: Option<String>,
}

/// What `agents.update` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentUpdated {
    /// Always true.
    pub ok: bool,
    /// The agent.
    pub agent_id: String,
}

/// `agents.delete`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentsDeleteParams {
    /// The agent.
    #[schemars(length(min = 1))]
    pub agent_id: String,
    /// Whether its files go too; this gateway never deletes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_files: Option<bool>,
}

/// What `agents.delete` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentDeleted {
    /// Always true.
    pub ok: bool,
    /// The agent.
    pub agent_id: String,
    /// Entries of `bindings` that went with it.
    pub removed_bindings: usize,
}

/// `agents.files.list`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentFilesParams {
    /// The agent.
    #[schemars(length(min = 1))]
    pub agent_id: String,
}

/// `agents.files.get`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentFileParams {
    /// The agent.
    #[schemars(length(min = 1))]
    pub agent_id: String,
    /// The file, such as `SOUL.md`.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// `agents.files.set`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentFileSetParams {
    /// The agent.
    #[schemars(length(min = 1))]
    pub agent_id: String,
    /// The file, such as `SOUL.md`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its whole text.
    #[schemars(length(max = 1_000_000))]
    pub content: String,
}

/// What `agents.files.list` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentFiles {
    /// The agent.
    pub agent_id: String,
    /// Its workspace.
    pub workspace: String,
    /// The files that describe it, also those that are not there.
    pub files: Vec<AgentFile>,
}

/// What `agents.files.get` and `agents.files.set` answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentFileAnswer {
    /// True for `agents.files.set`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// The agent.
    pub agent_id: String,
    /// Its workspace.
    pub workspace: String,
    /// The file.
    pub file: AgentFile,
}

/// A file that describes an agent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentFile {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// Whether it is not there.
    pub missing: bool,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Last change, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at_ms: Option<i64>,
    /// Its text; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// `agents.workspace.list`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentWorkspaceListParams {
    /// The agent.
    #[schemars(length(min = 1))]
    pub agent_id: String,
    /// A directory of its workspace; the workspace itself otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub path: Option<String>,
    /// Entries to skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Entries at most (200 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
}

/// What `agents.workspace.list` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentWorkspaceList {
    /// The agent.
    pub agent_id: String,
    /// The directory; empty for the workspace itself.
    pub path: String,
    /// The directory it is in, unless it is the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_path: Option<String>,
    /// What is in it, by name.
    pub entries: Vec<AgentWorkspaceEntry>,
    /// How much is in it in all.
    pub total_entries: usize,
    /// How many were skipped.
    pub offset: usize,
}

/// A file or directory of a workspace.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentWorkspaceEntry {
    /// From the workspace.
    pub path: String,
    /// The last part of that.
    pub name: String,
    /// `file` or `directory`.
    pub kind: String,
    /// Bytes of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Last change, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at_ms: Option<i64>,
}

/// `agents.workspace.get`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentWorkspaceGetParams {
    /// The agent.
    #[schemars(length(min = 1))]
    pub agent_id: String,
    /// The file, from the workspace.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
}

/// What `agents.workspace.get` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentWorkspaceGet {
    /// The agent.
    pub agent_id: String,
    /// The file.
    pub file: AgentWorkspaceFile,
}

/// A file of a workspace.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentWorkspaceFile {
    /// From the workspace.
    pub path: String,
    /// The last part of that.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Last change, in milliseconds.
    pub updated_at_ms: i64,
    /// What it is, by its bytes.
    pub mime_type: String,
    /// `utf8`, or `base64` for pictures.
    pub encoding: String,
    /// All of it.
    pub content: String,
}
