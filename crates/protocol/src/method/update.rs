//! Parameters and results of `update.*` (protocol §14.12).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ConfigRestart;

/// `update.run`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRunParams {
    /// Conversation to tell afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub session_key: Option<String>,
    /// Why, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub note: Option<String>,
    /// Wait before restarting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_delay_ms: Option<u64>,
    /// Give up after this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub timeout_ms: Option<u64>,
}

/// What `update.run` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UpdateRun {
    /// Always true: the request was understood.
    pub ok: bool,
    /// What was done.
    pub result: UpdateResult,
    /// Whether a restart was scheduled.
    pub restart: ConfigRestart,
    /// What is remembered of it.
    pub sentinel: UpdateSentinel,
}

/// What an update did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateResult {
    /// `skipped`.
    pub status: String,
    /// How this build was installed, as far as it knows.
    pub mode: String,
    /// Why, and what to do instead.
    pub reason: String,
    /// Steps taken.
    pub steps: Vec<Value>,
    /// How long it took.
    pub duration_ms: u64,
}

/// What is remembered of an update.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UpdateSentinel {
    /// The file; nothing is kept of an update that did not happen.
    pub path: Option<String>,
    /// What happened.
    pub payload: UpdateSentinelPayload,
}

/// What happened in an update.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateSentinelPayload {
    /// `update`.
    pub kind: String,
    /// `skipped`.
    pub status: String,
    /// When, in milliseconds.
    pub ts: i64,
    /// The conversation of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// The note of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The result once more.
    pub stats: Value,
}

/// What `update.status` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStatus {
    /// The last update; none ever happened.
    pub sentinel: Option<Value>,
    /// A newer version; this build does not look for one.
    pub update_available: Option<Value>,
    /// `update.channel`.
    pub effective_channel: String,
    /// When it would look.
    pub schedule: UpdateSchedule,
}

/// When to look for updates.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateSchedule {
    /// `update.channel`.
    pub channel: String,
    /// Whether it looks by itself.
    pub auto_enabled: bool,
    /// How this build was installed.
    pub install: UpdateInstall,
}

/// How this build was installed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UpdateInstall {
    /// `package`.
    pub kind: String,
}
