//! What waits for a node that sleeps (protocol §15, `node.pending.*`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a node is to do when it wakes up.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum NodeWorkKind {
    /// To say how it is.
    #[serde(rename = "status.request")]
    Status,
    /// To say where it is.
    #[serde(rename = "location.request")]
    Location,
}

/// What is done first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum NodeWorkPriority {
    /// Before the others.
    High,
    /// In the order of asking.
    #[default]
    Normal,
}

/// Something that waits for a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeWork {
    /// For `node.pending.ack`.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: NodeWorkKind,
    /// How urgent it is.
    pub priority: NodeWorkPriority,
    /// When it was asked for, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// When it is forgotten, in milliseconds since the epoch.
    pub expires_at_ms: i64,
}

/// `node.pending.enqueue`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeEnqueueParams {
    /// The node; one whose commands were allowed.
    #[schemars(length(min = 1))]
    pub node_id: String,
    /// What it shall do.
    #[serde(rename = "type")]
    pub kind: NodeWorkKind,
    /// How urgent it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<NodeWorkPriority>,
    /// How long it waits, in milliseconds (a day by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800_000))]
    pub expires_in_ms: Option<i64>,
    /// Whether to wake the node up, which this gateway cannot do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<bool>,
}

/// The result of `node.pending.enqueue`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeEnqueued {
    /// The node.
    pub node_id: String,
    /// Changes with the queue.
    pub revision: u64,
    /// What waits now.
    pub queued: NodeWork,
    /// Always `false`: there is no push service.
    pub wake_triggered: bool,
}

/// `node.pending.pull`, which leaves the items where they are, and `node.pending.drain`, which takes
/// them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodePendingParams {
    /// At most so many (10 by default).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_items: Option<u32>,
}

/// The result of `node.pending.pull` and `node.pending.drain`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePending {
    /// The node itself.
    pub node_id: String,
    /// Changes with the queue.
    pub revision: u64,
    /// The most urgent ones first.
    pub items: Vec<NodeWork>,
    /// Whether there are others.
    pub has_more: bool,
}

/// `node.pending.ack`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodeAckParams {
    /// Items that are done.
    #[schemars(length(min = 1, max = 100))]
    pub ids: Vec<String>,
}

/// The result of `node.pending.ack`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeAcked {
    /// The node itself.
    pub node_id: String,
    /// Changes with the queue.
    pub revision: u64,
    /// Those of the ids that were waiting.
    pub acked_ids: Vec<String>,
    /// How many items still wait.
    pub remaining_count: usize,
}
