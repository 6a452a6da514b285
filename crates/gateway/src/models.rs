//! From the configuration to the model catalogue.

use std::collections::BTreeMap;

use clawdbot_agent::{
    Catalog, CatalogSettings, InputKind, LocalServers, ModelSettings, Price, ProviderSettings,
    Secret, ThinkingLevel,
};
use clawdbot_config::{Api, Loaded, ModelEntry, ModelsMode, Provider, Thinking};

/// Variables that models may need; nothing else of the environment is handed on.
const VARIABLES: [&str; 17] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GEMINI_BASE_URL",
    "OPENROUTER_API_KEY",
    "OPENROUTER_BASE_URL",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "DEEPSEEK_API_KEY",
    "XAI_API_KEY",
    "TOGETHER_API_KEY",
    "FIREWORKS_API_KEY",
    "OLLAMA_HOST",
    "OLLAMA_API_KEY",
];

/// The model that answers by default under a configuration, as `provider/model`, found keys
/// included; servers on this computer are not looked for.
pub fn default_model(loaded: &Loaded) -> String {
    catalog(loaded).default_model().to_string()
}

/// The catalogue of a configuration. Does no I/O.
pub(crate) fn catalog(loaded: &Loaded) -> Catalog {
    let config = &loaded.config;
    let env: BTreeMap<String, String> = VARIABLES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), loaded.env.get(name)?.to_owned())))
        .collect();
    let primary = config.agents.defaults.model.as_ref().and_then(|model| model.primary());
    Catalog::new(CatalogSettings {
        providers: config.models.providers.iter().map(|(id, p)| provider(id, p)).collect(),
        primary: primary.map(str::to_owned),
        local_probe: loaded.env.product("SKIP_PROVIDERS").is_none(),
        env,
        replace: config.models.mode == ModelsMode::Replace,
        local_servers: LocalServers::default(),
    })
}

fn provider(id: &str, provider: &Provider) -> ProviderSettings {
    let secret = |secret: &clawdbot_config::Secret| Secret::from(secret.expose().to_owned());
    ProviderSettings {
        id: id.to_owned(),
        base_url: provider.base_url.clone(),
        api_key: provider.api_key.as_ref().map(secret),
        api: provider.api.map(|api| name(api).to_owned()),
        auth_header: provider.auth_header.unwrap_or(false),
        headers: provider
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect(),
        models: provider.models.iter().map(model).collect(),
    }
}

fn model(entry: &ModelEntry) -> ModelSettings {
    ModelSettings {
        id: entry.id.clone(),
        name: entry.name.clone(),
        api: entry.api.map(|api| name(api).to_owned()),
        context_window: entry.context_window.map(u64::from),
        max_tokens: entry.max_tokens,
        reasoning: Some(entry.reasoning),
        input: Some(entry.input.iter().filter_map(|kind| input(*kind)).collect()),
        cost: Some(Price {
            input: entry.cost.input,
            output: entry.cost.output,
            cache_read: entry.cost.cache_read,
            cache_write: entry.cost.cache_write,
        }),
    }
}

fn input(kind: clawdbot_config::InputKind) -> Option<InputKind> {
    match kind {
        clawdbot_config::InputKind::Text => Some(InputKind::Text),
        clawdbot_config::InputKind::Image => Some(InputKind::Image),
        _ => None,
    }
}

fn name(api: Api) -> &'static str {
    match api {
        Api::OpenaiCompletions => "openai-completions",
        Api::OpenaiResponses => "openai-responses",
        Api::OpenaiChatgptResponses => "openai-chatgpt-responses",
        Api::AzureOpenaiResponses => "azure-openai-responses",
        Api::AnthropicMessages => "anthropic-messages",
        Api::GoogleGenerativeAi => "google-generative-ai",
        Api::GoogleVertex => "google-vertex",
        Api::GithubCopilot => "github-copilot",
        Api::BedrockConverseStream => "bedrock-converse-stream",
        Api::Ollama => "ollama",
        Api::PiMessages => "pi-messages",
    }
}

/// `agents.defaults.thinkingDefault` as the agent knows it.
pub(crate) fn thinking(level: Thinking) -> ThinkingLevel {
    match level {
        Thinking::Off => ThinkingLevel::Off,
        Thinking::Minimal => ThinkingLevel::Minimal,
        Thinking::Low => ThinkingLevel::Low,
        Thinking::Medium | Thinking::Adaptive => ThinkingLevel::Medium,
        Thinking::High => ThinkingLevel::High,
        Thinking::Xhigh => ThinkingLevel::Xhigh,
        Thinking::Max | Thinking::Ultra => ThinkingLevel::Max,
    }
}
