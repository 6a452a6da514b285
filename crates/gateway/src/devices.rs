//! Paired devices and their tokens (protocol §9, §7.7).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawdbot_protocol::{
    ConnectParams, DeviceProof, ErrorCode, Generation, Role, RpcError, Scopes,
};
use clawdbot_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::store_error;

const KIND: &str = "device";
/// How long a pairing request waits for an answer.
const REQUEST_TTL_MS: i64 = 300_000;
/// Requests waiting at once; a flood of fresh keys displaces the oldest.
const MAX_PENDING: usize = 64;

/// A device somebody let in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    device_id: String,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    platform: String,
    client_id: String,
    client_mode: String,
    roles: Vec<Role>,
    scopes: Scopes,
    tokens: BTreeMap<String, DeviceToken>,
    created_at_ms: i64,
    approved_at_ms: i64,
    last_seen_at_ms: i64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceToken {
    token: String,
    scopes: Scopes,
    created_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at_ms: Option<i64>,
}

/// What an admitted device takes home.
pub(crate) struct Grant {
    pub(crate) token: String,
    pub(crate) issued_at_ms: i64,
}

/// A device that asks to be let in, seen at its handshake.
pub(crate) struct Applicant<'a> {
    pub(crate) params: &'a ConnectParams,
    pub(crate) proof: &'a DeviceProof,
    /// Normalised public key.
    pub(crate) public_key: String,
    pub(crate) role: Role,
    pub(crate) scopes: &'a Scopes,
    /// Whether pairing may be granted without asking.
    pub(crate) silent: bool,
    pub(crate) generation: Generation,
}

#[derive(Clone)]
struct Pending {
    request_id: String,
    device_id: String,
    ts: i64,
}

/// The device registry.
pub(crate) struct Devices {
    store: Store,
    pending: Mutex<Vec<Pending>>,
    /// Several connections of one device must not overwrite each other's token.
    admitting: tokio::sync::Mutex<()>,
}

