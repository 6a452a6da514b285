//! The shared secret, and what is said when it is missing or wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use clawdbot_protocol::{ClientInfo, ConnectAuth, RpcError};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::access::Caller;
use crate::guesses::Budget;

/// `gateway.auth.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// A shared token (default).
    Token,
    /// A shared password.
    Password,
    /// No shared secret.
    None,
    /// A reverse proxy names the user.
    TrustedProxy,
}

impl AuthMode {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::None => "none",
            Self::TrustedProxy => "trusted-proxy",
        }
    }
}

/// Checks shared secrets. Holds only their digests.
pub(crate) struct Auth {
    secret: ArcSwap<SharedSecret>,
    revision: AtomicUsize,
    /// Guesses at this secret and at every other one.
    pub(crate) budget: Budget,
}

/// What clients have to present.
#[derive(PartialEq, Eq)]
struct SharedSecret {
    mode: AuthMode,
    digest: Option<[u8; 32]>,
}

impl SharedSecret {
    fn new(mode: AuthMode, secret: Option<&str>) -> Self {
        Self { mode, digest: secret.map(|secret| Sha256::digest(secret).into()) }
    }
}

/// What the shared-secret check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretCheck {
    /// The secret is right, or none is needed.
    Right,
    /// Nothing was presented.
    Missing,
    /// Something else was presented: perhaps a device token.
    Wrong,
}

impl Auth {
    pub(crate) fn new(mode: AuthMode, secret: Option<&str>) -> Self {
        let secret = ArcSwap::from_pointee(SharedSecret::new(mode, secret));
        Self { secret, revision: AtomicUsize::default(), budget: Budget::default() }
    }

    /// Puts another secret in force. Says whether it differs from the one before.
    pub(crate) fn replace(&self, mode: AuthMode, secret: Option<&str>) -> bool {
        let new = Arc::new(SharedSecret::new(mode, secret));
        let differs = *self.secret.swap(new.clone()) != *new;
        if differs {
            self.trust_changed();
        }
        differs
    }

    /// Rises whenever another secret, or other people, are trusted. A connection that was judged
    /// before and joins after has to be judged again (WS-06).
    pub(crate) fn revision(&self) -> usize {
        self.revision.load(Ordering::Acquire)
    }

    /// To be called once the change is in force.
    pub(crate) fn trust_changed(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn mode(&self) -> AuthMode {
        self.secret.load().mode
    }

    /// Compares fixed-size digests, so that neither length nor prefix shows in the timing.
    pub(crate) fn matches(&self, candidate: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(candidate).into();
        self.secret.load().digest.is_some_and(|known| known.ct_eq(&given).into())
    }

    /// Checks the members of `connect.auth`; either member may carry either secret.
    pub(crate) fn check(&self, auth: Option<&ConnectAuth>) -> SecretCheck {
        if self.mode() == AuthMode::None {
            return SecretCheck::Right;
        }
        let presented: Vec<&str> = auth
            .into_iter()
            .flat_map(|auth| [&auth.token, &auth.password, &auth.device_token])
            .filter_map(|member| member.as_deref())
            .filter(|member| !member.is_empty())
            .collect();
        if presented.is_empty() {
            SecretCheck::Missing
        } else if presented.iter().any(|candidate| self.matches(candidate)) {
            SecretCheck::Right
        } else {
            SecretCheck::Wrong
        }
    }

    /// The refusal for a missing or wrong secret (protocol §7.9).
    pub(crate) fn refusal(
        &self,
        check: SecretCheck,
        client: &ClientInfo,
        caller: &Caller,
        has_device: bool,
    ) -> RpcError {
        let kind = if self.mode() == AuthMode::Password { "password" } else { "token" };
        let hint = if client.id.ends_with("control-ui") || client.is_webchat() {
            "open the dashboard URL and paste the token in Control UI settings"
        } else if client.id == "cli" && caller.ip.is_loopback() {
            "use this gateway's gateway.auth.token or pair the device"
        } else if client.id == "cli" {
            "set gateway.remote.token to match gateway.auth.token"
        } else {
            "provide gateway auth token"
        };
        let (state, retry, next) = match check {
            SecretCheck::Missing => ("missing", false, "update_auth_configuration"),
            _ if has_device => ("mismatch", true, "retry_with_device_token"),
            _ => ("mismatch", false, "update_auth_credentials"),
        };
        RpcError::invalid(format!("unauthorized: gateway {kind} {state} ({hint})")).with_details(
            json!({
                "code": format!("AUTH_{}_{}", kind.to_uppercase(), state.to_uppercase()),
                "authReason": format!("{kind}_{state}"),
                "canRetryWithDeviceToken": retry,
                "recommendedNextStep": next,
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(token: &str) -> ConnectAuth {
        ConnectAuth { token: Some(token.into()), ..ConnectAuth::default() }
    }

    #[test]
    fn only_the_exact_secret_is_right_ws_02() {
        let auth = Auth::new(AuthMode::Token, Some("correct-horse"));
        assert_eq!(auth.check(Some(&presented("correct-horse"))), SecretCheck::Right);
        for wrong in ["correct-hors", "correct-horse ", "Correct-horse"] {
            assert_eq!(auth.check(Some(&presented(wrong))), SecretCheck::Wrong);
        }
        assert_eq!(auth.check(Some(&presented(""))), SecretCheck::Missing);
        assert_eq!(auth.check(None), SecretCheck::Missing);
        let unset = Auth::new(AuthMode::Token, None);
        assert_eq!(unset.check(Some(&presented("anything"))), SecretCheck::Wrong);
    }
}
