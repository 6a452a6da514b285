//! Parameters and results of voice wake, talk and speech (protocol §14.11).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `talk.mode`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TalkModeParams {
    /// Whether people talk.
    pub enabled: bool,
    /// What is going on, such as `listening`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub phase: Option<String>,
}

/// What `talk.mode` answers and announces.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TalkMode {
    /// Whether people talk.
    pub enabled: bool,
    /// What is going on.
    pub phase: Option<String>,
    /// When, in milliseconds.
    pub ts: i64,
}

/// `talk.config`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TalkConfigParams {
    /// Show keys too; needs `operator.talk.secrets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_secrets: Option<bool>,
}

/// What `talk.config` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TalkConfig {
    /// The parts of the configuration that matter to voice.
    pub config: TalkConfigParts,
}

/// The parts of the configuration that matter to voice; only those that are set.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct TalkConfigParts {
    /// The `talk` block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub talk: Option<Value>,
    /// `session.mainKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Value>,
    /// `ui.seamColor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ui: Option<Value>,
}

/// What `talk.catalog` answers: how this gateway could talk.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct TalkCatalog {
    /// Ways to talk.
    pub modes: Vec<String>,
    /// Ways to carry sound.
    pub transports: Vec<String>,
    /// Who answers.
    pub brains: Vec<String>,
    /// Who speaks.
    pub speech: TalkProviders,
    /// Who listens.
    pub transcription: TalkProviders,
    /// Who does both at once.
    pub realtime: TalkProviders,
}

/// Providers of one kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct TalkProviders {
    /// Whether one can be used now.
    pub ready: bool,
    /// All of them.
    pub providers: Vec<Value>,
}

/// `voicewake.set`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct VoiceWakeSetParams {
    /// A list of words; the empty list brings the usual ones back.
    #[serde(default)]
    pub triggers: Value,
}

/// What `voicewake.get` and `voicewake.set` answer, and what `voicewake.changed` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VoiceWake {
    /// The words that wake the assistant.
    pub triggers: Vec<String>,
}

/// What `tts.status` answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TtsStatus {
    /// Whether answers are spoken.
    pub enabled: bool,
    /// When: `off`.
    pub auto: String,
    /// By whom.
    pub provider: String,
    /// As whom.
    pub persona: Option<String>,
    /// As whom it could be.
    pub personas: Vec<Value>,
    /// Who steps in.
    pub fallback_provider: Option<String>,
    /// All who could.
    pub fallback_providers: Vec<String>,
    /// Where preferences would be kept.
    pub prefs_path: String,
    /// Every provider and whether it is set up.
    pub provider_states: Vec<Value>,
}
