//! What runs have used (protocol §14.2, §14.12).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `usage.cost`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageCostParams {
    /// Days up to today (30 by default).
    #[schemars(range(min = 1, max = 3660))]
    pub days: Option<u32>,
}

/// `sessions.usage`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionsUsageParams {
    /// One conversation.
    #[schemars(length(min = 1, max = 512))]
    pub key: Option<String>,
    /// First day, `YYYY-MM-DD`.
    pub start_date: Option<String>,
    /// Last day, `YYYY-MM-DD`; today by default.
    pub end_date: Option<String>,
    /// Instead of a first day: `7d`, `30d` (default), `90d`, `1y` or `all`.
    pub range: Option<String>,
    /// Conversations listed at most (50 by default).
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
}

/// Tokens and US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageTotals {
    /// Input tokens that were neither read from nor written to the cache.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from the cache.
    pub cache_read: u64,
    /// Input tokens written to the cache.
    pub cache_write: u64,
    /// Sum of the four.
    pub total_tokens: u64,
    /// Price of it all.
    pub total_cost: f64,
    /// Of the uncached input.
    pub input_cost: f64,
    /// Of the output.
    pub output_cost: f64,
    /// Of cache reads.
    pub cache_read_cost: f64,
    /// Of cache writes.
    pub cache_write_cost: f64,
    /// Runs whose price is not known, or nothing.
    pub missing_cost_entries: u64,
}

/// One day of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageDay {
    /// `YYYY-MM-DD`, local time.
    pub date: String,
    /// What was used on it.
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// The answer of `usage.cost`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageCost {
    /// When it was worked out.
    pub updated_at: i64,
    /// Days looked at.
    pub days: u32,
    /// Days on which something was used.
    pub daily: Vec<UsageDay>,
    /// All of them together.
    pub totals: UsageTotals,
}

/// The answer of `usage.status`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageStatus {
    /// When it was asked for.
    pub updated_at: i64,
    /// Quotas of subscriptions; no provider served here tells any.
    pub providers: Vec<Value>,
}
