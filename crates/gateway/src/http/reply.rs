//! Answers, and the headers all of them carry.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

/// A body that is there at once or comes bit by bit.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Only what came from this gateway runs, and nothing leaves it.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; \
    worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// A body that is there at once.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// A file: its bytes, type and how long it may be kept.
pub(super) fn file(bytes: impl Into<Bytes>, mime: &str, cache: &'static str) -> Response<Body> {
    typed(whole(bytes), mime, cache)
}

/// The same around any body.
pub(super) fn typed<B>(body: B, mime: &str, cache: &'static str) -> Response<B> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let mime = HeaderValue::from_str(mime);
    let mime = mime.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_TYPE, mime);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// A JSON answer that nobody keeps.
pub(super) fn json(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = file(body.to_string(), "application/json", "no-store");
    *response.status_mut() = status;
    response
}

/// A refusal in the shape of protocol §17.1.
pub(super) fn problem(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    json(status, &json!({"error": {"message": message, "type": kind}}))
}

pub(super) fn not_found() -> Response<Body> {
    problem(StatusCode::NOT_FOUND, "not_found", "Not Found")
}

/// The headers of every answer, whatever it says (WEB-07).
pub(super) fn with_headers<B>(mut response: Response<B>, hsts: Option<&str>) -> Response<B> {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    headers.insert(
        PERMISSIONS_POLICY,
        HeaderValue::from_static("camera=(), microphone=(self), geolocation=()"),
    );
    if let Some(Ok(hsts)) = hsts.map(HeaderValue::from_str) {
        headers.insert(STRICT_TRANSPORT_SECURITY, hsts);
    }
    response
}
