//! Setup codes: an invitation that one device can use once (protocol §7.8, §14.6).

use clawdbot_protocol::{
    Generation, HelloDeviceToken, Role, RpcError, Scope, Scopes, SetupAccess, SetupCompletion,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Applicant, Devices, Grant, new_token, token};
use crate::digest::digest;
use crate::error::store_error;
use crate::hub::Hub;

const KIND: &str = "setup-code";
/// How long a code can be used.
const TTL_MS: i64 = 600_000;
/// How long is remembered who used it.
const REMEMBER_MS: i64 = 24 * 3_600_000;
/// Codes that wait at once.
const MAX_OPEN: usize = 32;

/// A code on its way to its device. Only a digest of the token stays here.
pub(crate) struct NewSetupCode {
    pub(crate) setup_id: String,
    pub(crate) token: String,
    pub(crate) expires_at_ms: i64,
}

/// What is kept of a code.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invitation {
    setup_id: String,
    digest: String,
    access: SetupAccess,
    expires_at_ms: i64,
    completion: Option<SetupCompletion>,
}

impl Invitation {
    fn is_open(&self, now_ms: i64) -> bool {
        self.completion.is_none() && now_ms < self.expires_at_ms
    }
}

impl Devices {
    /// Makes a code for a device that may do what `access` says.
    pub(crate) async fn invite(
        &self,
        access: SetupAccess,
        now_ms: i64,
    ) -> Result<NewSetupCode, RpcError> {
        let _turn = self.turn.lock().await;
        let mut open = 0;
        for invitation in self.invitations().await? {
            if invitation.expires_at_ms + REMEMBER_MS < now_ms {
                self.store.delete_doc(KIND, &invitation.setup_id).await.map_err(store_error)?;
            } else if invitation.is_open(now_ms) {
                open += 1;
            }
        }
        if open >= MAX_OPEN {
            return Err(RpcError::unavailable(
                "too many setup codes are waiting to be used; use one or wait until they expire",
            )
            .retry_after(60_000));
        }
        let code = NewSetupCode {
            setup_id: uuid::Uuid::new_v4().to_string(),
            token: new_token(),
            expires_at_ms: now_ms + TTL_MS,
        };
        self.keep(&Invitation {
            setup_id: code.setup_id.clone(),
            digest: digest(&code.token),
            access,
            expires_at_ms: code.expires_at_ms,
            completion: None,
        })
        .await?;
        Ok(code)
    }

    /// Who used a code, if somebody did.
    pub(crate) async fn completion(
        &self,
        setup_id: &str,
    ) -> Result<Option<SetupCompletion>, RpcError> {
        let body = self.store.get_doc(KIND, setup_id).await.map_err(store_error)?;
        let invitation = body.and_then(|body| serde_json::from_value::<Invitation>(body).ok());
        Ok(invitation.and_then(|invitation| invitation.completion))
    }

    /// Lets a device in by its code. Of any number of attempts one succeeds (DEV-07).
    pub(crate) async fn redeem(
        &self,
        hub: &Hub,
        applicant: &Applicant<'_>,
        code: &str,
        now_ms: i64,
    ) -> Result<Grant, RpcError> {
        let _turn = self.turn.lock().await;
        let digest = digest(code);
        let invitation = self.invitations().await?.into_iter().find(|invitation| {
            invitation.is_open(now_ms) && token::same(&invitation.digest, &digest)
        });
        let Some(mut invitation) = invitation else {
            return Err(invalid_code());
        };
        let (roles, scopes) = rights(invitation.access);
        if !roles.contains(&applicant.role) || !scopes.cover(applicant.scopes) {
            return Err(invalid_code());
        }
        let known = self.get(&applicant.proof.id).await?;
        let mut request = applicant.request(known.is_some(), false, now_ms);
        if applicant.role == Role::Operator {
            request.scopes = scopes.clone();
        }
        let mut device = Self::granted(&request, known, "setup-code", now_ms);
        let others = roles.iter().copied().filter(|role| *role != applicant.role);
        for role in others.clone() {
            let scopes = if role == Role::Operator { scopes.clone() } else { Scopes::default() };
            device.allow(role, &scopes, now_ms);
        }
        let completion = SetupCompletion {
            setup_id: invitation.setup_id.clone(),
            device_id: device.device_id.clone(),
            device_name: device.display_name.clone(),
            access: invitation.access,
            ts: now_ms,
        };
        // Used up before it has any effect: a crash in between costs a code, not the lock.
        invitation.completion = Some(completion.clone());
        self.keep(&invitation).await?;
        self.pending.close(&device.device_id);
        let mut grant = self.seen(device, applicant, false, now_ms).await?;
        grant.more = others
            .filter_map(|role| {
                let known = grant.device.active(role)?;
                Some(HelloDeviceToken {
                    device_token: self.token(&grant.device, role, known),
                    role,
                    scopes: known.scopes.clone(),
                    issued_at_ms: known.issued_at_ms(),
                })
            })
            .collect();
        hub.publish_pairing("device.pair.setup.completed", Generation::V4, &completion);
        hub.publish_pairing("device.pair.changed", Generation::V4, &json!({}));
        Ok(grant)
    }

