//! One request on its way through the routes, and how its sender proves a right to it.

use std::sync::Arc;

use clawdbot_protocol::{RpcError, Scope, Scopes};
use http::header::{ALLOW, AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tracing::warn;

use super::reply::{Body, problem};
use crate::access::Caller;
use crate::auth::AuthMode;
use crate::shared::Shared;
use crate::strangers::Stranger;
use crate::vouching;

/// What a route comes to: an answer, or a refusal that ends it early.
pub(super) type Answer = Result<Response<Body>, Box<Response<Body>>>;

/// One request with what is known about its sender.
pub(super) struct Exchange {
    pub(super) shared: Arc<Shared>,
    pub(super) caller: Caller,
    pub(super) stranger: Arc<Stranger>,
    pub(super) request: Request<Incoming>,
}

impl Exchange {
    pub(super) fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// Refuses every other method.
    pub(super) fn only(&self, methods: &[Method]) -> Result<(), Box<Response<Body>>> {
        if methods.contains(self.request.method()) {
            return Ok(());
        }
        let names = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let said = format!("Only {names} is answered here.");
        let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &said);
        if let Ok(names) = HeaderValue::from_str(&names) {
            response.headers_mut().insert(ALLOW, names);
        }
        Err(Box::new(response))
    }

    /// Lets a sender pass that holds `scope`: by the shared secret, a device token or the user a
    /// trusted proxy names. Tailscale's word counts for pages only (PRX-06).
    pub(super) async fn authorize(&self, scope: Scope) -> Result<(), Box<Response<Body>>> {
        let granted = self.granted().await?;
        if !vouching::narrowed(&granted, Some(self.headers())).allow(scope) {
            let said = format!("missing scope: {scope}");
            return Err(Box::new(problem(StatusCode::FORBIDDEN, "forbidden", &said)));
        }
        self.stranger.admit();
        Ok(())
    }

    async fn granted(&self) -> Result<Scopes, Box<Response<Body>>> {
        let auth = &self.shared.auth;
        let bearer = bearer(self.headers());
        // Clients of these interfaces send some key in any case. From elsewhere only a device's
        // token is worth something.
        if auth.mode() == AuthMode::None && self.caller.direct_local {
            return Ok(Scopes::all());
        }
        let claims_user = self.headers().contains_key("tailscale-user-login");
        if bearer.is_none() && !claims_user && auth.mode() != AuthMode::TrustedProxy {
            // Nothing was guessed.
            return Err(Box::new(unauthorized()));
        }
        let guess = auth.budget.reserve(&self.caller).await;
        let guess = guess.map_err(|error| Box::new(rate_limited(&error)))?;
        match self.known(bearer).await {
            Some(scopes) => {
                guess.was_right();
                Ok(scopes)
            }
            None => {
                warn!(ip = %self.caller.ip, "request without a valid credential");
                Err(Box::new(unauthorized()))
            }
        }
    }

    async fn known(&self, bearer: Option<&str>) -> Option<Scopes> {
        let auth = &self.shared.auth;
        if let Some(bearer) = bearer {
            if auth.matches(bearer) {
                return Some(Scopes::all());
            }
            if let Ok(Some(scopes)) = self.shared.devices.scopes_of(bearer).await {
                return Some(scopes);
            }
        }
        let settings = self.shared.settings();
        let proxied = auth.mode() == AuthMode::TrustedProxy
            && vouching::of_proxy(&settings, &self.caller).is_ok();
        proxied.then(Scopes::all)
    }
}

/// The bearer token; a blank one is none.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn unauthorized() -> Response<Body> {
    let mut response = problem(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized");
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// 429 with the wait in seconds.
pub(super) fn rate_limited(error: &RpcError) -> Response<Body> {
    let mut response = problem(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        "Too many failed attempts. Wait, then try again.",
    );
    let seconds = error.retry_after_ms.unwrap_or(1_000).div_ceil(1_000);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
