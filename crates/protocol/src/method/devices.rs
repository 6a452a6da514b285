//! Devices and setup codes (protocol §9, §14.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Role, Scopes};

/// The params of methods that decide on one pairing request.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestIdParams {
    /// The request, as `device.pair.requested` or `node.pair.requested` named it.
    #[schemars(length(min = 1))]
    pub request_id: String,
}

/// `device.pair.remove`, and its result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRef {
    /// The device.
    #[schemars(length(min = 1))]
    pub device_id: String,
}

/// `device.pair.rename`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRenameParams {
    /// The device.
    #[schemars(length(min = 1))]
    pub device_id: String,
    /// Its new name.
    #[schemars(length(min = 1, max = 64))]
    pub label: String,
}

/// `device.token.rotate`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRotateParams {
    /// The device.
    #[schemars(length(min = 1))]
    pub device_id: String,
    /// Which of its tokens.
    #[schemars(length(min = 1))]
    pub role: String,
    /// What the new token covers; the same as the old one when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Scopes>,
}

/// `device.token.revoke`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRevokeParams {
    /// The device.
    #[schemars(length(min = 1))]
    pub device_id: String,
    /// Which of its tokens.
    #[schemars(length(min = 1))]
    pub role: String,
}

/// A device that asks to be let in: a pending request, and the `device.pair.requested` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PairRequest {
    /// What `device.pair.approve` and `reject` name.
    pub request_id: String,
    /// Fingerprint of the public key.
    pub device_id: String,
    /// Ed25519 public key, base64url.
    pub public_key: String,
    /// Name for people, as the device calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Operating system it claims.
    pub platform: String,
    /// Device family it claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// Client id.
    pub client_id: String,
    /// Client mode.
    pub client_mode: String,
    /// Role asked for.
    pub role: Role,
    /// The same as a list.
    pub roles: Vec<Role>,
    /// Scopes asked for.
    pub scopes: Scopes,
    /// Where it connected from, unless from this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Whether it could have been let in without asking.
    pub silent: bool,
    /// Whether the device is known already and asks for more.
    pub is_repair: bool,
    /// Milliseconds since the epoch.
    pub ts: i64,
}

/// A device that has been let in. Tokens themselves are never listed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PairedDevice {
    /// Fingerprint of the public key.
    pub device_id: String,
    /// Ed25519 public key, base64url.
    pub public_key: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Operating system, as approved.
    pub platform: String,
    /// Device family, as approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// Client id.
    pub client_id: String,
    /// Client mode.
    pub client_mode: String,
    /// First role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Roles approved.
    pub roles: Vec<Role>,
    /// Scopes approved.
    pub scopes: Scopes,
    /// Where it asked from, unless from this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// `silent`, `owner` or `setup-code` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_via: Option<String>,
    /// First approval, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Last approval, in milliseconds since the epoch.
    pub approved_at_ms: i64,
    /// Last connection, in milliseconds since the epoch (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
    /// Always `connect` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_reason: Option<String>,
    /// Whether it is connected right now (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// Its tokens, one per role.
    pub tokens: Vec<DeviceTokenInfo>,
}

/// What is told about one token.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceTokenInfo {
    /// What it lets the device connect as.
    pub role: Role,
    /// What it covers.
    pub scopes: Scopes,
    /// First issue, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Last reissue, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at_ms: Option<i64>,
    /// When it ceased to hold, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<i64>,
    /// Last connection with it, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at_ms: Option<i64>,
}

/// `device.pair.list`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DevicePairList {
    /// Requests that wait, newest first.
    pub pending: Vec<PairRequest>,
    /// Devices that were let in, last approved first.
    pub paired: Vec<PairedDevice>,
}

/// `device.pair.approve`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceApproved {
    /// The request that was granted.
    pub request_id: String,
    /// The device as it is now.
    pub device: PairedDevice,
}

/// `device.pair.reject`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRejected {
    /// The request that was refused.
    pub request_id: String,
    /// Whose it was.
    pub device_id: String,
}

/// `device.token.rotate`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRotated {
    /// The device.
    pub device_id: String,
    /// Which of its tokens.
    pub role: Role,
    /// The new token; only to the device itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What it covers.
    pub scopes: Scopes,
    /// Milliseconds since the epoch.
    pub rotated_at_ms: i64,
    /// `in-band`, or `withheld-cross-device` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_delivery: Option<String>,
}

/// `device.token.revoke`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRevoked {
    /// The device.
    pub device_id: String,
    /// Which of its tokens.
    pub role: Role,
    /// Milliseconds since the epoch.
    pub revoked_at_ms: i64,
}

/// What a setup code lets a device do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SetupAccess {
    /// Offer capabilities, talk, decide on approvals and administer.
    Full,
    /// Offer capabilities, talk and decide on approvals.
    Limited,
    /// Offer capabilities.
    Node,
}

/// `device.pair.setupCode`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetupCodeParams {
    /// The address the device shall use; found out when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub public_url: Option<String>,
    /// Use `gateway.remote.url` before any other address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer_remote_url: Option<bool>,
    /// Leave the picture out with `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_qr: Option<bool>,
    /// What the device may do; `limited` when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_profile: Option<SetupAccess>,
}

/// A setup code: shown once, good once, for ten minutes.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetupCode {
    /// What `device.pair.setupStatus` asks about.
    pub setup_id: String,
    /// When the code expires, in milliseconds since the epoch.
    pub expires_at_ms: i64,
    /// What the device is given: base64url of `{url, bootstrapToken, expiresAtMs}`.
    pub setup_code: String,
    /// The code as a picture: an SVG data URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_data_url: Option<String>,
    /// The address in the code.
    pub gateway_url: String,
    /// How the gateway is protected otherwise: `token`, `password` or `none`.
    pub auth: String,
    /// Where the address came from.
    pub url_source: String,
    /// What the device may do.
    pub access: SetupAccess,
    /// Whether that is less than asked for, because the address is not encrypted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub access_downgraded: bool,
}

/// `device.pair.webCode`, a method of this gateway alone: lets one browser of this computer in, once.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebCode {
    /// Where WebChat is, with the code in the fragment: a path that begins with `/`.
    pub path: String,
    /// When the code expires, in milliseconds since the epoch.
    pub expires_at_ms: i64,
}

/// `device.pair.setupStatus`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetupStatusParams {
    /// As `device.pair.setupCode` answered it.
    #[schemars(length(min = 1))]
    pub setup_id: String,
}

/// The result of `device.pair.setupStatus`: empty while nobody has used the code.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct SetupStatus {
    /// Who used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<SetupCompletion>,
}

/// A used setup code, also the `device.pair.setup.completed` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetupCompletion {
    /// Which code.
    pub setup_id: String,
    /// The device that used it.
    pub device_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// What it may do.
    pub access: SetupAccess,
    /// When, in milliseconds since the epoch.
    pub ts: i64,
}