    async fn invitations(&self) -> Result<Vec<Invitation>, RpcError> {
        let docs = self.store.list_docs(KIND).await.map_err(store_error)?;
        Ok(docs.into_iter().filter_map(|(_, body)| serde_json::from_value(body).ok()).collect())
    }

    async fn keep(&self, invitation: &Invitation) -> Result<(), RpcError> {
        let body = serde_json::to_value(invitation)
            .map_err(|error| RpcError::unavailable(format!("cannot store the code: {error}")))?;
        self.store.put_doc(KIND, &invitation.setup_id, &body).await.map_err(store_error)
    }
}

/// What a code grants, decided when it is made.
fn rights(access: SetupAccess) -> (&'static [Role], Scopes) {
    let (roles, scopes): (&[Role], &[Scope]) = match access {
        SetupAccess::Node => (&[Role::Node], &[]),
        SetupAccess::Limited => {
            (&[Role::Node, Role::Operator], &[Scope::Approvals, Scope::Read, Scope::Write])
        }
        SetupAccess::Full => (
            &[Role::Node, Role::Operator],
            &[Scope::Admin, Scope::Approvals, Scope::Read, Scope::Write],
        ),
    };
    (roles, scopes.iter().map(|scope| scope.as_str().to_owned()).collect())
}

fn invalid_code() -> RpcError {
    RpcError::invalid(
        "unauthorized: setup code invalid, expired, revoked, or already used (make a new one on \
         the gateway)",
    )
    .with_details(json!({
        "code": "AUTH_BOOTSTRAP_TOKEN_INVALID",
        "authReason": "bootstrap_token_invalid",
        "canRetryWithDeviceToken": false,
        "recommendedNextStep": "update_auth_credentials",
    }))
}

#[cfg(test)]
mod tests {
    use clawdbot_protocol::{ConnectParams, DeviceProof};
    use clawdbot_store::Store;

    use super::*;
    use crate::access::Caller;
    use crate::devices::token::TokenKey;

    #[tokio::test]
    async fn a_code_expires_after_ten_minutes_dev_07() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&dir.path().join("test.sqlite")).unwrap();
        let devices = Devices::new(store, TokenKey::load(dir.path()).unwrap());
        let params: ConnectParams = serde_json::from_value(json!({
            "minProtocol": 4, "maxProtocol": 4, "role": "node",
            "client": {"id": "openclaw-ios", "version": "1", "platform": "ios", "mode": "node"},
        }))
        .unwrap();
        let proof: DeviceProof = serde_json::from_value(
            json!({"id": "d", "publicKey": "k", "signature": "s", "signedAt": 0}),
        )
        .unwrap();
        let applicant = Applicant {
            params: &params,
            proof: &proof,
            caller: &Caller::in_process(),
            public_key: "k".to_owned(),
            role: Role::Node,
            scopes: &Scopes::default(),
            generation: Generation::V4,
            by_token: false,
            silent: false,
        };
        let hub = Hub::default();
        let code = devices.invite(SetupAccess::Limited, 0).await.unwrap();
        assert_eq!(code.expires_at_ms, 600_000);
        let late = devices.redeem(&hub, &applicant, &code.token, 600_000).await.map(|_| ());
        assert_eq!(late.unwrap_err().detail_code(), Some("AUTH_BOOTSTRAP_TOKEN_INVALID"));
        let grant = devices.redeem(&hub, &applicant, &code.token, 599_999).await.unwrap();
        assert_eq!(grant.more.len(), 1, "a token for the operator role besides");
    }

    #[tokio::test]
    async fn codes_that_wait_are_bounded_and_old_ones_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&dir.path().join("test.sqlite")).unwrap();
        let devices = Devices::new(store, TokenKey::load(dir.path()).unwrap());
        for _ in 0..MAX_OPEN {
            devices.invite(SetupAccess::Node, 0).await.unwrap();
        }
        let full = devices.invite(SetupAccess::Node, 0).await.map(|_| ()).unwrap_err();
        assert_eq!(full.retryable, Some(true));
        devices.invite(SetupAccess::Node, TTL_MS + REMEMBER_MS + 1).await.unwrap();
        assert_eq!(devices.invitations().await.unwrap().len(), 1);
    }
}
