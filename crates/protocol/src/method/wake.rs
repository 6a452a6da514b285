//! Nudges: `wake`, `system-event` and heartbeats (protocol §14.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CronWakeMode;

/// `wake` and `system-event`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WakeResult {
    /// Always true.
    pub ok: bool,
}

/// `wake`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WakeParams {
    /// Whether to wait for the next heartbeat.
    pub mode: CronWakeMode,
    /// What the conversation is told.
    #[schemars(length(min = 1, max = 20_000))]
    pub text: String,
    /// Conversation; the main one when absent (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub session_key: Option<String>,
    /// Agent whose main conversation is meant (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub agent_id: Option<String>,
}

/// `set-heartbeats`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SetHeartbeatsParams {
    /// True or false: whether heartbeats happen until the gateway stops. Required; the refusal has
    /// words of its own.
    #[serde(default)]
    pub enabled: Value,
}

/// `set-heartbeats`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SetHeartbeatsResult {
    /// Always true.
    pub ok: bool,
    /// Whether heartbeats happen now.
    pub enabled: bool,
}

/// A heartbeat that has happened, or why it did not: event `heartbeat` and `last-heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatEvent {
    /// When, in milliseconds since the epoch.
    pub ts: i64,
    /// What came of it.
    pub status: HeartbeatStatus,
    /// The agent.
    pub agent_id: String,
    /// The conversation that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The beginning of what was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Why there was nothing to do, or what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether nobody was told.
    pub silent: bool,
}

/// What came of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeartbeatStatus {
    /// The agent had something to say.
    Sent,
    /// There was nothing to ask, or nothing was answered.
    OkEmpty,
    /// The agent acknowledged.
    OkToken,
    /// It was not the time for it.
    Skipped,
    /// The agent could not be asked.
    Failed,
}

/// `system-event`. A text that begins with `Node:` only updates the presence list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemEventParams {
    /// What happened. Required; the refusal has words of each generation's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20_000))]
    pub text: Option<String>,
    /// Device id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub device_id: Option<String>,
    /// Instance id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub instance_id: Option<String>,
    /// Host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub host: Option<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub ip: Option<String>,
    /// Mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub mode: Option<String>,
    /// Version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,
    /// Operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub platform: Option<String>,
    /// Device family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub device_family: Option<String>,
    /// Model of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub model_identifier: Option<String>,
    /// Seconds since somebody used the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_input_seconds: Option<f64>,
    /// Why this is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
    /// Roles held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub roles: Option<Vec<String>>,
    /// Scopes held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub scopes: Option<Vec<String>>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub tags: Option<Vec<String>>,
}
