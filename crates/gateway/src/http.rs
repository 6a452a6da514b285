//! HTTP on the gateway's port: access rules, headers, WebChat, health, media and the upgrade.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HeaderName, REFERRER_POLICY, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::warn;

use crate::access::{Caller, Refusal};
use crate::gateway::Shared;
use crate::websocket::Socket;
use crate::{connection, media, ui};

type Body = Full<Bytes>;

/// Only what came from this gateway runs, and nothing leaves it.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; \
    worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Answers one request. Host, forwarding and origin are judged before anything else.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    peer: SocketAddr,
    local: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let response = match shared.settings().access.judge(request.headers(), peer, local) {
        Ok(caller) => route(shared, caller, request).await,
        Err(refusal) => {
            warn!(ip = %peer.ip(), ?refusal, "request refused");
            refuse(refusal)
        }
    };
    with_headers(response)
}

fn refuse(refusal: Refusal) -> Response<Body> {
    match refusal {
        Refusal::Host => problem(
            StatusCode::FORBIDDEN,
            "host_not_allowed",
            "This gateway does not answer to that host name. Use its address, or add the name's \
             origin to gateway.controlUi.allowedOrigins.",
        ),
        Refusal::Proxy => problem(
            StatusCode::FORBIDDEN,
            "proxy_attribution_required",
            "Forwarding headers from an address that is not a trusted proxy. Add the proxy to \
             gateway.trustedProxies, or have it remove these headers.",
        ),
    }
}

async fn route(shared: Arc<Shared>, caller: Caller, request: Request<Incoming>) -> Response<Body> {
    if is_upgrade(request.headers()) {
        return upgrade(shared, caller, request);
    }
    if caller.is_foreign() {
        return problem(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "Requests from that origin are not accepted. Add it to \
             gateway.controlUi.allowedOrigins if it is yours.",
        );
    }
    let Some(path) = plain_path(request.uri().path()) else {
        return problem(StatusCode::BAD_REQUEST, "bad_path", "The path is not in plain form.");
    };
    if carries_secret(request.uri().query()) {
        return problem(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Credentials in an address are not accepted. Open the page without them and sign in.",
        );
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Only GET is answered here.",
        );
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/health" | "/healthz" => {
            uncached(json(StatusCode::OK, &json!({"ok": true, "status": "live"})))
        }
        "/ready" | "/readyz" => uncached(ready(&shared)),
        _ => match path.strip_prefix("/media/inbound/") {
            Some(name) => inbound(&shared, &caller, request.headers(), name).await,
            None => page(&shared, path),
        },
    }
}

fn ready(shared: &Shared) -> Response<Body> {
    let stopping = shared.stop.is_cancelled();
    let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let failing: &[&str] = if stopping { &["stopping"] } else { &[] };
    json(status, &json!({"ready": !stopping, "failing": failing}))
}

