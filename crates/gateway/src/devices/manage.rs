//! What people decide about devices (protocol §14.6).

use clawdbot_protocol::{
    DeviceApproved, DevicePairList, DeviceRejected, Generation, PairRequest, Role, RpcError, Scope,
    Scopes, TokenRevoked, TokenRotated,
};
use serde_json::json;

use super::admit::announce_decision;
use super::{Device, Devices, KIND};
use crate::error::store_error;
use crate::hub::Hub;
use crate::router::{Peer, missing_scope, missing_scope_named};
use crate::text::plain;

impl Devices {
    /// Pending requests and paired devices.
    pub(crate) async fn list(
        &self,
        hub: &Hub,
        generation: Generation,
        now_ms: i64,
    ) -> Result<DevicePairList, RpcError> {
        let mut devices = self.all().await?;
        devices.sort_by_key(|device| std::cmp::Reverse(device.approved_at_ms));
        let paired = devices.iter().map(|device| device.view(generation, Some(hub))).collect();
        Ok(DevicePairList { pending: self.pending.list(now_ms), paired })
    }

    /// Grants a request, if the approver holds everything that it grants (DEV-05).
    pub(crate) async fn approve(
        &self,
        hub: &Hub,
        approver: &Peer,
        request_id: &str,
        now_ms: i64,
    ) -> Result<DeviceApproved, RpcError> {
        let _turn = self.turn.lock().await;
        let request = self.pending.get(request_id, now_ms).ok_or_else(unknown_request)?;
        if request.role != Role::Operator && !approver.scopes.allow(Scope::Admin) {
            return Err(missing_scope(approver, Scope::Admin));
        }
        if let Some(lacking) = approver.scopes.lacking(&request.scopes) {
            return Err(missing_scope_named(approver, lacking));
        }
        let known = self.get(&request.device_id).await?;
        let device = Self::granted(&request, known, "owner", now_ms);
        self.save(&device).await?;
        self.pending.close(&device.device_id);
        announce_decision(hub, &request, "approved", now_ms);
        let device = device.view(approver.generation, None);
        Ok(DeviceApproved { request_id: request.request_id, device })
    }

    /// Refuses a request.
    pub(crate) async fn reject(
        &self,
        hub: &Hub,
        request_id: &str,
        now_ms: i64,
    ) -> Result<DeviceRejected, RpcError> {
        let _turn = self.turn.lock().await;
        let request = self.pending.get(request_id, now_ms).ok_or_else(unknown_request)?;
        self.pending.close(&request.device_id);
        announce_decision(hub, &request, "rejected", now_ms);
        let PairRequest { request_id, device_id, .. } = request;
        Ok(DeviceRejected { request_id, device_id })
    }

    /// Forgets a device. Its sockets have to be closed afterwards.
    pub(crate) async fn remove(&self, hub: &Hub, by: &Peer, id: &str) -> Result<(), RpcError> {
        let _turn = self.turn.lock().await;
        if !may_manage(by, id) {
            return Err(RpcError::invalid("device pairing removal denied"));
        }
        let removed = self.store.delete_doc(KIND, id).await.map_err(store_error)?;
        if !removed {
            return Err(RpcError::invalid("unknown deviceId"));
        }
        self.rights_were_taken(id);
        self.pending.close(id);
        hub.publish_pairing("device.pair.changed", Generation::V4, &json!({}));
        Ok(())
    }

    /// Takes one role away, and the device with its last one.
    pub(crate) async fn remove_role(
        &self,
        hub: &Hub,
        id: &str,
        role: Role,
    ) -> Result<(), RpcError> {
        let _turn = self.turn.lock().await;
        let Some(mut device) = self.get(id).await? else {
            return Ok(());
        };
        device.roles.retain(|held| *held != role);
        device.tokens.remove(&role);
        if device.roles.is_empty() {
            self.store.delete_doc(KIND, id).await.map_err(store_error)?;
        } else {
            self.save(&device).await?;
        }
        self.rights_were_taken(id);
        hub.publish_pairing("device.pair.changed", Generation::V4, &json!({}));
        Ok(())
    }

