//! Exec approvals (protocol §14.8): single decisions, and the file of standing ones.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `exec.approval.request`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecApprovalRequestParams {
    /// The command as it is shown; may be left out when `commandArgv` is there.
    #[schemars(length(min = 1))]
    pub command: Option<String>,
    /// The command as a list.
    pub command_argv: Option<Vec<String>>,
    /// Variables the command would get beside those it has anyway.
    pub env: Option<BTreeMap<String, String>>,
    /// Id to use instead of a new one.
    #[schemars(length(min = 1, max = 128))]
    pub id: Option<String>,
    /// Where it would run.
    pub cwd: Option<String>,
    /// `gateway`, `node` or `sandbox`.
    pub host: Option<String>,
    /// The node, when it is one.
    pub node_id: Option<String>,
    /// The policy in force there.
    pub security: Option<String>,
    /// When it asks.
    pub ask: Option<String>,
    /// Agent that wants it.
    pub agent_id: Option<String>,
    /// The program's full path.
    pub resolved_path: Option<String>,
    /// Conversation that wants it.
    pub session_key: Option<String>,
    /// How long to wait for a decision (120000 by default).
    #[schemars(range(min = 1))]
    pub timeout_ms: Option<u64>,
    /// Answer twice: once it is accepted and once it is decided.
    pub two_phase: Option<bool>,
}

/// `exec.approval.get`, `exec.approval.waitDecision`, `approval.get`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalIdParams {
    /// The approval.
    #[schemars(length(min = 1, max = 128))]
    pub id: String,
}

/// `exec.approval.resolve`, `approval.resolve`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalResolveParams {
    /// The approval.
    #[schemars(length(min = 1, max = 128))]
    pub id: String,
    /// `allow-once`, `allow-always` or `deny`.
    #[schemars(length(min = 1, max = 64))]
    pub decision: String,
}

/// What may be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// This one time.
    AllowOnce,
    /// From now on.
    AllowAlways,
    /// Not.
    Deny,
}

impl Decision {
    /// Parses the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "allow-once" => Some(Self::AllowOnce),
            "allow-always" => Some(Self::AllowAlways),
            "deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// How an approval ended.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalDecision {
    /// The approval.
    pub id: String,
    /// What was decided; `null` when nobody did.
    pub decision: Option<Decision>,
    /// When it was asked for.
    pub created_at_ms: i64,
    /// Until when it could be decided.
    pub expires_at_ms: i64,
    /// Why nobody decided: `no-route`, `expired` or `cancelled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_reason: Option<String>,
}

/// The answer of `exec.approval.get`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalShown {
    /// The approval.
    pub id: String,
    /// The command, with invisible characters written out.
    pub command_text: String,
    /// A shorter form; never needed here.
    pub command_preview: Option<String>,
    /// What may be decided.
    pub allowed_decisions: Vec<Decision>,
    /// Where it would run.
    pub host: Option<String>,
    /// The node, when it is one.
    pub node_id: Option<String>,
    /// Agent that wants it.
    pub agent_id: Option<String>,
    /// Until when it can be decided.
    pub expires_at_ms: i64,
}

/// `exec.approval.grants.list`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GrantsListParams {
    /// Grants at most.
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
}

/// The answer of `exec.approval.grants.list`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grants {
    /// Standing consent, by agent.
    pub grants: Vec<Grant>,
}

/// A program an agent may run without asking.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// For `exec.approval.grants.revoke`.
    pub id: String,
    /// The agent; `*` is every one.
    pub agent_id: String,
    /// The program.
    pub pattern: String,
    /// When it was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at_ms: Option<i64>,
}

/// `exec.approval.grants.revoke`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantRevokeParams {
    /// The grant.
    #[schemars(length(min = 1, max = 128))]
    pub grant_id: String,
}

/// The answer of `exec.approval.grants.revoke`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantRevoked {
    /// `revoked` or `not-found`.
    pub outcome: String,
}

/// `exec.approvals.set`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecApprovalsSetParams {
    /// The whole new file.
    pub file: ExecApprovalsFile,
    /// The `hash` of the file it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
}

/// `exec.approvals.node.get`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecApprovalsNodeGetParams {
    /// The node whose file is meant.
    #[schemars(length(min = 1))]
    pub node_id: String,
}

/// `exec.approvals.node.set`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecApprovalsNodeSetParams {
    /// The node whose file is meant.
    #[schemars(length(min = 1))]
    pub node_id: String,
    /// The whole new file; the node checks it.
    pub file: Value,
    /// The `hash` of the file it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
}

/// The file of standing decisions with where it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecApprovalsSnapshot {
    /// Where it is.
    pub path: String,
    /// Whether it exists.
    pub exists: bool,
    /// Digest of its text, for `baseHash`.
    pub hash: String,
    /// What it says.
    pub file: ExecApprovalsFile,
    /// What is in force where it says nothing (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_defaults: Option<ExecRules>,
}

/// The file of standing decisions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecApprovalsFile {
    /// Always 1.
    pub version: u32,
    /// The socket of the original's companion app; kept, not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<ExecSocket>,
    /// What counts unless an agent says otherwise.
    pub defaults: ExecRules,
    /// By agent; `*` counts for every one.
    pub agents: BTreeMap<String, ExecAgent>,
    /// Members of other versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The socket of the original's companion app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecSocket {
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its secret; never answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What may run, and when a person is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecRules {
    /// Which commands may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<ExecSecurity>,
    /// When a person is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<ExecAsk>,
    /// Which commands may run when nobody can be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_fallback: Option<ExecSecurity>,
    /// Whether programs of skills count as allowed; kept, not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_allow_skills: Option<bool>,
}

/// One agent's rules and what it may run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecAgent {
    /// Its own rules.
    #[serde(flatten)]
    pub rules: ExecRules,
    /// Programs it may run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowlist: Vec<ExecAllowed>,
}

/// A program that may run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecAllowed {
    /// Names the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Full path of the program.
    pub pattern: String,
    /// When it was allowed or last ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<i64>,
    /// With which command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_command: Option<String>,
    /// As which file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_resolved_path: Option<String>,
    /// Members of other versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Which commands may run, from the strictest on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ExecSecurity {
    /// None.
    Deny,
    /// Those that were allowed before.
    Allowlist,
    /// All.
    Full,
}

/// When a person is asked, from the most lenient on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ExecAsk {
    /// Never.
    Off,
    /// When the command was not allowed before.
    OnMiss,
    /// Every time.
    Always,
}
