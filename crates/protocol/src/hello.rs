use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Role, Scopes, StateVersion};

/// The payload of a successful `connect` (protocol §4.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloOk {
    /// Always `hello-ok`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Generation spoken from here on.
    pub protocol: u32,
    /// Who answered.
    #[serde(default)]
    pub server: ServerInfo,
    /// What it can do.
    #[serde(default)]
    pub features: Features,
    /// Its state at this moment.
    #[serde(default)]
    pub snapshot: Snapshot,
    /// What was granted; generation 3 peers get it only with a device token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<HelloAuth>,
    /// Limits to keep.
    #[serde(default)]
    pub policy: Policy,
}

/// `hello-ok.server`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// The gateway's version.
    #[serde(default)]
    pub version: String,
    /// Identifies this connection in logs.
    #[serde(default)]
    pub conn_id: String,
    /// Host name (generation 3 only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// `hello-ok.features`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// Methods this gateway answers.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Events it may send.
    #[serde(default)]
    pub events: Vec<String>,
    /// Named contracts it honours (generation 4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
}

/// `hello-ok.snapshot`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Who is connected.
    #[serde(default)]
    pub presence: Vec<PresenceEntry>,
    /// The last health result.
    #[serde(default)]
    pub health: Value,
    /// Versions of the two members above.
    #[serde(default)]
    pub state_version: StateVersion,
    /// Milliseconds since the gateway started.
    #[serde(default)]
    pub uptime_ms: u64,
    /// Configuration file; only for operators that may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_path: Option<String>,
    /// State directory; only for operators that may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<String>,
    /// Where an unqualified chat goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_defaults: Option<SessionDefaults>,
    /// `token`, `password`, `none` or `trusted-proxy` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<String>,
}

/// `hello-ok.snapshot.sessionDefaults`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDefaults {
    /// Agent of unprefixed keys.
    pub default_agent_id: String,
    /// Last part of the main key.
    pub main_key: String,
    /// The main conversation.
    pub main_session_key: String,
    /// `per-sender` or `global`.
    pub scope: String,
    /// Whether a model can answer (generation 4).
    #[serde(default)]
    pub model_configured: bool,
    /// Always `sole`: one agent roster, owned by the configuration file (generation 4).
    #[serde(default)]
    pub ownership: String,
    /// Whether the client must choose an agent first (generation 4).
    #[serde(default)]
    pub selection_required: bool,
}

/// `hello-ok.auth`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloAuth {
    /// How the caller was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Role granted.
    pub role: String,
    /// Scopes granted: the truth, not the wish.
    pub scopes: Scopes,
    /// Token for the device's next connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// When that token was issued, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at_ms: Option<i64>,
    /// Tokens for the device's other roles, after a setup code (generation 4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_tokens: Vec<HelloDeviceToken>,
}

/// A token of one role of a device.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloDeviceToken {
    /// The token itself.
    pub device_token: String,
    /// What it lets the device connect as.
    pub role: Role,
    /// What it covers.
    pub scopes: Scopes,
    /// When it was issued, in milliseconds since the epoch.
    pub issued_at_ms: i64,
}

impl std::fmt::Debug for HelloAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelloAuth")
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// `hello-ok.policy`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Largest frame the gateway accepts, in bytes.
    pub max_payload: u64,
    /// Bytes it lets pile up for a slow client.
    pub max_buffered_bytes: u64,
    /// Milliseconds between `tick` events.
    pub tick_interval_ms: u64,
    /// Attachment limits (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<AttachmentPolicy>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_payload: crate::MAX_FRAME as u64,
            max_buffered_bytes: crate::MAX_BUFFERED as u64,
            tick_interval_ms: crate::TICK_INTERVAL_MS,
            attachments: None,
        }
    }
}

/// `hello-ok.policy.attachments`: decoded sizes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentPolicy {
    /// Any attachment.
    pub max_bytes: u64,
    /// Images.
    pub max_image_bytes: u64,
}

/// One line of the presence list (protocol §4.4).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceEntry {
    /// Host or display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Client or gateway version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Device family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// Client mode, or `gateway` for the gateway itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `self`, `connect` or `disconnect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Milliseconds since the epoch.
    pub ts: i64,
    /// Device id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Roles held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Scopes held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Scopes>,
    /// Instance id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Client id (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Members of newer gateways.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}
