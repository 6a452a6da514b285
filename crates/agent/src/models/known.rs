//! The providers we know by name, and current models of each. Data only.
//!
//! Prices are left out: they change, and a wrong one is worse than none. Ids that are not listed
//! work as well; they get the provider's first row as a guess of their limits.

use crate::model::Api;

/// A provider that needs no configuration beyond its key.
pub(crate) struct KnownProvider {
    pub(crate) id: &'static str,
    pub(crate) api: Api,
    pub(crate) base_url: &'static str,
    /// Variables that may hold the key, in order of preference.
    pub(crate) key_variables: &'static [&'static str],
    /// Variable that replaces `base_url`.
    pub(crate) url_variable: Option<&'static str>,
    pub(crate) models: &'static [KnownModel],
}

/// A row of a provider's models; the first one is its default.
pub(crate) struct KnownModel {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) context_window: u64,
    pub(crate) max_tokens: u32,
    pub(crate) reasoning: bool,
    pub(crate) images: bool,
}

const fn model(
    id: &'static str,
    name: &'static str,
    context_window: u64,
    max_tokens: u32,
    reasoning: bool,
    images: bool,
) -> KnownModel {
    KnownModel { id, name, context_window, max_tokens, reasoning, images }
}

/// In the order in which a key makes a provider the default.
pub(crate) const PROVIDERS: [KnownProvider; 9] = [
    KnownProvider {
        id: "anthropic",
        api: Api::AnthropicMessages,
        base_url: "https://api.anthropic.com",
        key_variables: &["ANTHROPIC_API_KEY"],
        url_variable: Some("ANTHROPIC_BASE_URL"),
        models: &[
            model("claude-sonnet-5-5", "Claude Sonnet 5.5", 1_000_000, 128_000, true, true),
            model("claude-opus-5-5", "Claude Opus 5.5", 1_000_000, 128_000, true, true),
            model("claude-fable-5-1", "Claude Fable 5.1", 1_000_000, 128_000, true, true),
            model("claude-haiku-5-5", "Claude Haiku 5.5", 1_000_000, 128_000, true, true),
            model("claude-opus-5", "Claude Opus 5", 1_000_000, 128_000, true, true),
            model("claude-haiku-4-5", "Claude Haiku 4.5", 200_000, 64_000, true, true),
        ],
    },
    KnownProvider {
        id: "openai",
        api: Api::OpenAiResponses,
        base_url: "https://api.openai.com/v1",
        key_variables: &["OPENAI_API_KEY"],
        url_variable: Some("OPENAI_BASE_URL"),
        models: &[
            model("gpt-6.2-sol", "GPT-6.2 Sol", 1_050_000, 128_000, true, true),
            model("gpt-6.1-terra", "GPT-6.1 Terra", 1_050_000, 128_000, true, true),
            model("gpt-6-astra", "GPT-6 Astra", 1_050_000, 128_000, true, true),
            model("gpt-5.6-luna", "GPT-5.6 Luna", 400_000, 128_000, true, true),
            model("gpt-4.1", "GPT-4.1", 1_047_576, 32_768, false, true),
        ],
    },
    KnownProvider {
        id: "google",
        api: Api::GoogleGenerativeAi,
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        url_variable: None,
        models: &[
            model("gemini-3.8-flash", "Gemini 3.8 Flash", 1_048_576, 65_536, true, true),
            model(
                "gemini-3.1-pro-preview",
                "Gemini 3.1 Pro (preview)",
                1_048_576,
                65_536,
                true,
                true,
            ),
            model("gemini-3.5-flash", "Gemini 3.5 Flash", 1_048_576, 65_536, true, true),
        ],
    },
    KnownProvider {
        id: "openrouter",
        api: Api::OpenAiCompletions,
        base_url: "https://openrouter.ai/api/v1",
        key_variables: &["OPENROUTER_API_KEY"],
        url_variable: None,
        models: &[
            model("openrouter/auto", "OpenRouter Auto", 200_000, 0, false, true),
            model("openai/gpt-6.2-sol", "GPT-6.2 Sol", 1_050_000, 128_000, true, true),
        ],
    },
    KnownProvider {
        id: "groq",
        api: Api::OpenAiCompletions,
        base_url: "https://api.groq.com/openai/v1",
        key_variables: &["GROQ_API_KEY"],
        url_variable: None,
        models: &[
            model("llama-3.3-70b-versatile", "Llama 3.3 70B", 131_072, 32_768, false, false),
            model("openai/gpt-oss-120b", "GPT-OSS 120B", 131_072, 65_536, true, false),
        ],
    },
    KnownProvider {
        id: "mistral",
        api: Api::OpenAiCompletions,
        base_url: "https://api.mistral.ai/v1",
        key_variables: &["MISTRAL_API_KEY"],
        url_variable: None,
        models: &[
            model("mistral-large-latest", "Mistral Large", 131_072, 0, false, true),
            model("mistral-small-latest", "Mistral Small", 131_072, 0, false, true),
        ],
    },
    KnownProvider {
        id: "deepseek",
        api: Api::OpenAiCompletions,
        base_url: "https://api.deepseek.com/v1",
        key_variables: &["DEEPSEEK_API_KEY"],
        url_variable: None,
        models: &[
            model("deepseek-chat", "DeepSeek Chat", 131_072, 8_192, false, false),
            model("deepseek-reasoner", "DeepSeek Reasoner", 131_072, 65_536, true, false),
        ],
    },
    KnownProvider {
        id: "xai",
        api: Api::OpenAiCompletions,
        base_url: "https://api.x.ai/v1",
        key_variables: &["XAI_API_KEY"],
        url_variable: None,
        models: &[
            model("grok-4.5", "Grok 4.5", 256_000, 0, true, true),
            model("grok-4", "Grok 4", 256_000, 0, true, true),
        ],
    },
    KnownProvider {
        id: "ollama",
        api: Api::Ollama,
        base_url: "http://127.0.0.1:11434",
        key_variables: &["OLLAMA_API_KEY"],
        url_variable: Some("OLLAMA_HOST"),
        models: &[],
    },
];

/// The known provider of that id.
pub(crate) fn provider(id: &str) -> Option<&'static KnownProvider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// A provider that can be set up with a key, or with nothing at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderChoice {
    /// Its id, which stands before the slash in a model reference.
    pub id: &'static str,
    /// Whether it asks for a key.
    pub needs_key: bool,
    /// Ids and names of current models, its default first; none where only the provider knows.
    pub models: Vec<(&'static str, &'static str)>,
}

/// The providers that need no configuration beyond a key.
pub fn provider_choices() -> Vec<ProviderChoice> {
    PROVIDERS
        .iter()
        .map(|known| ProviderChoice {
            id: known.id,
            needs_key: known.api != Api::Ollama,
            models: known.models.iter().map(|model| (model.id, model.name)).collect(),
        })
        .collect()
}
