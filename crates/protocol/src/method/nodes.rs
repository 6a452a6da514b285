//! Nodes (protocol §14.7).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a node says about itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeFacts {
    /// Its device id.
    #[schemars(length(min = 1))]
    pub node_id: String,
    /// Client id (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Client mode (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its own version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Version of its core, of clients that tell two apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_version: Option<String>,
    /// Version of its interface, of clients that tell two apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_version: Option<String>,
    /// Device family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// Hardware model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_identifier: Option<String>,
    /// Where it connects from, unless from this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Capabilities, for example `camera`.
    #[serde(default)]
    pub caps: Vec<String>,
    /// Commands it offers, of those its platform may offer.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Permissions its operating system has given it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// Where it looks for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_env: Option<String>,
}

/// A node that asks for its commands to be allowed: pending, and the `node.pair.requested` event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePairRequest {
    /// What `node.pair.approve` and `reject` name.
    pub request_id: String,
    /// Who asks.
    #[serde(flatten)]
    pub facts: NodeFacts,
    /// What the approver has to hold.
    pub required_approve_scopes: Vec<String>,
    /// Whether its device was let in without asking.
    pub silent: bool,
    /// Whether the node is known already and asks for more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_repair: bool,
    /// Milliseconds since the epoch.
    pub ts: i64,
}

/// A node whose commands were allowed.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PairedNode {
    /// The node, with the commands that were allowed.
    #[serde(flatten)]
    pub facts: NodeFacts,
    /// Its secret for `node.pair.verify` (generation 3, in the answer to the approval).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// First approval, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Last approval, in milliseconds since the epoch.
    pub approved_at_ms: i64,
    /// Last connection, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
    /// Always `connect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_reason: Option<String>,
}

/// `node.pair.list`
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodePairList {
    /// Requests that wait, newest first.
    pub pending: Vec<NodePairRequest>,
    /// Nodes whose commands were allowed.
    pub paired: Vec<PairedNode>,
}

/// `node.pair.approve`
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeApproved {
    /// The request that was granted.
    pub request_id: String,
    /// The node as it is now.
    pub node: PairedNode,
}

/// `node.pair.reject`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeRejected {
    /// The request that was refused.
    pub request_id: String,
    /// Whose it was.
    pub node_id: String,
}

/// `node.pair.request` (generation 3)
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodePairParams {
    /// Who asks.
    #[serde(flatten)]
    pub facts: NodeFacts,
    /// Not to be shown as a prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
}

/// The result of `node.pair.request`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodePairOpened {
    /// Always `pending`.
    pub status: String,
    /// The request.
    pub request: NodePairRequest,
    /// Whether it is a new one.
    pub created: bool,
}

/// `node.pair.verify` (generation 3)
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeVerifyParams {
    /// The node.
    #[schemars(length(min = 1))]
    pub node_id: String,
    /// What `node.pair.approve` answered.
    #[schemars(length(min = 1))]
    pub token: String,
}

/// The result of `node.pair.verify`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodeVerified {
    /// Whether the token is the node's.
    pub ok: bool,
    /// The node, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<PairedNode>,
}

/// `node.describe`, `node.pair.remove` and its result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeRef {
    /// The node.
    #[schemars(length(min = 1))]
    pub node_id: String,
}

/// `node.rename`, and its result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeRename {
    /// The node.
    #[schemars(length(min = 1))]
    pub node_id: String,
    /// Its new name.
    pub display_name: String,
}

/// One node of `node.list`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// The node, with the commands that can be invoked.
    #[serde(flatten)]
    pub facts: NodeFacts,
    /// Always `false`: conversations do not run on nodes (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_host: Option<bool>,
    /// Always empty: nodes bring no tools of their own (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_plugin_tools: Option<Vec<Value>>,
    /// `approved`, or `pending` while it asks for more (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_state: Option<String>,
    /// Since when it is connected, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_at_ms: Option<i64>,
    /// Last connection, in milliseconds since the epoch (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_connected_at_ms: Option<i64>,
    /// The same (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
    /// Always `connect` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_reason: Option<String>,
    /// Last approval, in milliseconds since the epoch (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at_ms: Option<i64>,
    /// Always `true`: only approved nodes are listed.
    pub paired: bool,
    /// Whether it is connected right now.
    pub connected: bool,
}

/// `node.list`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodeList {
    /// Milliseconds since the epoch.
    pub ts: i64,
    /// Connected ones first, then by name.
    pub nodes: Vec<NodeView>,
}

/// The result of `node.describe`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodeDescription {
    /// Milliseconds since the epoch.
    pub ts: i64,
    /// The node.
    #[serde(flatten)]
    pub node: NodeView,
}

/// `node.invoke`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeInvokeParams {
    /// The node.
    #[schemars(length(min = 1))]
    pub node_id: String,
    /// What it shall do.
    #[schemars(length(min = 1))]
    pub command: String,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// How long it may take, in milliseconds (30,000 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The same key never runs twice.
    #[schemars(length(min = 1))]
    pub idempotency_key: String,
}

/// The result of `node.invoke`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeInvoked {
    /// Always `true`.
    pub ok: bool,
    /// The node.
    pub node_id: String,
    /// What it did.
    pub command: String,
    /// What came of it.
    pub payload: Value,
    /// The same as the node wrote it.
    #[serde(rename = "payloadJSON")]
    pub payload_json: Option<String>,
}

/// `node.invoke.result`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeInvokeResultParams {
    /// The `id` of the `node.invoke.request` event.
    #[schemars(length(min = 1))]
    pub id: String,
    /// The node itself.
    #[schemars(length(min = 1))]
    pub node_id: String,
    /// Whether it worked.
    pub ok: bool,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// The same as JSON text.
    #[serde(default, rename = "payloadJSON", skip_serializing_if = "Option::is_none")]
    pub payload_json: Option<String>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<NodeError>,
}

/// A failure, in the node's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeError {
    /// Stable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The result of `node.invoke.result`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodeResultTaken {
    /// Always `true`.
    pub ok: bool,
    /// Whether nobody waited for it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
}

/// `node.event`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NodeEventParams {
    /// What happened.
    #[schemars(length(min = 1))]
    pub event: String,
    /// Particulars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// The same as JSON text.
    #[serde(default, rename = "payloadJSON", skip_serializing_if = "Option::is_none")]
    pub payload_json: Option<String>,
}

/// The result of `node.event`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct NodeEventTaken {
    /// Always `true`: the event arrived.
    pub ok: bool,
    /// Its name, where nothing came of it (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Always `false` where present (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled: Option<bool>,
    /// Why nothing came of it (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
