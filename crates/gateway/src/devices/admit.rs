//! A device at its handshake: let in, or told what has to be approved first (protocol §9).

use clawdbot_protocol::{
    ConnectParams, DeviceProof, ErrorCode, Generation, PairRequest, Role, RpcError, Scopes,
};
use serde_json::{Map, Value, json};

use super::{Device, Devices, Grant};
use crate::access::Caller;
use crate::hub::Hub;
use crate::text::plain;

/// A device that asks to be let in.
pub(crate) struct Applicant<'a> {
    pub(crate) params: &'a ConnectParams,
    pub(crate) proof: &'a DeviceProof,
    pub(crate) caller: &'a Caller,
    /// Normalised public key.
    pub(crate) public_key: String,
    pub(crate) role: Role,
    pub(crate) scopes: &'a Scopes,
    pub(crate) generation: Generation,
    /// Whether its own token is all it has shown.
    pub(crate) by_token: bool,
    /// Whether pairing may be granted without asking.
    pub(crate) silent: bool,
}

/// What a presented device token is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenCheck {
    /// It is the device's, holds, and covers what is asked for.
    Valid,
    /// It is the device's and holds, but covers less.
    TooNarrow,
    /// Anything else.
    Wrong,
}

/// What a device lacks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lack {
    Pairing,
    Role,
    Scopes,
    /// It claims to be something else than what was approved (generation 4).
    Metadata,
}

impl Devices {
    /// Judges a device token.
    pub(crate) async fn check_token(
        &self,
        device_id: &str,
        role: Role,
        token: &str,
        scopes: &Scopes,
    ) -> Result<TokenCheck, RpcError> {
        let Some(device) = self.get(device_id).await? else {
            return Ok(TokenCheck::Wrong);
        };
        Ok(match device.active(role) {
            Some(known) if self.holds(&device, role, token) => {
                if known.scopes.cover(scopes) {
                    TokenCheck::Valid
                } else {
                    TokenCheck::TooNarrow
                }
            }
            _ => TokenCheck::Wrong,
        })
    }

    /// Lets the device in, or explains what has to be approved first.
    pub(crate) async fn admit(
        &self,
        hub: &Hub,
        applicant: &Applicant<'_>,
        now_ms: i64,
    ) -> Result<Grant, RpcError> {
        let _turn = self.turn.lock().await;
        let known = self.get(&applicant.proof.id).await?;
        let lack = applicant.lack(known.as_ref());
        let silent = applicant.may_be_silent(lack, known.as_ref());
        let request = applicant.request(known.is_some(), silent, now_ms);
        let device = match (lack, known) {
            (None, Some(device)) => device,
            (lack, known) if silent => {
                let device = Self::granted(&request, known, "silent", now_ms);
                // A change of description is no news to anybody.
                if lack != Some(Lack::Metadata) {
                    self.save(&device).await?;
                    announce_decision(hub, &request, "approved", now_ms);
                }
                self.pending.close(&device.device_id);
                device
            }
            (lack, known) => {
                let lack = lack.unwrap_or(Lack::Pairing);
                return Err(self.wait(hub, applicant, known.as_ref(), lack, request));
            }
        };
        self.seen(device, applicant, silent, now_ms).await
    }

    /// Books the connection and works out what to take home.
    pub(super) async fn seen(
        &self,
        mut device: Device,
        applicant: &Applicant<'_>,
        silent: bool,
        now_ms: i64,
    ) -> Result<Grant, RpcError> {
        device.last_seen_at_ms = Some(now_ms);
        let lost = || RpcError::unavailable("the device lost its role; connect again");
        let known = device.tokens.get_mut(&applicant.role).ok_or_else(lost)?;
        if applicant.by_token {
            known.last_used_at_ms = Some(now_ms);
        } else if known.digest.is_some() {
            // Nobody here knows this token; the device gets one that can be repeated to it.
            known.reissue(known.scopes.clone(), now_ms);
        }
        let repeated =
            known.digest.is_some().then(|| applicant.params.proof_terms().token.to_owned());
        self.save(&device).await?;
        let known = device.active(applicant.role).ok_or_else(lost)?;
        Ok(Grant {
            token: repeated.unwrap_or_else(|| self.token(&device, applicant.role, known)),
            issued_at_ms: known.issued_at_ms(),
            more: Vec::new(),
            silent,
            device,
        })
    }

    fn wait(
        &self,
        hub: &Hub,
        applicant: &Applicant<'_>,
        known: Option<&Device>,
        lack: Lack,
        request: PairRequest,
    ) -> RpcError {
        let now_ms = request.ts;
        let opened = self.pending.open(request, now_ms);
        if let Some(old) = &opened.superseded {
            announce_decision(hub, old, "rejected", now_ms);
        }
        if opened.new {
            hub.publish_pairing("device.pair.requested", Generation::V3, &opened.request);
        }
        refusal(applicant, known, lack, &opened.request.request_id)
    }
}

