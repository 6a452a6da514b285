//! Parameters of the model methods (protocol §14.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which models `models.list` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelsView {
    /// All that can be asked.
    Default,
    /// Those of providers that the configuration names; all when it names none.
    Configured,
    /// Those of providers that the configuration names.
    ProviderConfig,
    /// All that can be asked.
    All,
}

/// An agent, where none means the default one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OptionalAgentParams {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub agent_id: Option<String>,
    /// A conversation of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub session_key: Option<String>,
}

/// `tools.effective`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolsEffectiveParams {
    /// The conversation.
    #[schemars(length(min = 1, max = 512))]
    pub session_key: String,
    /// Its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// `models.list`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelsListParams {
    /// Only this provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Which of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<ModelsView>,
    /// As seen by this agent, whose own model is marked as the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// As seen by this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub session_key: Option<String>,
    /// Rows always have all their details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_details: Option<bool>,
    /// Nothing is prepared in the background here, so this changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared_only: Option<bool>,
    /// Look for local servers again first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<bool>,
}

/// `models.probe`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelsProbeParams {
    /// Who is asked.
    #[schemars(length(min = 1, max = 200))]
    pub provider: String,
    /// Which of its models, without the provider; one it offers where none is named. Our own addition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub model: Option<String>,
    /// There is one set of credentials for a provider, so this changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<String>,
    /// How long the answer may take to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60_000))]
    pub timeout_ms: Option<u64>,
    /// The agent whose own model is preferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub agent_id: Option<String>,
}

/// Whether a provider answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelProbeStatus {
    /// It began to answer.
    Ok,
    /// It did not; the error says why.
    Error,
}

/// The answer of `models.probe`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelProbe {
    /// Who was asked.
    pub provider: String,
    /// How it went.
    pub status: ModelProbeStatus,
    /// Time until the answer began, or until it was clear that there is none.
    pub latency_ms: u64,
    /// What happened and what to do, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The same for each model asked.
    pub results: Vec<ModelProbeResult>,
}

/// How one model answered a probe.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelProbeResult {
    /// Its id.
    pub model: String,
    /// How it went.
    pub status: ModelProbeStatus,
    /// Time until the answer began, or until it was clear that there is none.
    pub latency_ms: u64,
    /// What happened and what to do, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