    /// Gives a device another name.
    pub(crate) async fn rename(
        &self,
        hub: &Hub,
        by: &Peer,
        id: &str,
        label: &str,
    ) -> Result<(), RpcError> {
        let _turn = self.turn.lock().await;
        if !may_manage(by, id) {
            return Err(RpcError::invalid("device pairing rename denied"));
        }
        let label = plain(label);
        if label.is_empty() {
            return Err(RpcError::invalid("label required"));
        }
        let Some(mut device) = self.get(id).await? else {
            return Err(RpcError::invalid("unknown deviceId"));
        };
        device.display_name = Some(label);
        self.save(&device).await?;
        hub.publish_pairing("device.pair.changed", Generation::V4, &json!({}));
        Ok(())
    }

    /// Issues another token in place of one that holds; never more than the device was approved
    /// for and the caller holds itself, and never in place of one that was revoked (DEV-06).
    pub(crate) async fn rotate(
        &self,
        by: &Peer,
        id: &str,
        role: &str,
        scopes: Option<Scopes>,
        now_ms: i64,
    ) -> Result<TokenRotated, RpcError> {
        let _turn = self.turn.lock().await;
        let denied = || token_error(by.generation, "device token rotation denied");
        let (mut device, role) = self.of_role(by, id, role).await?.ok_or_else(denied)?;
        let token = device.tokens.get_mut(&role).filter(|token| token.revoked_at_ms.is_none());
        let token = token.ok_or_else(denied)?;
        let scopes = match scopes {
            None => token.scopes.clone(),
            Some(asked) if device.scopes.cover(&asked) => asked.union(&Scopes::default()),
            Some(_) => return Err(denied()),
        };
        if !by.scopes.cover(&scopes) {
            return Err(denied());
        }
        token.reissue(scopes.clone(), now_ms);
        let own = by.device_id.as_deref() == Some(id);
        let value = device.active(role).map(|token| self.token(&device, role, token));
        self.save(&device).await?;
        self.rights_were_taken(id);
        let delivery = if own { "in-band" } else { "withheld-cross-device" };
        Ok(TokenRotated {
            device_id: device.device_id,
            role,
            token: value.filter(|_| own),
            scopes,
            rotated_at_ms: now_ms,
            token_delivery: (by.generation == Generation::V4).then(|| delivery.to_owned()),
        })
    }

    /// Takes a token out of use. Its sockets have to be closed afterwards.
    pub(crate) async fn revoke(
        &self,
        by: &Peer,
        id: &str,
        role: &str,
        now_ms: i64,
    ) -> Result<TokenRevoked, RpcError> {
        let _turn = self.turn.lock().await;
        let denied = || token_error(by.generation, "device token revocation denied");
        let (mut device, role) = self.of_role(by, id, role).await?.ok_or_else(denied)?;
        let token = device.tokens.get_mut(&role).ok_or_else(denied)?;
        let revoked_at_ms = *token.revoked_at_ms.get_or_insert(now_ms);
        self.save(&device).await?;
        self.rights_were_taken(id);
        Ok(TokenRevoked { device_id: device.device_id, role, revoked_at_ms })
    }

    /// The device and the role, if the caller may touch that token; those of other roles than
    /// operator only with `operator.admin`.
    async fn of_role(
        &self,
        by: &Peer,
        id: &str,
        role: &str,
    ) -> Result<Option<(Device, Role)>, RpcError> {
        let Some(role) = Role::parse(role) else {
            return Ok(None);
        };
        let admin = by.scopes.allow(Scope::Admin);
        if !admin && (role != Role::Operator || !may_manage(by, id)) {
            return Ok(None);
        }
        Ok(self.get(id).await?.map(|device| (device, role)))
    }
}

/// Whether the caller may change what concerns this device. Devices look after themselves; whoever
/// looks after others needs `operator.admin`, or is the command line on this machine, which keeps
/// scopes without a device only if it has the owner's secret.
pub(crate) fn may_manage(by: &Peer, device_id: &str) -> bool {
    let own = by.device_id.as_deref() == Some(device_id);
    let cli = by.client_id == "cli" && by.client_mode == "cli";
    let command_line = cli && by.direct_local && by.device_id.is_none();
    own || command_line || by.scopes.allow(Scope::Admin)
}

fn unknown_request() -> RpcError {
    RpcError::invalid("unknown requestId")
}

/// Generation 4 tells nobody which part of the request was wrong.
fn token_error(generation: Generation, v4: &str) -> RpcError {
    match generation {
        Generation::V3 => RpcError::invalid("unknown deviceId/role"),
        Generation::V4 => RpcError::invalid(v4),
    }
}
