//! Paired devices: who was let in, as what, and with which tokens (protocol §9, §7.7).
//!
//! Only facts are stored, never a token: a token is worked out from the gateway's own key and a
//! salt ([`token::TokenKey`]). So `hello-ok` can repeat it to its device at every connection, as
//! stock clients expect, and a copy of the database lets nobody in.

mod admit;
mod manage;
pub(crate) mod pending;
mod setup_code;
pub(crate) mod token;
mod web_code;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clawdbot_protocol::{
    DeviceTokenInfo, Generation, HelloDeviceToken, PairRequest, PairedDevice, Role, RpcError,
    Scope, Scopes,
};
use clawdbot_store::Store;
use serde::{Deserialize, Serialize};

use crate::digest::digest;
use crate::error::store_error;
use crate::hub::{Audience, Broadcast, Hub};
use pending::Pending;
use token::TokenKey;

pub(crate) use admit::{Applicant, TokenCheck};
pub(crate) use manage::may_manage;
pub use token::new_token;

const KIND: &str = "device";
/// Devices remembered for having lost rights; many more than can do so during one handshake.
const MAX_LOSSES: usize = 256;

/// A device somebody let in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    pub(crate) device_id: String,
    pub(crate) public_key: String,
    pub(crate) display_name: Option<String>,
    pub(crate) platform: String,
    pub(crate) device_family: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_mode: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) scopes: Scopes,
    pub(crate) remote_ip: Option<String>,
    #[serde(default)]
    pub(crate) approved_via: String,
    pub(crate) tokens: BTreeMap<Role, DeviceToken>,
    pub(crate) created_at_ms: i64,
    pub(crate) approved_at_ms: i64,
    pub(crate) last_seen_at_ms: Option<i64>,
}

/// What is kept of one token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceToken {
    #[serde(default)]
    salt: String,
    /// Of a token that the original issued and that was taken over from its files.
    digest: Option<String>,
    scopes: Scopes,
    created_at_ms: i64,
    rotated_at_ms: Option<i64>,
    revoked_at_ms: Option<i64>,
    last_used_at_ms: Option<i64>,
}

/// What an admitted device takes home.
pub(crate) struct Grant {
    pub(crate) token: String,
    pub(crate) issued_at_ms: i64,
    /// Tokens of its other roles, after a setup code.
    pub(crate) more: Vec<HelloDeviceToken>,
    /// The device as it was approved: what it claims about itself at a connection counts for
    /// nothing (DEV-03).
    pub(crate) device: Device,
    /// Whether it was or could be let in without asking.
    pub(crate) silent: bool,
}

/// The device registry.
pub(crate) struct Devices {
    store: Store,
    key: TokenKey,
    pending: Pending<PairRequest>,
    /// One change at a time, so that nobody overwrites what somebody else has just decided.
    turn: tokio::sync::Mutex<()>,
    losses: Mutex<Losses>,
    web_codes: web_code::WebCodes,
}

/// Devices that have lost rights since the gateway started, the latest ones by name.
#[derive(Default)]
struct Losses {
    count: usize,
    latest: VecDeque<String>,
}

impl Devices {
    pub(crate) fn new(store: Store, key: TokenKey) -> Self {
        Self {
            store,
            key,
            pending: Pending::default(),
            turn: tokio::sync::Mutex::default(),
            losses: Mutex::default(),
            web_codes: web_code::WebCodes::default(),
        }
    }

    /// The value that belongs to `parts` and that nobody can work out without this gateway's key.
    pub(crate) fn derive(&self, parts: &[&str]) -> String {
        self.key.derive(parts)
    }

    /// Rises whenever a device loses rights.
    pub(crate) fn revision(&self) -> usize {
        self.losses().count
    }

    /// Whether the device has lost rights since `revision`. A connection that was judged before and
    /// joins after has to be judged again (WS-06).
    pub(crate) fn has_lost_rights(&self, device_id: &str, revision: usize) -> bool {
        let losses = self.losses();
        let since = losses.count - revision;
        since > losses.latest.len()
            || losses.latest.iter().rev().take(since).any(|lost| lost == device_id)
    }

