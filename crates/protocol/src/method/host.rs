//! Results of `system.info`, `gateway.*`, `users.self` and `environments.list` (protocol §14.1,
//! §15).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `gateway.identity.get` answers: who this gateway is, as a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayIdentity {
    /// Lower-case hex SHA-256 of the public key.
    pub device_id: String,
    /// Ed25519 public key, base64url.
    pub public_key: String,
}

/// What `system.info` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemInfo {
    /// The machine's name.
    pub machine_name: String,
    /// Its name on the network.
    pub hostname: String,
    /// `linux`, `darwin` or `win32`.
    pub platform: String,
    /// Version of the system's kernel.
    pub release: String,
    /// `x64` or `arm64`.
    pub arch: String,
    /// The system for people.
    pub os_label: String,
    /// Where the gateway listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What runs the gateway; no Node.js here.
    pub node_version: String,
    /// Its process.
    pub pid: u32,
    /// Another one after every start.
    pub process_instance_id: String,
    /// How long it has been running.
    pub uptime_ms: u64,
    /// Processors.
    pub cpu_count: usize,
    /// Memory of the machine.
    pub memory_total_bytes: u64,
    /// What of that can be used.
    pub memory_free_bytes: u64,
    /// Memory of the gateway.
    pub process_memory: ProcessMemory,
    /// Size of the disk that holds the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_total_bytes: Option<u64>,
    /// What is free of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_available_bytes: Option<u64>,
    /// The state directory.
    pub disk_path: String,
}

/// Memory of the gateway.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessMemory {
    /// Resident bytes.
    pub rss_bytes: u64,
}

/// What `gateway.restart.preflight` answers: whether a restart would interrupt anything.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RestartPreflight {
    /// Whether nothing is under way.
    pub safe: bool,
    /// What is.
    pub counts: RestartCounts,
    /// The same for people.
    pub blockers: Vec<RestartBlocker>,
    /// All in one sentence.
    pub summary: String,
}

/// What is under way. Every kind of work of this gateway is a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartCounts {
    /// Messages waiting to be taken in.
    pub queue_size: usize,
    /// Answers waiting to be sent by a channel.
    pub pending_replies: usize,
    /// Runs under way or waiting, whoever asked for them.
    pub embedded_runs: usize,
    /// Runs that are counted apart.
    pub cron_runs: usize,
    /// Programs left running by tools.
    pub background_exec_sessions: usize,
    /// Requests that would have to be finished first.
    pub root_requests: usize,
    /// Background tasks.
    pub active_tasks: usize,
    /// All of them.
    pub total_active: usize,
}

/// Something a restart would interrupt.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RestartBlocker {
    /// `embedded-run`.
    pub kind: String,
    /// How many.
    pub count: usize,
    /// For people.
    pub message: String,
}

/// What `users.self` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UsersSelf {
    /// The owner: this gateway knows one person.
    pub profile: UserProfile,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserProfile {
    /// `gateway-owner`.
    pub id: String,
    /// Name.
    pub display_name: Option<String>,
    /// Type of the picture.
    pub avatar_mime: Option<String>,
    /// The profile this one became part of.
    pub merged_into: Option<String>,
    /// When the gateway got its identity, in milliseconds.
    pub created_at: i64,
    /// The same.
    pub updated_at: i64,
    /// Addresses.
    pub emails: Vec<String>,
    /// GitHub account.
    pub github_identity: Option<Value>,
    /// Whether there is a picture.
    pub has_avatar: bool,
}

/// What `environments.list` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Environments {
    /// Where agents can work: here.
    pub environments: Vec<Environment>,
}

/// A place where agents work.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// `gateway`.
    pub id: String,
    /// `local`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people.
    pub label: String,
    /// `available`.
    pub status: String,
    /// As in `system.info`.
    pub platform: String,
    /// Whether conversations are kept there.
    pub session_host: bool,
    /// `persistent`.
    pub trust: String,
    /// What can be done there.
    pub capabilities: Vec<String>,
}