/// WebChat and its files, below the configured base path.
fn page(shared: &Shared, path: &str) -> Response<Body> {
    let settings = shared.settings();
    let control_ui = &settings.config().gateway.control_ui;
    let base = control_ui.mount();
    let inner = match path.strip_prefix(base.as_str()) {
        Some(inner) if control_ui.enabled && (inner.is_empty() || inner.starts_with('/')) => inner,
        _ => return not_found(),
    };
    let Some(asset) = ui::asset(inner) else {
        return not_found();
    };
    let cache = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Response::new(Full::new(asset.bytes.into_owned().into()));
    let headers = response.headers_mut();
    if let Ok(mime) = HeaderValue::from_str(&asset.mime) {
        headers.insert(CONTENT_TYPE, mime);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// An attachment, to a bearer of the secret or of a device token.
async fn inbound(
    shared: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    name: &str,
) -> Response<Body> {
    if let Err(response) = authorize(shared, caller, headers).await {
        return *response;
    }
    match media::read(shared, name).await {
        Ok(Some(media)) => {
            let mut response = Response::new(Full::new(media.bytes.into()));
            let headers = response.headers_mut();
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_str(&media.mime)
                    .unwrap_or(HeaderValue::from_static("application/octet-stream")),
            );
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
            headers.insert(
                CONTENT_SECURITY_POLICY,
                HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
            );
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            response
        }
        Ok(None) => not_found(),
        Err(error) => {
            warn!(%error, "media");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", "The file cannot be read.")
        }
    }
}

async fn authorize(
    shared: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<(), Box<Response<Body>>> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let Ok(guess) = shared.auth.reserve(caller).await else {
        return Err(Box::new(problem(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "Too many failed attempts. Wait, then try again.",
        )));
    };
    let known = !bearer.is_empty()
        && (shared.auth.matches(bearer)
            || shared.devices.scopes_of(bearer).await.is_ok_and(|scopes| scopes.is_some()));
    if known || shared.auth.mode() == crate::auth::AuthMode::None {
        guess.was_right();
        return Ok(());
    }
    let mut response = problem(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized");
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Err(Box::new(response))
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    let has = |name: &HeaderName, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    has(&CONNECTION, "upgrade") && has(&UPGRADE, "websocket")
}

fn upgrade(shared: Arc<Shared>, caller: Caller, mut request: Request<Incoming>) -> Response<Body> {
    let headers = request.headers();
    let version_13 = headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let (Some(accept), true, &Method::GET) = (key, version_13, request.method()) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "bad_upgrade",
            "The WebSocket handshake is incomplete; version 13 is spoken here.",
        );
    };
    let Ok(accept) = HeaderValue::from_str(&accept) else {
        return not_found();
    };
    if carries_secret(request.uri().query()) {
        return problem(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Credentials in an address are not accepted. Send them in connect.",
        );
    }
    let upgraded = hyper::upgrade::on(&mut request);
    shared.tasks.clone().spawn(async move {
        if let Ok(upgraded) = upgraded.await {
            connection::serve(shared, Socket::new(upgraded).await, caller).await;
        }
    });
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// A path that means the same to everybody, or nothing (WEB-08).
fn plain_path(path: &str) -> Option<&str> {
    let lower = path.to_ascii_lowercase();
    let tricky = ["//", "/.", "\\", ";", "%2e", "%2f", "%5c", "%25", "%00"];
    (path.starts_with('/') && !tricky.iter().any(|part| lower.contains(part))).then_some(path)
}

/// Secrets have no place in an address, where histories and logs keep them (WEB-05).
fn carries_secret(query: Option<&str>) -> bool {
    query.into_iter().flat_map(|query| query.split('&')).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        ["token", "password", "secret", "auth", "apikey", "api_key"].contains(&name.as_str())
    })
}

fn not_found() -> Response<Body> {
    problem(StatusCode::NOT_FOUND, "not_found", "Not Found")
}

fn problem(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    uncached(json(status, &json!({"error": {"message": message, "type": kind}})))
}

fn json(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn uncached(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The headers of every answer, whatever it says (WEB-07).
fn with_headers(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    headers.insert(
        PERMISSIONS_POLICY,
        HeaderValue::from_static("camera=(), microphone=(self), geolocation=()"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_paths_are_refused_web_08() {
        for path in
            ["/api/%2e%2e/x", "/a%252f", "//api//x", "/api/x/..;/", "/a/../b", "/a\\b", "/%2E%2e/"]
        {
            assert_eq!(plain_path(path), None, "{path}");
        }
        for path in ["/", "/chat/agent%3Amain%3Amain", "/assets/index-Ab_1.js"] {
            assert_eq!(plain_path(path), Some(path));
        }
    }

    #[test]
    fn secrets_in_queries_are_seen_web_05() {
        assert!(carries_secret(Some("session=main&token=x")));
        assert!(carries_secret(Some("Password=x")));
        assert!(!carries_secret(Some("session=main")));
        assert!(!carries_secret(None));
    }
}