    fn rights_were_taken(&self, device_id: &str) {
        let mut losses = self.losses();
        losses.count += 1;
        losses.latest.push_back(device_id.to_owned());
        if losses.latest.len() > MAX_LOSSES {
            losses.latest.pop_front();
        }
    }

    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the operator device that holds `token` may do: for requests without a handshake.
    pub(crate) async fn scopes_of(&self, token: &str) -> Result<Option<Scopes>, RpcError> {
        let devices = self.all().await?;
        let holder = devices.iter().find(|device| self.holds(device, Role::Operator, token));
        Ok(holder.and_then(|device| device.active(Role::Operator)).map(|own| own.scopes.clone()))
    }

    /// Every paired device.
    async fn all(&self) -> Result<Vec<Device>, RpcError> {
        let docs = self.store.list_docs(KIND).await.map_err(store_error)?;
        Ok(docs.into_iter().filter_map(|(_, body)| serde_json::from_value(body).ok()).collect())
    }

    async fn get(&self, device_id: &str) -> Result<Option<Device>, RpcError> {
        let body = self.store.get_doc(KIND, device_id).await.map_err(store_error)?;
        Ok(body.and_then(|body| serde_json::from_value(body).ok()))
    }

    async fn save(&self, device: &Device) -> Result<(), RpcError> {
        let body = serde_json::to_value(device)
            .map_err(|error| RpcError::unavailable(format!("cannot store the device: {error}")))?;
        self.store.put_doc(KIND, &device.device_id, &body).await.map_err(store_error)
    }

    /// Whether `token` is this device's valid token for `role`.
    fn holds(&self, device: &Device, role: Role, token: &str) -> bool {
        device.active(role).is_some_and(|known| match &known.digest {
            Some(known) => token::same(known, &digest(token)),
            None => token::same(&self.token(device, role, known), token),
        })
    }

    fn token(&self, device: &Device, role: Role, known: &DeviceToken) -> String {
        self.key.derive(&["device", &device.device_id, role.as_str(), &known.salt])
    }

    /// What `request` turns the device into once it is granted.
    fn granted(request: &PairRequest, known: Option<Device>, via: &str, now_ms: i64) -> Device {
        let mut device = known.unwrap_or_else(|| Device {
            device_id: request.device_id.clone(),
            public_key: request.public_key.clone(),
            display_name: request.display_name.clone(),
            platform: String::new(),
            device_family: None,
            client_id: String::new(),
            client_mode: String::new(),
            roles: Vec::new(),
            scopes: Scopes::default(),
            remote_ip: None,
            approved_via: String::new(),
            tokens: BTreeMap::new(),
            created_at_ms: now_ms,
            approved_at_ms: now_ms,
            last_seen_at_ms: None,
        });
        device.platform.clone_from(&request.platform);
        device.device_family.clone_from(&request.device_family);
        device.client_id.clone_from(&request.client_id);
        device.client_mode.clone_from(&request.client_mode);
        device.remote_ip.clone_from(&request.remote_ip);
        via.clone_into(&mut device.approved_via);
        device.approved_at_ms = now_ms;
        device.allow(request.role, &request.scopes, now_ms);
        device
    }
}

impl Device {
    /// The token of `role`, if it holds.
    fn active(&self, role: Role) -> Option<&DeviceToken> {
        self.tokens.get(&role).filter(|token| token.revoked_at_ms.is_none())
    }

    /// Adds a role and scopes. A token that comes to cover more is issued anew, so that an old
    /// copy of it does not gain by that.
    fn allow(&mut self, role: Role, scopes: &Scopes, now_ms: i64) {
        if !self.roles.contains(&role) {
            self.roles.push(role);
        }
        self.scopes =
            if self.scopes.is_empty() { scopes.clone() } else { self.scopes.union(scopes) };
        let scopes = match role {
            Role::Operator => self.scopes.union(scopes),
            Role::Node => scopes.clone(),
        };
        match self.tokens.get_mut(&role) {
            Some(token) if token.revoked_at_ms.is_none() && token.scopes.cover(&scopes) => {}
            Some(token) => token.reissue(scopes, now_ms),
            None => {
                self.tokens.insert(role, DeviceToken::new(scopes, now_ms));
            }
        }
    }

