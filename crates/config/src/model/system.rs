use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Secret;

/// The `logging` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoggingConfig {
    /// The least important messages that reach the log file.
    pub level: LogLevel,
    /// The log file, if not the one in the state directory; `~` is the home directory.
    pub file: Option<String>,
    /// The least important messages that reach the console.
    pub console_level: LogLevel,
    /// Whether tool output is searched for secrets before it is logged.
    pub redact_sensitive: RedactSensitive,
}

/// How important a log message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Log nothing.
    Silent,
    /// The gateway cannot go on.
    Fatal,
    /// Something failed.
    Error,
    /// Something is odd.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// How it happens.
    Debug,
    /// Every step.
    Trace,
}

/// What is searched for secrets before it is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RedactSensitive {
    /// Nothing beyond what is never logged anyway.
    Off,
    /// Tool output.
    #[default]
    Tools,
}

/// The `env` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvConfig {
    /// Variables that apply where the environment does not set them.
    #[schemars(with = "BTreeMap<String, String>")]
    pub vars: BTreeMap<String, Secret>,
}

/// The `ui` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UiConfig {
    /// The accent colour, in hexadecimal.
    pub seam_color: Option<String>,
    /// How the assistant appears.
    pub assistant: AssistantConfig,
}

/// The `ui.assistant` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AssistantConfig {
    /// The name shown.
    pub name: Option<String>,
    /// The picture shown: a path, an `http(s)` URL or a `data:` URL.
    pub avatar: Option<String>,
}
