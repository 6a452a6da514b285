use schemars::JsonSchema;
use serde::Deserialize;

/// The `cron` block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CronConfig {
    /// Whether scheduled jobs run by themselves.
    pub enabled: bool,
    /// How many jobs may run at once.
    #[schemars(range(min = 1, max = 64))]
    pub max_concurrent_runs: u32,
}

impl Default for CronConfig {
    fn default() -> Self {
        Self { enabled: true, max_concurrent_runs: 1 }
    }
}