    /// The device as lists show it.
    fn view(&self, generation: Generation, hub: Option<&Hub>) -> PairedDevice {
        let v4 = generation == Generation::V4;
        let seen = self.last_seen_at_ms.filter(|_| v4);
        PairedDevice {
            device_id: self.device_id.clone(),
            public_key: self.public_key.clone(),
            display_name: self.display_name.clone(),
            platform: self.platform.clone(),
            device_family: self.device_family.clone(),
            client_id: self.client_id.clone(),
            client_mode: self.client_mode.clone(),
            role: self.roles.first().copied(),
            roles: self.roles.clone(),
            scopes: self.scopes.clone(),
            remote_ip: self.remote_ip.clone(),
            approved_via: Some(self.approved_via.clone()).filter(|via| v4 && !via.is_empty()),
            created_at_ms: self.created_at_ms,
            approved_at_ms: self.approved_at_ms,
            last_seen_at_ms: seen,
            last_seen_reason: seen.map(|_| "connect".to_owned()),
            connected: hub.filter(|_| v4).map(|hub| hub.has_device(&self.device_id)),
            tokens: self.tokens.iter().map(|(role, token)| token.view(*role)).collect(),
        }
    }
}

impl DeviceToken {
    fn new(scopes: Scopes, now_ms: i64) -> Self {
        Self {
            salt: new_token(),
            digest: None,
            scopes,
            created_at_ms: now_ms,
            rotated_at_ms: None,
            revoked_at_ms: None,
            last_used_at_ms: None,
        }
    }

    /// Another token in place of this one.
    fn reissue(&mut self, scopes: Scopes, now_ms: i64) {
        let created_at_ms = self.created_at_ms;
        *self = Self { created_at_ms, rotated_at_ms: Some(now_ms), ..Self::new(scopes, now_ms) };
    }

    fn issued_at_ms(&self) -> i64 {
        self.rotated_at_ms.unwrap_or(self.created_at_ms)
    }

    fn view(&self, role: Role) -> DeviceTokenInfo {
        DeviceTokenInfo {
            role,
            scopes: self.scopes.clone(),
            created_at_ms: self.created_at_ms,
            rotated_at_ms: self.rotated_at_ms,
            revoked_at_ms: self.revoked_at_ms,
            last_used_at_ms: self.last_used_at_ms,
        }
    }
}

impl Hub {
    /// Sends an event about pairing to operators that may decide on it (protocol §6.6).
    pub(crate) fn publish_pairing(
        &self,
        name: &'static str,
        since: Generation,
        payload: &impl Serialize,
    ) {
        let event = Broadcast {
            audience: Audience::Scope(Scope::Pairing),
            droppable: true,
            since,
            ..Broadcast::new(name)
        };
        self.publish(&event, |_| payload);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_token_of_the_original_holds_by_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&dir.path().join("test.sqlite")).unwrap();
        let devices = Devices::new(store.clone(), TokenKey::load(dir.path()).unwrap());
        let body = json!({
            "deviceId": "d", "publicKey": "k", "platform": "linux", "clientId": "cli",
            "clientMode": "cli", "roles": ["operator"], "scopes": ["operator.read"],
            "tokens": {"operator": {"digest": digest("issued-elsewhere"),
                "scopes": ["operator.read"], "createdAtMs": 1}},
            "createdAtMs": 1, "approvedAtMs": 1, "lastSeenAtMs": 1,
        });
        store.put_doc(KIND, "d", &body).await.unwrap();
        let scopes: Scopes = ["operator.read".to_owned()].into_iter().collect();
        let judged = async |token: &str, scopes: &Scopes| {
            devices.check_token("d", Role::Operator, token, scopes).await.unwrap()
        };
        assert!(judged("issued-elsewhere", &scopes).await == TokenCheck::Valid);
        assert!(judged("invented", &scopes).await == TokenCheck::Wrong);
        assert!(judged("issued-elsewhere", &Scopes::all()).await == TokenCheck::TooNarrow);
    }
}
