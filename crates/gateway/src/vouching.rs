//! Users that somebody else vouches for: a trusted reverse proxy (protocol §7.6) or Tailscale (§7.5).

use clawdbot_config::TrustedProxyConfig;
use clawdbot_protocol::{RpcError, Scopes};
use http::HeaderMap;
use serde_json::json;

use crate::access::{Caller, Claims, Via};
use crate::auth::AuthMode;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::tailscale;

/// Names of the header that narrows what a request may do; builds differ in the prefix.
const SCOPE_HEADERS: [&str; 3] = ["x-openclaw-scopes", "x-clawdbot-scopes", "x-moltbot-scopes"];

/// A user somebody vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// How the wire names the way: `trusted-proxy` or `tailscale`.
    pub(crate) method: &'static str,
    pub(crate) name: String,
}

impl User {
    pub(crate) fn is_proxied(&self) -> bool {
        self.method == AuthMode::TrustedProxy.as_str()
    }
}

/// Why nobody is vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unvouched {
    reason: String,
    message: &'static str,
    code: &'static str,
}

impl Unvouched {
    fn proxy(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        let header = reason.starts_with("trusted_proxy_missing_header_")
            || reason == "trusted_proxy_user_missing";
        let code = if header { "AUTH_IDENTITY_HEADER_REQUIRED" } else { "AUTH_UNAUTHORIZED" };
        Self { reason, message: "unauthorized", code }
    }

    fn tailscale(reason: &str, code: &'static str, message: &'static str) -> Self {
        Self { reason: reason.to_owned(), message, code }
    }

    /// The refusal of a `connect`.
    pub(crate) fn refusal(&self) -> RpcError {
        RpcError::invalid(self.message).with_details(json!({
            "code": self.code,
            "authReason": self.reason,
            "canRetryWithDeviceToken": false,
            "recommendedNextStep": "review_auth_configuration",
        }))
    }
}

/// Who is vouched for at a `connect`. Neither a user nor a reason: this gateway does not ask.
pub(crate) async fn of_socket(shared: &Shared, caller: &Caller) -> Result<Option<User>, Unvouched> {
    if shared.auth.mode() == AuthMode::TrustedProxy {
        return of_proxy(&shared.settings(), caller).map(Some);
    }
    let settings = shared.settings();
    if caller.direct_local || !settings.config().gateway.allows_tailscale() {
        return Ok(None);
    }
    match of_tailscale(shared, caller).await {
        Ok(name) => Ok(Some(User { method: "tailscale", name })),
        Err(unvouched) => Err(unvouched),
    }
}

/// The user a trusted proxy names. It has to be trusted still: a socket may be older than the
/// configuration (WS-06).
pub(crate) fn of_proxy(settings: &Settings, caller: &Caller) -> Result<User, Unvouched> {
    let config = &settings.config().gateway;
    let Some(rules) = &config.auth.trusted_proxy else {
        return Err(Unvouched::proxy("trusted_proxy_config_missing"));
    };
    if config.trusted_proxies.is_empty() {
        return Err(Unvouched::proxy("trusted_proxy_no_proxies_configured"));
    }
    let trusted = |claims: &Claims| settings.access.is_trusted(claims.socket.0.ip().to_canonical());
    let claims = match caller.claims.as_deref() {
        Some(claims) if claims.via == Via::Proxy && trusted(claims) => claims,
        _ => return Err(Unvouched::proxy("trusted_proxy_untrusted_source")),
    };
    let name = named_user(rules, claims)?;
    Ok(User { method: AuthMode::TrustedProxy.as_str(), name })
}

fn named_user(rules: &TrustedProxyConfig, claims: &Claims) -> Result<String, Unvouched> {
    if claims.socket.0.ip().to_canonical().is_loopback() && !rules.allow_loopback {
        return Err(Unvouched::proxy("trusted_proxy_loopback_source"));
    }
    for name in &rules.required_headers {
        if text(&claims.headers, name).is_none() {
            let name = name.to_ascii_lowercase();
            return Err(Unvouched::proxy(format!("trusted_proxy_missing_header_{name}")));
        }
    }
    let Some(user) = text(&claims.headers, &rules.user_header) else {
        return Err(Unvouched::proxy("trusted_proxy_user_missing"));
    };
    if !rules.allow_users.is_empty() && !rules.allow_users.iter().any(|known| known == user) {
        return Err(Unvouched::proxy("trusted_proxy_user_not_allowed"));
    }
    Ok(user.to_owned())
}

async fn of_tailscale(shared: &Shared, caller: &Caller) -> Result<String, Unvouched> {
    let claims = caller.claims.as_deref();
    let claimed = claims.and_then(|claims| text(&claims.headers, "tailscale-user-login"));
    let Some(claimed) = claimed else {
        return Err(Unvouched::tailscale(
            "tailscale_user_missing",
            "AUTH_TAILSCALE_IDENTITY_MISSING",
            "unauthorized: tailscale identity missing (use Tailscale Serve auth or gateway \
             token/password)",
        ));
    };
    let served = claims.is_some_and(|claims| {
        claims.via == Via::Tailscale && tailscale::may_be_daemon(claims.socket)
    });
    if !served {
        return Err(Unvouched::tailscale(
            "tailscale_proxy_missing",
            "AUTH_TAILSCALE_PROXY_MISSING",
            "unauthorized: tailscale proxy headers missing (use Tailscale Serve or gateway \
             token/password)",
        ));
    }
    match shared.tailscale.login_of(caller.ip).await {
        Some(login) if login == tailscale::normal(claimed) => Ok(login),
        Some(_) => Err(Unvouched::tailscale(
            "tailscale_user_mismatch",
            "AUTH_TAILSCALE_IDENTITY_MISMATCH",
            "unauthorized: tailscale identity mismatch (use Tailscale Serve auth or gateway \
             token/password)",
        )),
        None => Err(Unvouched::tailscale(
            "tailscale_whois_failed",
            "AUTH_TAILSCALE_WHOIS_FAILED",
            "unauthorized: tailscale identity check failed (use Tailscale Serve auth or gateway \
             token/password)",
        )),
    }
}

/// What is left of `granted` when a request's headers narrow it; they never add anything (PRX-03).
pub(crate) fn narrowed(granted: &Scopes, headers: Option<&HeaderMap>) -> Scopes {
    let named = headers
        .into_iter()
        .flat_map(|headers| SCOPE_HEADERS.iter().flat_map(|name| headers.get_all(*name).iter()));
    let mut wanted = None;
    for value in named {
        let names = value.to_str().unwrap_or_default().split([',', ' ']);
        let names = names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        wanted.get_or_insert_with(Vec::new).extend(names);
    }
    match wanted {
        Some(names) => granted.shared_with(&names.into_iter().collect()),
        None => granted.clone(),
    }
}

/// A header's text; a blank one or one that was sent twice is none.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    value.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}
