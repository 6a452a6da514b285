//! Parameters and results of the channel methods (protocol §14.10).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `channels.status`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelsStatusParams {
    /// Whether to try the connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<bool>,
    /// For how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Only this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// What `channels.status` answers. Maps are by channel id.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelsStatus {
    /// When, in milliseconds.
    pub ts: i64,
    /// Channel ids in the order to show them.
    pub channel_order: Vec<String>,
    /// Their names.
    pub channel_labels: BTreeMap<String, String>,
    /// What to call one in full.
    pub channel_detail_labels: BTreeMap<String, String>,
    /// Names of symbols.
    pub channel_system_images: BTreeMap<String, String>,
    /// The same facts as rows.
    pub channel_meta: Vec<Value>,
    /// Their states.
    pub channels: BTreeMap<String, Value>,
    /// Their accounts.
    pub channel_accounts: BTreeMap<String, Vec<Value>>,
    /// Which account is used when none is named.
    pub channel_default_account_id: BTreeMap<String, String>,
    /// What is wrong with them.
    pub status_issues: Vec<Value>,
}

/// `channels.logout`, `channels.start` and `channels.stop`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelParams {
    /// The channel.
    #[schemars(length(min = 1))]
    pub channel: String,
    /// One account of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// `send`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendParams {
    /// Whom to.
    #[schemars(length(min = 1))]
    pub to: String,
    /// What to say; may be left out where media are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The same key again is the same message.
    #[schemars(length(min = 1))]
    pub idempotency_key: String,
    /// By which channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// From which account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// A picture or file to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    /// Pictures or files to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_urls: Option<Vec<String>>,
}

/// `poll`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollParams {
    /// Whom to ask.
    #[schemars(length(min = 1))]
    pub to: String,
    /// What.
    #[schemars(length(min = 1))]
    pub question: String,
    /// What can be answered.
    #[schemars(length(min = 2, max = 12))]
    pub options: Vec<String>,
    /// The same key again is the same poll.
    #[schemars(length(min = 1))]
    pub idempotency_key: String,
    /// How many answers one may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 12))]
    pub max_selections: Option<u32>,
    /// For how long it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub duration_hours: Option<u32>,
    /// By which channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// From which account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// `message.action`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageActionParams {
    /// What to do, such as `send`.
    #[schemars(length(min = 1))]
    pub action: String,
    /// By which channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Particulars of the action.
    #[serde(default)]
    pub params: Value,
}
