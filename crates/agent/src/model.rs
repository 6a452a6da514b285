//! The `Model` port: what a model is, what it is asked and what it streams back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ModelError;
use crate::message::{Block, Cost, Message, StopReason, Usage};
use crate::tool::ToolSpec;

/// `provider/model`: everything after the first slash is the model id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelRef {
    /// Provider id, for example `anthropic`.
    pub provider: String,
    /// Model id as the provider spells it; may contain slashes.
    pub id: String,
}

/// A text that is not `provider/model`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a model reference. Write provider/model, for example openai/gpt-5.")]
pub struct InvalidModelRef(String);

/// Which protocol a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI chat completions, and everything compatible with it.
    OpenAiCompletions,
    /// OpenAI responses.
    OpenAiResponses,
    /// Anthropic messages.
    AnthropicMessages,
    /// Google Gemini.
    GoogleGenerativeAi,
    /// Ollama's native chat.
    Ollama,
    /// The built-in demo; no network.
    Demo,
}

/// What a model can take in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Text.
    Text,
    /// Images.
    Image,
}

/// US dollars per million tokens; zero when unknown or free.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// Uncached input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Cache reads.
    pub cache_read: f64,
    /// Cache writes.
    pub cache_write: f64,
}

/// What is known about a model before asking it anything.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// Provider and id.
    pub reference: ModelRef,
    /// Name for people.
    pub name: String,
    /// Protocol it is asked through.
    pub api: Api,
    /// Tokens of input and output together.
    pub context_window: u64,
    /// Largest answer in tokens; 0 leaves it to the provider.
    pub max_tokens: u32,
    /// Whether it can think before answering.
    pub reasoning: bool,
    /// Accepted input.
    pub input: Vec<InputKind>,
    /// Prices.
    pub cost: Price,
}

/// How hard a model shall think.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThinkingLevel {
    /// Not at all.
    #[default]
    Off,
    /// As little as the model allows.
    Minimal,
    /// A little.
    Low,
    /// Moderately; what `adaptive` maps to.
    #[serde(alias = "adaptive")]
    Medium,
    /// Much.
    High,
    /// Very much.
    Xhigh,
    /// As much as the model allows; `ultra` maps to it.
    #[serde(alias = "ultra")]
    Max,
}

/// A word that is no thinking level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid thinkingLevel (use off, minimal, low, medium, high, xhigh, max)")]
pub struct InvalidThinkingLevel;

/// One question to a model.
#[derive(Debug, Clone, Default)]
pub struct ModelRequest {
    /// System prompt; empty for none.
    pub system: String,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools the model may call.
    pub tools: Vec<ToolSpec>,
    /// How hard to think; ignored by models that cannot.
    pub thinking: ThinkingLevel,
    /// Cap on the answer; the model's own maximum when absent.
    pub max_tokens: Option<u32>,
}

/// A step of a streamed answer. [`ModelEvent::Done`] is the last one of a complete answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// More answer text.
    Text(String),
    /// More thinking.
    Thinking(String),
    /// The thinking as the provider wants it back, signatures included. Replaces what
    /// [`ModelEvent::Thinking`] delivered; only [`Block::Thinking`] makes sense here.
    SignedThinking(Vec<Block>),
    /// A complete tool call.
    ToolCall {
        /// Id for the result.
        id: String,
        /// Tool name.
        name: String,
        /// Parsed arguments.
        arguments: Value,
        /// Opaque proof to hand back beside the call.
        thought_signature: Option<String>,
    },
    /// The request failed before any output and will be sent again.
    Retry {
        /// Number of the attempt that failed, from 1.
        attempt: u32,
        /// Wait before the next one.
        after: Duration,
        /// What went wrong, in a sentence.
        cause: String,
    },
    /// The answer is complete.
    Done {
        /// Why it ended.
        stop_reason: StopReason,
        /// Tokens and cost.
        usage: Usage,
        /// The provider's id for the answer.
        response_id: Option<String>,
    },
}

/// Something that answers [`ModelRequest`]s.
pub trait Model: Send + Sync {
    /// What is known about the model.
    fn info(&self) -> &ModelInfo;

    /// Starts one answer. Dropping the stream cancels it.
    fn stream(&self, request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ModelError>>;
}

impl ModelRef {
    /// Joins a provider and a model id.
    pub fn new(provider: impl Into<String>, id: impl Into<String>) -> Self {
        Self { provider: provider.into(), id: id.into() }
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.id)
    }
}

impl FromStr for ModelRef {
    type Err = InvalidModelRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().split_once('/') {
            Some((provider, id)) if !provider.is_empty() && !id.is_empty() => {
                Ok(Self::new(provider, id))
            }
            _ => Err(InvalidModelRef(text.chars().take(200).collect())),
        }
    }
}

impl Api {
    /// Every API.
    const ALL: [Self; 6] = [
        Self::OpenAiCompletions,
        Self::OpenAiResponses,
        Self::AnthropicMessages,
        Self::GoogleGenerativeAi,
        Self::Ollama,
        Self::Demo,
    ];

    /// The name used in configuration and transcripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiCompletions => "openai-completions",
            Self::OpenAiResponses => "openai-responses",
            Self::AnthropicMessages => "anthropic-messages",
            Self::GoogleGenerativeAi => "google-generative-ai",
            Self::Ollama => "ollama",
            Self::Demo => "demo",
        }
    }

    /// The API of that name, if we speak it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.as_str() == name)
    }
}

impl ThinkingLevel {
    /// The name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

impl FromStr for ThinkingLevel {
    type Err = InvalidThinkingLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "off" => Self::Off,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" | "adaptive" => Self::Medium,
            "high" => Self::High,
            "xhigh" => Self::Xhigh,
            "max" | "ultra" => Self::Max,
            _ => return Err(InvalidThinkingLevel),
        })
    }
}

impl Price {
    /// What `usage` costs at this price.
    pub fn of(&self, usage: &Usage) -> Cost {
        let dollars = |tokens: u64, per_million: f64| tokens as f64 * per_million / 1e6;
        let mut cost = Cost {
            input: dollars(usage.input, self.input),
            output: dollars(usage.output, self.output),
            cache_read: dollars(usage.cache_read, self.cache_read),
            cache_write: dollars(usage.cache_write, self.cache_write),
            total: 0.0,
        };
        cost.total = cost.input + cost.output + cost.cache_read + cost.cache_write;
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_refs_split_at_the_first_slash() {
        let reference: ModelRef = "openrouter/meta/llama".parse().unwrap();
        assert_eq!(reference, ModelRef::new("openrouter", "meta/llama"));
        assert_eq!(reference.to_string(), "openrouter/meta/llama");
        for bad in ["", "gpt", "/x", "x/"] {
            assert!(bad.parse::<ModelRef>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn cost_is_per_million_tokens() {
        let price = Price { input: 3.0, output: 15.0, ..Price::default() };
        let usage = Usage { input: 1_000_000, output: 200_000, ..Usage::default() };
        assert!((price.of(&usage).total - 6.0).abs() < 1e-9);
    }
}
