//! The typed settings: what the product honours, one file per block of the document.

mod agents;
mod cron;
mod gateway;
mod heartbeat;
mod http;
mod models;
mod sandbox;
mod session;
mod skills;
mod system;
mod tools;

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::agents::*;
pub use self::cron::*;
pub use self::gateway::*;
pub use self::heartbeat::*;
pub use self::http::*;
pub use self::models::*;
pub use self::sandbox::*;
pub use self::session::*;
pub use self::skills::*;
pub use self::system::*;
pub use self::tools::*;

/// The settings the product honours, with the document's names in camel case.
///
/// Everything is optional: a missing document is `Config::default()`. Keys that the document may
/// hold but nothing reads yet are accepted and left out here.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Where the gateway listens and who may connect.
    pub gateway: GatewayConfig,
    /// How conversations are named and reset.
    pub session: SessionConfig,
    /// Model providers and their models.
    pub models: ModelsConfig,
    /// The agents and what they have in common.
    pub agents: AgentsConfig,
    /// What models may use.
    pub tools: ToolsConfig,
    /// Whether and how many scheduled jobs run.
    pub cron: CronConfig,
    /// What is logged, and where.
    pub logging: LoggingConfig,
    /// Variables for this document and for what the gateway starts.
    pub env: EnvConfig,
    /// Instructions for special tasks.
    pub skills: SkillsConfig,
    /// How the web interface looks.
    pub ui: UiConfig,
    /// How other programs wake the assistant.
    pub hooks: HooksConfig,
}
