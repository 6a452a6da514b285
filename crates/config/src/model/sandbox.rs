use schemars::JsonSchema;
use serde::Deserialize;

/// The `sandbox` block of agents. There is no sandbox here, so what it is asked for is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SandboxConfig {
    /// Conversations whose commands must not run on this computer itself.
    pub mode: Option<SandboxMode>,
}

/// Conversations whose commands must not run on this computer itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// None.
    #[default]
    Off,
    /// All but the main one.
    NonMain,
    /// All.
    All,
}
