//! Parameters of the agent methods (protocol §14.3, §14.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Attachment;

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
