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
    /// Hosts on private networks that answers may be posted to, as `host` or `host:port`. Public ones
    /// need no entry.
    pub webhook_private_hosts: Vec<String>,
}

impl Default for CronConfig {
    fn default() -> Self {
        Self { enabled: true, max_concurrent_runs: 1, webhook_private_hosts: Vec::new() }
    }
}
