//! Parameters and results of the configuration methods (protocol §14.5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `config.set`, `config.apply` and `config.patch`
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigWriteParams {
    /// JSON5 text: the whole document, or for `config.patch` a merge patch.
    pub raw: String,
    /// `hash` of the `config.get` this text is based on; required when the file exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
    /// Why, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub note: Option<String>,
}

/// Shows no text: it may hold secrets.
impl std::fmt::Debug for ConfigWriteParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigWriteParams").field("note", &self.note).finish_non_exhaustive()
    }
}

/// What `config.set`, `config.apply` and `config.patch` answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigWritten {
    /// Always true.
    pub ok: bool,
    /// The document.
    pub path: String,
    /// Its hash now.
    pub hash: String,
    /// What it says now, secrets replaced by the placeholder.
    pub config: Value,
    /// Settings that count only after a restart; everything else is in force.
    pub restart_required: Vec<String>,
    /// What became of the restart that the original would do.
    pub restart: ConfigRestart,
    /// The record of this change.
    pub sentinel: ConfigSentinel,
}

/// Whether a restart was scheduled: this gateway needs none, or leaves it to its owner.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigRestart {
    /// Whether one was scheduled.
    pub ok: bool,
    /// This process.
    pub pid: u32,
    /// Milliseconds until it happens.
    pub delay_ms: u64,
    /// `none`.
    pub mode: String,
    /// Why not.
    pub reason: String,
}

/// The record of a change.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSentinel {
    /// Whether it outlives this process: the log keeps it.
    pub persisted: bool,
    /// What was done.
    pub payload: ConfigSentinelPayload,
}

/// What was done to the configuration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSentinelPayload {
    /// `config-set`, `config-apply` or `config-patch`.
    pub kind: String,
    /// `ok`.
    pub status: String,
    /// When, in milliseconds.
    pub ts: i64,
    /// The caller's note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What `config.schema` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSchema {
    /// JSON Schema of the document.
    pub schema: Value,
    /// Labels and marks by dotted path.
    pub ui_hints: Value,
    /// The gateway's version.
    pub version: String,
    /// When it was made, ISO 8601.
    pub generated_at: String,
}

/// `config.schema.lookup`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSchemaLookupParams {
    /// Dotted path, such as `gateway.port`; empty for the whole.
    #[schemars(length(max = 1024))]
    pub path: String,
}

/// What `config.schema.lookup` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSchemaEntry {
    /// The path asked for.
    pub path: String,
    /// Its schema, without its members.
    pub schema: Value,
    /// `hot`, or `restart` where the gateway reads it only at start.
    pub reload_kind: String,
    /// Its label and marks.
    pub hint: Value,
    /// Its members' paths.
    pub children: Vec<String>,
}
