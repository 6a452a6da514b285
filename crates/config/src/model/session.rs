use schemars::JsonSchema;
use serde::Deserialize;

/// The `session` block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionConfig {
    /// Whether everyone shares one conversation.
    pub scope: SessionScope,
    /// How direct messages map to conversations.
    pub dm_scope: DmScope,
    /// The last part of the main conversation's key.
    #[schemars(length(min = 1))]
    pub main_key: String,
    /// Messages that start a new conversation.
    pub reset_triggers: Vec<String>,
    /// When a conversation starts anew by itself.
    pub reset: ResetConfig,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            scope: SessionScope::default(),
            dm_scope: DmScope::default(),
            main_key: "main".into(),
            reset_triggers: vec!["/new".into(), "/reset".into()],
            reset: ResetConfig::default(),
        }
    }
}

/// Whether everyone shares one conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionScope {
    /// One per sender.
    #[default]
    PerSender,
    /// One for everyone.
    Global,
}

/// How direct messages map to conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DmScope {
    /// All in the main conversation.
    #[default]
    Main,
    /// One per person.
    PerPeer,
    /// One per channel and person.
    PerChannelPeer,
    /// One per account, channel and person.
    PerAccountChannelPeer,
}

/// The `session.reset` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetConfig {
    /// What ends a conversation; unset means that the product decides.
    pub mode: Option<ResetMode>,
    /// The hour of the daily reset, local time; 4 when unset.
    #[schemars(range(max = 23))]
    pub at_hour: Option<u8>,
    /// Minutes of silence in idle mode; 60 when unset.
    #[schemars(range(min = 1))]
    pub idle_minutes: Option<u32>,
}

/// What ends a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResetMode {
    /// An hour of the day.
    Daily,
    /// Silence.
    Idle,
    /// Nothing.
    None,
}