impl Devices {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, pending: Mutex::default(), admitting: tokio::sync::Mutex::default() }
    }

    /// Whether `token` is the valid device token of the device that holds this proof.
    pub(crate) async fn token_is_valid(
        &self,
        device_id: &str,
        role: Role,
        token: &str,
    ) -> Result<bool, RpcError> {
        let device = self.get(device_id).await?;
        let valid = device
            .and_then(|device| device.tokens.get(role.as_str()).cloned())
            .filter(|known| known.revoked_at_ms.is_none())
            .is_some_and(|known| same(&known.token, token));
        Ok(valid)
    }

    /// What the operator device that holds `token` may do: for requests without a handshake.
    pub(crate) async fn scopes_of(&self, token: &str) -> Result<Option<Scopes>, RpcError> {
        let devices = self.store.list_docs(KIND).await.map_err(store_error)?;
        Ok(devices
            .into_iter()
            .filter_map(|(_, body)| serde_json::from_value::<Device>(body).ok())
            .filter_map(|device| device.tokens.get(Role::Operator.as_str()).cloned())
            .find(|known| known.revoked_at_ms.is_none() && same(&known.token, token))
            .map(|known| known.scopes))
    }

    /// Lets the device in, or explains what has to be approved first.
    pub(crate) async fn admit(
        &self,
        applicant: &Applicant<'_>,
        now_ms: i64,
    ) -> Result<Grant, RpcError> {
        let _turn = self.admitting.lock().await;
        let known = self.get(&applicant.proof.id).await?;
        let lacks = match &known {
            None => Some("not-paired"),
            Some(device) if device.public_key != applicant.public_key => Some("not-paired"),
            Some(device) if !device.roles.contains(&applicant.role) => Some("role-upgrade"),
            Some(device) if !device.scopes.cover(applicant.scopes) => Some("scope-upgrade"),
            Some(_) => None,
        };
        // A known device asking for a further, non-operator role always waits for a person.
        let silent = applicant.silent && lacks != Some("role-upgrade");
        match lacks {
            Some(reason) if !silent => {
                Err(self.pairing_required(applicant, known.as_ref(), reason, now_ms))
            }
            _ => self.approve(applicant, known, now_ms).await,
        }
    }

    async fn approve(
        &self,
        applicant: &Applicant<'_>,
        known: Option<Device>,
        now_ms: i64,
    ) -> Result<Grant, RpcError> {
        let client = &applicant.params.client;
        let mut device = known.unwrap_or_else(|| Device {
            device_id: applicant.proof.id.clone(),
            public_key: applicant.public_key.clone(),
            display_name: client.display_name.clone(),
            platform: client.platform.clone(),
            client_id: client.id.clone(),
            client_mode: client.mode.clone(),
            roles: Vec::new(),
            scopes: Scopes::default(),
            tokens: BTreeMap::new(),
            created_at_ms: now_ms,
            approved_at_ms: now_ms,
            last_seen_at_ms: now_ms,
        });
        if !device.roles.contains(&applicant.role) {
            device.roles.push(applicant.role);
        }
        let all = device.scopes.names().iter().chain(applicant.scopes.names()).cloned();
        device.scopes = all.collect();
        device.last_seen_at_ms = now_ms;
        let scopes = device.scopes.clone();
        let token = device
            .tokens
            .entry(applicant.role.as_str().to_owned())
            .and_modify(|token| token.scopes = scopes.clone())
            .or_insert_with(|| DeviceToken {
                token: new_token(),
                scopes: scopes.clone(),
                created_at_ms: now_ms,
                revoked_at_ms: None,
            });
        let grant = Grant { token: token.token.clone(), issued_at_ms: token.created_at_ms };
        let body = serde_json::to_value(&device)
            .map_err(|error| RpcError::unavailable(format!("cannot store the device: {error}")))?;
        self.store.put_doc(KIND, &device.device_id, &body).await.map_err(store_error)?;
        Ok(grant)
    }

    fn pairing_required(
        &self,
        applicant: &Applicant<'_>,
        known: Option<&Device>,
        reason: &str,
        now_ms: i64,
    ) -> RpcError {
        let request_id = self.remember(&applicant.proof.id, now_ms);
        if applicant.generation == Generation::V3 {
            return RpcError::new(ErrorCode::NotPaired, "pairing required")
                .with_details(json!({"requestId": request_id}));
        }
        let requirement = match reason {
            "role-upgrade" => "device is asking for a higher role than currently approved",
            "scope-upgrade" => "device is asking for more scopes than currently approved",
            _ => "device is not approved yet",
        };
        RpcError::new(ErrorCode::NotPaired, format!("pairing required: {requirement}"))
            .with_details(json!({
                "code": "PAIRING_REQUIRED",
                "reason": reason,
                "requestId": request_id,
                "remediationHint": "Approve this device on the gateway's own machine, then connect again.",
                "deviceId": applicant.proof.id,
                "requestedRole": applicant.role.as_str(),
                "requestedScopes": applicant.scopes,
                "approvedRoles": known.map(|device| &device.roles),
                "approvedScopes": known.map(|device| &device.scopes),
            }))
    }

    /// One open request per device; its id stays the same while it waits.
    fn remember(&self, device_id: &str, now_ms: i64) -> String {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|request| now_ms - request.ts < REQUEST_TTL_MS);
        if let Some(open) = pending.iter().find(|request| request.device_id == device_id) {
            return open.request_id.clone();
        }
        if pending.len() >= MAX_PENDING {
            pending.remove(0);
        }
        let request_id = uuid::Uuid::new_v4().to_string();
        pending.push(Pending {
            request_id: request_id.clone(),
            device_id: device_id.to_owned(),
            ts: now_ms,
        });
        request_id
    }

    async fn get(&self, device_id: &str) -> Result<Option<Device>, RpcError> {
        let body = self.store.get_doc(KIND, device_id).await.map_err(store_error)?;
        Ok(body.and_then(|body| serde_json::from_value(body).ok()))
    }
}

fn same(known: &str, given: &str) -> bool {
    Sha256::digest(known).ct_eq(&Sha256::digest(given)).into()
}

/// 32 random bytes, base64url: the format of generation 4.
pub(crate) fn new_token() -> String {
    let mut bytes = [0_u8; 32];
    // The operating system's generator failing leaves nothing sensible to do but stop.
    if getrandom::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    URL_SAFE_NO_PAD.encode(bytes)
}
