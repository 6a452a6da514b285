use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Secret;

/// The `models` block.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelsConfig {
    /// Whether the built-in catalogue stays available.
    pub mode: ModelsMode,
    /// Providers by the name that stands before the slash in a model reference.
    pub providers: BTreeMap<String, Provider>,
}

/// Whether the built-in catalogue stays available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelsMode {
    /// Add to it.
    #[default]
    Merge,
    /// Use only what the document lists.
    Replace,
}

/// One provider of models.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Provider {
    /// Where its API answers; may be left out for providers the product knows.
    #[schemars(length(min = 1))]
    pub base_url: Option<String>,
    /// The key it asks for.
    pub api_key: Option<Secret>,
    /// The protocol it speaks; a model may say otherwise.
    pub api: Option<Api>,
    /// Extra request headers. Values may be secrets.
    pub headers: BTreeMap<String, Secret>,
    /// Send the key as `Authorization: Bearer`.
    pub auth_header: Option<bool>,
    /// Give up on a request after this many seconds.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u32>,
    /// Its models.
    pub models: Vec<ModelEntry>,
}

/// The protocol a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// OpenAI chat completions, and everything compatible with it.
    OpenaiCompletions,
    /// OpenAI responses.
    OpenaiResponses,
    /// OpenAI responses with a ChatGPT account.
    OpenaiChatgptResponses,
    /// OpenAI responses on Azure.
    AzureOpenaiResponses,
    /// Anthropic messages.
    AnthropicMessages,
    /// Google Gemini.
    GoogleGenerativeAi,
    /// Google Vertex AI.
    GoogleVertex,
    /// GitHub Copilot.
    GithubCopilot,
    /// Amazon Bedrock.
    BedrockConverseStream,
    /// Ollama's own API.
    Ollama,
    /// Pi messages.
    PiMessages,
}

/// One model of a provider.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelEntry {
    /// The provider's name for it; with the provider's own name it makes the reference
    /// `provider/id`.
    #[schemars(length(min = 1))]
    pub id: String,
    /// The name shown; the id when unset.
    #[serde(default)]
    pub name: Option<String>,
    /// The protocol, when it differs from the provider's.
    #[serde(default)]
    pub api: Option<Api>,
    /// Whether it can think before it answers.
    #[serde(default)]
    pub reasoning: bool,
    /// What it accepts.
    #[serde(default = "text_only")]
    pub input: Vec<InputKind>,
    /// What it costs.
    #[serde(default)]
    pub cost: Cost,
    /// How many tokens fit in one request.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub context_window: Option<u32>,
    /// How many tokens it may write; 8192 when unset.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
}

fn text_only() -> Vec<InputKind> {
    vec![InputKind::Text]
}

/// A kind of input a model accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// Text.
    Text,
    /// Pictures.
    Image,
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
}

/// Prices in dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cost {
    /// Read by the model.
    #[schemars(range(min = 0.0))]
    pub input: f64,
    /// Written by the model.
    #[schemars(range(min = 0.0))]
    pub output: f64,
    /// Read again from the provider's cache.
    #[schemars(range(min = 0.0))]
    pub cache_read: f64,
    /// Put into the provider's cache.
    #[schemars(range(min = 0.0))]
    pub cache_write: f64,
}