impl Applicant<'_> {
    fn lack(&self, known: Option<&Device>) -> Option<Lack> {
        let Some(device) = known else {
            return Some(Lack::Pairing);
        };
        if device.active(self.role).is_none() {
            let any = device.roles.iter().any(|role| device.active(*role).is_some());
            return Some(if any { Lack::Role } else { Lack::Pairing });
        }
        if !device.scopes.cover(self.scopes) {
            return Some(Lack::Scopes);
        }
        (self.generation == Generation::V4 && self.is_described_otherwise(device))
            .then_some(Lack::Metadata)
    }

    /// Whether platform or device family differ from what was approved.
    fn is_described_otherwise(&self, device: &Device) -> bool {
        let client = &self.params.client;
        let family = client.device_family.as_deref().map(plain);
        let same = |a: &str, b: &str| a.trim().eq_ignore_ascii_case(b.trim());
        let other_family = device
            .device_family
            .as_deref()
            .is_some_and(|approved| !family.as_deref().is_some_and(|now| same(approved, now)));
        other_family || !same(&device.platform, &plain(&client.platform))
    }

    fn may_be_silent(&self, lack: Option<Lack>, known: Option<&Device>) -> bool {
        // Once somebody has taken a role away, only a person gives it back.
        let revoked = known
            .and_then(|device| device.tokens.get(&self.role))
            .is_some_and(|token| token.revoked_at_ms.is_some());
        let role_needs_a_person = lack == Some(Lack::Role)
            && self.role != Role::Operator
            && self.generation == Generation::V4;
        self.silent && !self.by_token && !revoked && !role_needs_a_person
    }

    /// What the device asks for, with everything that it chose itself made fit to be shown.
    pub(super) fn request(&self, is_repair: bool, silent: bool, now_ms: i64) -> PairRequest {
        let client = &self.params.client;
        let name =
            |text: &Option<String>| text.as_deref().map(plain).filter(|text| !text.is_empty());
        PairRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            device_id: self.proof.id.clone(),
            public_key: self.public_key.clone(),
            display_name: name(&client.display_name),
            platform: plain(&client.platform),
            device_family: name(&client.device_family),
            client_id: client.id.clone(),
            client_mode: client.mode.clone(),
            role: self.role,
            roles: vec![self.role],
            scopes: self.scopes.clone(),
            remote_ip: self.caller.remote_ip(),
            silent,
            is_repair,
            ts: now_ms,
        }
    }
}

/// Says how a request ended.
pub(super) fn announce_decision(hub: &Hub, request: &PairRequest, decision: &str, now_ms: i64) {
    let payload = json!({
        "requestId": request.request_id,
        "deviceId": request.device_id,
        "decision": decision,
        "ts": now_ms,
    });
    hub.publish_pairing("device.pair.resolved", Generation::V3, &payload);
}

fn refusal(
    applicant: &Applicant<'_>,
    known: Option<&Device>,
    lack: Lack,
    request_id: &str,
) -> RpcError {
    if applicant.generation == Generation::V3 {
        return RpcError::new(ErrorCode::NotPaired, "pairing required")
            .with_details(json!({"requestId": request_id}));
    }
    let (reason, requirement, hint) = match lack {
        Lack::Pairing => (
            "not-paired",
            "device is not approved yet",
            "Approve this device from the pending pairing requests.",
        ),
        Lack::Role => (
            "role-upgrade",
            "device is asking for a higher role than currently approved",
            "Review the requested role upgrade, then approve the pending request.",
        ),
        Lack::Scopes => (
            "scope-upgrade",
            "device is asking for more scopes than currently approved",
            "Review the requested scopes, then approve the pending upgrade.",
        ),
        Lack::Metadata => (
            "metadata-upgrade",
            "device identity changed and must be re-approved",
            "Review the refreshed device details, then approve the pending request.",
        ),
    };
    let mut details = Map::new();
    let mut member = |name: &str, value: Value| details.insert(name.to_owned(), value);
    member("code", json!("PAIRING_REQUIRED"));
    member("reason", json!(reason));
    member("requestId", json!(request_id));
    member("remediationHint", json!(hint));
    member("deviceId", json!(applicant.proof.id));
    member("requestedRole", json!(applicant.role));
    if !applicant.scopes.is_empty() {
        member("requestedScopes", json!(applicant.scopes));
    }
    if let Some(device) = known {
        member("approvedRoles", json!(device.roles));
        member("approvedScopes", json!(device.scopes.union(&Scopes::default())));
    }
    RpcError::new(ErrorCode::NotPaired, format!("pairing required: {requirement}"))
        .with_details(Value::Object(details))
}
