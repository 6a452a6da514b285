//! The part of a handshake that concerns the device: its proof, its token, its pairing.

use clawdbot_protocol::{DeviceProof, Role, RpcError, Scopes, verify_proof};
use serde_json::json;

use super::{Attempt, Proven};
use crate::auth::SecretCheck;
use crate::devices::{Applicant, Grant, TokenCheck};
use crate::nodes::Arrival;
use crate::vouching::{Unvouched, User};

impl Attempt<'_> {
    /// Judges a caller that brings a device, after its shared secret was looked at.
    pub(super) async fn prove_device(
        &self,
        proof: &DeviceProof,
        secret: SecretCheck,
        vouched: &Result<Option<User>, Unvouched>,
    ) -> Result<Proven, RpcError> {
        let user = vouched.as_ref().ok().and_then(Option::as_ref);
        let trusted = secret == SecretCheck::Right || user.is_some();
        let refuse = || Err(self.refusal(secret, vouched.as_ref().err(), true));
        let code = self.setup_code().filter(|_| !trusted);
        if secret == SecretCheck::Missing && !trusted && code.is_none() {
            return refuse();
        }
        let public_key = self.verify(proof)?;
        let scopes = match self.role {
            Role::Operator => self.requested_scopes(),
            // Scopes are for operators.
            Role::Node => Scopes::default(),
        };
        let by_token = !trusted && code.is_none();
        let invited = code.is_some_and(|code| self.is_invited_page(code));
        if by_token && self.check_token(proof, &scopes).await? == TokenCheck::Wrong {
            return refuse();
        }
        let gateway = self.gateway;
        let auto_approve = gateway.settings().config().gateway.nodes.pairing.auto_approve_local;
        let applicant = Applicant {
            params: self.params,
            proof,
            caller: self.caller,
            public_key,
            role: self.role,
            scopes: &scopes,
            generation: self.generation,
            by_token,
            silent: (self.caller.may_pair_silently() && auto_approve)
                || invited
                || user.is_some_and(|user| self.is_page_of(user)),
        };
        let now_ms = gateway.now_ms();
        let grant = match code {
            Some(code) if !invited => {
                gateway.devices.redeem(&gateway.hub, &applicant, code, now_ms).await?
            }
            _ => gateway.devices.admit(&gateway.hub, &applicant, now_ms).await?,
        };
        let method = match code {
            Some(_) => "bootstrap-token",
            None if by_token => "device-token",
            None => user.map_or(gateway.auth.mode().as_str(), |user| user.method),
        };
        let by_secret = !by_token && code.is_none();
        Ok(Proven { method, by_secret, grant: Some(grant), scopes })
    }

    /// The token of a setup code, when the caller shows nothing else (protocol §7.8).
    fn setup_code(&self) -> Option<&str> {
        let auth = self.params.auth.as_ref()?;
        let others = [&auth.token, &auth.password, &auth.device_token];
        let alone = others.iter().all(|other| other.is_none());
        auth.bootstrap_token.as_deref().filter(|code| alone && !code.is_empty())
    }

    /// Whether this is the page that somebody on this computer has just opened with a code.
    fn is_invited_page(&self, code: &str) -> bool {
        let page = self.params.client.is_browser() && self.role == Role::Operator;
        let here = page && self.caller.may_pair_silently();
        here && self.gateway.devices.use_web_code(code, self.gateway.now_ms())
    }

    /// Judges what was presented as a device token (protocol §7.7).
    async fn check_token(
        &self,
        proof: &DeviceProof,
        scopes: &Scopes,
    ) -> Result<TokenCheck, RpcError> {
        let token = self.params.proof_terms().token;
        let devices = &self.gateway.devices;
        let check = devices.check_token(&proof.id, self.role, token, scopes).await?;
        let named = self.params.auth.as_ref().is_some_and(|auth| auth.token.is_none());
        let (message, code, reason, next) = match check {
            TokenCheck::TooNarrow => (
                "device token scope mismatch (re-pair or approve scope upgrade)",
                "AUTH_SCOPE_MISMATCH",
                "scope_mismatch",
                "review_auth_configuration",
            ),
            TokenCheck::Wrong if named => (
                "device token mismatch (rotate/reissue device token)",
                "AUTH_DEVICE_TOKEN_MISMATCH",
                "device_token_mismatch",
                "update_auth_credentials",
            ),
            other => return Ok(other),
        };
        Err(RpcError::invalid(format!("unauthorized: {message}")).with_details(json!({
            "code": code,
            "authReason": reason,
            "canRetryWithDeviceToken": false,
            "recommendedNextStep": next,
        })))
    }

    /// What a node offers, checked and noted down.
    pub(super) async fn arrive(&self, grant: Option<&Grant>) -> Result<Option<Arrival>, RpcError> {
        let (Some(grant), Role::Node) = (grant, self.role) else {
            return Ok(None);
        };
        let facts = crate::nodes::facts(self.params, &grant.device, self.caller.remote_ip());
        let gateway = self.gateway;
        gateway.nodes.arrive(gateway, facts, self.generation, grant.silent).await.map(Some)
    }

    /// The normalised public key of a proof that holds.
    fn verify(&self, proof: &DeviceProof) -> Result<String, RpcError> {
        let terms = self.params.proof_terms();
        verify_proof(proof, &terms, self.nonce, self.gateway.now_ms(), self.generation).map_err(
            |error| {
                RpcError::invalid(error.to_string())
                    .with_details(json!({"code": error.code(), "reason": error.reason()}))
            },
        )
    }
}
