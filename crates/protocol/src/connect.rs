use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{ProofTerms, RpcError, Scopes};

/// A protocol generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// Clawdbot and Moltbot, January 2026.
    V3,
    /// OpenClaw, 2026.
    V4,
}

impl Generation {
    /// The number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}

/// The `connect` request's params (protocol §4.2).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectParams {
    /// Oldest generation the client speaks.
    #[schemars(range(min = 1))]
    pub min_protocol: u32,
    /// Newest generation the client speaks.
    #[schemars(range(min = 1))]
    pub max_protocol: u32,
    /// Who is calling.
    pub client: ClientInfo,
    /// Capabilities, for example `tool-events`.
    #[serde(default)]
    pub caps: Option<Vec<String>>,
    /// Commands a node offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// Permissions a node holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// Where a node looks for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_env: Option<String>,
    /// `operator` (default) or `node`.
    #[serde(default)]
    pub role: Option<String>,
    /// Scopes asked for.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Proof that the caller holds a device key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceProof>,
    /// Credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<ConnectAuth>,
    /// BCP 47 language of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// The `client` member of `connect`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo {
    /// One of the registered ids (protocol §5), of any of the three product names.
    #[schemars(extend("enum" = CLIENT_IDS))]
    pub id: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub display_name: Option<String>,
    /// The client's own version.
    #[schemars(length(min = 1))]
    pub version: String,
    /// Operating system.
    #[schemars(length(min = 1))]
    pub platform: String,
    /// Device family, for example `Linux` or `iPhone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub device_family: Option<String>,
    /// Hardware model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub model_identifier: Option<String>,
    /// What kind of client this is.
    #[schemars(extend("enum" = CLIENT_MODES))]
    pub mode: String,
    /// Tells apart several instances of one client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub instance_id: Option<String>,
    /// IANA time zone (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
}

impl ClientInfo {
    /// A browser page of the control interface or WebChat: origin rules apply.
    pub fn is_browser(&self) -> bool {
        self.id.ends_with("control-ui") || self.is_webchat()
    }

    /// A chat page (protocol §5).
    pub fn is_webchat(&self) -> bool {
        self.mode == "webchat" || matches!(self.id.as_str(), "webchat" | "webchat-ui")
    }

    /// The command line; it has no presence entry.
    pub fn is_cli(&self) -> bool {
        self.id == "cli" && self.mode == "cli"
    }

    /// A helper process on the gateway's own machine.
    pub fn is_backend(&self) -> bool {
        self.id == "gateway-client" && self.mode == "backend"
    }

    /// A version or liveness probe.
    pub fn is_probe(&self) -> bool {
        self.mode == "probe"
    }
}

/// The `auth` member of `connect`.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectAuth {
    /// Shared token or device token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Shared password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Device token (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// Token of a setup code (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_token: Option<String>,
}

impl std::fmt::Debug for ConnectAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectAuth(redacted)")
    }
}

/// The `device` member of `connect` (protocol §8).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceProof {
    /// Fingerprint of the public key.
    pub id: String,
    /// Ed25519 public key, base64url; PEM is accepted.
    pub public_key: String,
    /// Ed25519 signature, base64url.
    pub signature: String,
    /// Milliseconds since the epoch.
    pub signed_at: i64,
    /// The nonce of this socket's challenge.
    #[serde(default)]
    pub nonce: Option<String>,
}

impl ConnectParams {
    /// Picks the newest common generation.
    pub fn negotiate(&self) -> Result<Generation, RpcError> {
        let (min, max) = (self.min_protocol, self.max_protocol);
        let generation = match (min, max) {
            (min, max) if min > max => None,
            (..=4, 4..) => Some(Generation::V4),
            (..=3, 3) => Some(Generation::V3),
            _ => None,
        };
        generation.ok_or_else(|| {
            RpcError::invalid("protocol mismatch").with_details(json!({
                "code": "PROTOCOL_MISMATCH",
                "clientMinProtocol": min,
                "clientMaxProtocol": max,
                "expectedProtocol": 4,
                "minimumProbeProtocol": 3,
            }))
        })
    }

    /// The scopes asked for; generation 3 operators that name none ask for everything.
    pub fn requested_scopes(&self, generation: Generation) -> Scopes {
        let names = self.scopes.clone().unwrap_or_default();
        let operator = self.role.as_deref().is_none_or(|role| role == "operator");
        if names.is_empty() && operator && generation == Generation::V3 {
            return Scopes::all();
        }
        names.into_iter().collect()
    }

    /// Whether the client announced the capability `name`.
    pub fn has_cap(&self, name: &str) -> bool {
        self.caps.iter().flatten().any(|cap| cap == name)
    }

    /// What the device signed, read back from what was sent.
    pub fn proof_terms(&self) -> ProofTerms<'_> {
        let auth = self.auth.as_ref();
        let token = auth
            .and_then(|auth| {
                [&auth.token, &auth.device_token, &auth.bootstrap_token]
                    .into_iter()
                    .find_map(Option::as_deref)
            })
            .unwrap_or_default();
        ProofTerms {
            client_id: &self.client.id,
            client_mode: &self.client.mode,
            role: self.role.as_deref().unwrap_or("operator"),
            scopes: self.scopes.as_deref().unwrap_or_default(),
            token,
            platform: &self.client.platform,
            device_family: self.client.device_family.as_deref().unwrap_or_default(),
        }
    }
}

/// Client ids of all three product names (protocol §5).
const CLIENT_IDS: [&str; 30] = [
    "webchat-ui",
    "webchat",
    "cli",
    "gateway-client",
    "node-host",
    "test",
    "fingerprint",
    "clawdbot-control-ui",
    "clawdbot-macos",
    "clawdbot-ios",
    "clawdbot-android",
    "clawdbot-probe",
    "clawdbot-tui",
    "clawdbot-linux",
    "moltbot-control-ui",
    "moltbot-macos",
    "moltbot-ios",
    "moltbot-android",
    "moltbot-probe",
    "openclaw-control-ui",
    "openclaw-macos",
    "openclaw-ios",
    "openclaw-android",
    "openclaw-probe",
    "openclaw-tui",
    "openclaw-browser-copilot",
    "openclaw-linux",
    "openclaw-watchos",
    "openclaw-worker",
    "clawdbot-desktop",
];

const CLIENT_MODES: [&str; 8] =
    ["webchat", "cli", "ui", "backend", "node", "probe", "test", "worker"];

#[cfg(test)]
mod tests {
    use super::*;

    fn params(min: u32, max: u32) -> ConnectParams {
        serde_json::from_value(json!({
            "minProtocol": min, "maxProtocol": max,
            "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
        }))
        .unwrap()
    }

    #[test]
    fn the_newest_common_generation_wins() {
        let number = |min, max| params(min, max).negotiate().map(Generation::number).ok();
        assert_eq!(number(3, 4), Some(4));
        assert_eq!(number(3, 3), Some(3));
        assert_eq!(number(1, 9), Some(4));
        assert_eq!(number(5, 6), None);
        assert_eq!(number(1, 2), None);
        assert_eq!(number(4, 3), None);
    }

    #[test]
    fn only_generation_3_defaults_to_every_scope() {
        assert!(params(3, 3).requested_scopes(Generation::V3).cover(&Scopes::all()));
        assert!(params(4, 4).requested_scopes(Generation::V4).is_empty());
    }

    #[test]
    fn credentials_do_not_reach_debug_output() {
        let auth = ConnectAuth { token: Some("canary".into()), ..ConnectAuth::default() };
        assert!(!format!("{auth:?}").contains("canary"));
    }
}
