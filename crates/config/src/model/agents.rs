use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::HeartbeatConfig;

/// The agent that exists when the document names none.
pub const MAIN_AGENT: &str = "main";

/// The `agents` block. The document may list agents (`list`) or map them (`entries`);
/// [`AgentsConfig::all`] reads both.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentsConfig {
    /// Agents as a list; each has an `id`.
    pub list: Vec<AgentEntry>,
    /// Agents by id.
    pub entries: BTreeMap<String, AgentEntry>,
    /// What agents use unless they say otherwise.
    pub defaults: AgentDefaults,
}

impl AgentsConfig {
    /// Every agent with its id in lower case: the list, then the map, or else the one implicit
    /// agent `main`.
    pub fn all(&self) -> Vec<AgentEntry> {
        let listed = self.list.iter().cloned();
        let mapped = self
            .entries
            .iter()
            .map(|(id, entry)| AgentEntry { id: Some(id.clone()), ..entry.clone() });
        let mut agents: Vec<_> = listed
            .chain(mapped)
            .map(|agent| AgentEntry { id: agent.id.map(|id| id.to_lowercase()), ..agent })
            .collect();
        if agents.is_empty() {
            agents.push(AgentEntry { id: Some(MAIN_AGENT.into()), ..AgentEntry::default() });
        }
        agents
    }

    /// The id of the agent that answers when none is named: the one marked `default`, else the
    /// first.
    pub fn default_id(&self) -> String {
        let agents = self.all();
        agents
            .iter()
            .find(|agent| agent.default)
            .or_else(|| agents.first())
            .and_then(|agent| agent.id.clone())
            .unwrap_or_else(|| MAIN_AGENT.into())
    }

    /// The agents with a heartbeat: those that have a block of their own, or else the default agent
    /// when the defaults have one.
    pub fn heartbeats(&self) -> Vec<(String, HeartbeatConfig)> {
        let shared = self.defaults.heartbeat.as_ref();
        let own: Vec<_> = self
            .all()
            .into_iter()
            .filter_map(|agent| Some((agent.id?, agent.heartbeat?)))
            .map(|(id, own)| (id, own.or(shared.unwrap_or(&HeartbeatConfig::default()))))
            .collect();
        match shared {
            Some(shared) if own.is_empty() => vec![(self.default_id(), shared.clone())],
            _ => own,
        }
    }
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentEntry {
    /// Its id: a letter or digit, then up to 63 letters, digits, `_` or `-`.
    pub id: Option<String>,
    /// Answers when no agent is named.
    pub default: bool,
    /// The name shown.
    pub name: Option<String>,
    /// Who it appears to be.
    pub identity: Identity,
    /// Its working directory; `~` is the home directory.
    pub workspace: Option<String>,
    /// Its model.
    pub model: Option<ModelChoice>,
    /// Its heartbeat, where it differs from that of the defaults.
    pub heartbeat: Option<HeartbeatConfig>,
    /// Its tools; what `tools` takes from everybody it cannot give back.
    pub tools: super::ToolsConfig,
    /// Its own sandbox.
    pub sandbox: super::SandboxConfig,
}

/// Who an agent appears to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// Its name.
    pub name: Option<String>,
    /// Its emoji.
    pub emoji: Option<String>,
    /// Its picture: a path inside the workspace, an `http(s)` URL or a `data:` URL.
    pub avatar: Option<String>,
}

/// A model, and what to try when it does not answer. Models are `provider/model`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ModelChoice {
    /// One model.
    One(String),
    /// A model with others to fall back to.
    WithFallbacks {
        /// The model to use.
        #[serde(default)]
        primary: Option<String>,
        /// What to try after it, in order.
        #[serde(default)]
        fallbacks: Vec<String>,
    },
}

impl ModelChoice {
    /// The model to use.
    pub fn primary(&self) -> Option<&str> {
        match self {
            Self::One(model) => Some(model),
            Self::WithFallbacks { primary, .. } => primary.as_deref(),
        }
    }

    /// What to try after it, in order.
    pub fn fallbacks(&self) -> &[String] {
        match self {
            Self::One(_) => &[],
            Self::WithFallbacks { fallbacks, .. } => fallbacks,
        }
    }
}

/// The `agents.defaults` block.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentDefaults {
    /// The model.
    pub model: Option<ModelChoice>,
    /// Per model reference: its alias and parameters.
    pub models: BTreeMap<String, ModelSettings>,
    /// The working directory; `~` is the home directory.
    pub workspace: Option<String>,
    /// Write no starter files into a new workspace.
    pub skip_bootstrap: bool,
    /// How many characters of each workspace file go into the prompt.
    #[schemars(range(min = 1))]
    pub bootstrap_max_chars: u32,
    /// The user's IANA time zone; the computer's when unset.
    pub user_timezone: Option<String>,
    /// How much to think; unset means low for models that reason, else off.
    pub thinking_default: Option<Thinking>,
    /// How much of the work to show.
    pub verbose_default: Verbose,
    /// Stop a run after this many seconds; 0 never stops it.
    pub timeout_seconds: u32,
    /// The largest attachment, in megabytes.
    #[schemars(range(min = 0.001, max = 1024.0))]
    pub media_max_mb: f64,
    /// How many runs may happen at once.
    #[schemars(range(min = 1, max = 64))]
    pub max_concurrent: u32,
    /// How many tokens of history to keep; the model's window when unset.
    #[schemars(range(min = 1))]
    pub context_tokens: Option<u32>,
    /// How often the default agent looks after things by itself; never when unset.
    pub heartbeat: Option<HeartbeatConfig>,
    /// Where commands must not run.
    pub sandbox: super::SandboxConfig,
}

impl Default for AgentDefaults {
    fn default() -> Self {
        Self {
            model: None,
            models: BTreeMap::new(),
            workspace: None,
            skip_bootstrap: false,
            bootstrap_max_chars: 20_000,
            user_timezone: None,
            thinking_default: None,
            verbose_default: Verbose::default(),
            timeout_seconds: 600,
            media_max_mb: 20.0,
            max_concurrent: 4,
            context_tokens: None,
            heartbeat: None,
            sandbox: super::SandboxConfig::default(),
        }
    }
}

/// What is set for one model reference.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelSettings {
    /// A short name for it.
    pub alias: Option<String>,
    /// Provider parameters, passed on as they are.
    pub params: BTreeMap<String, Value>,
}

/// How much a model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Thinking {
    /// Not at all.
    Off,
    /// As little as possible.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// A lot.
    High,
    /// More than that.
    Xhigh,
    /// As the model sees fit.
    Adaptive,
    /// As much as it can.
    Max,
    /// Beyond that, where a provider offers it.
    Ultra,
}

/// How much of an agent's work is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verbose {
    /// Only answers.
    #[default]
    Off,
    /// Tool calls too.
    On,
    /// Tool calls with their results.
    Full,
}
