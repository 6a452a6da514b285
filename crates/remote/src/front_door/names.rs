//! Under which names a front door is visited, and those under which its visitors are passed on.

use std::net::IpAddr;
use std::sync::LazyLock;

use hyper::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN,
    SET_COOKIE, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::uri::{Authority, Uri};
use hyper::{HeaderMap, Request, StatusCode};

use super::FarEnd;

/// Where a page names the gateway that it is about: in a header, or in the address of a socket.
const GATEWAY: HeaderName = HeaderName::from_static("clawdbot-gateway");
/// What every browser says of a request that a page makes.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The header that a request has which came through a front door.
const PASSED: HeaderName = HeaderName::from_static("clawdbot-front-door");

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// A name of somebody else that leads here (DNS rebinding), or none.
    #[error(
        "This address is for this computer only, under the name 127.0.0.1 or localhost. Open it under one of these."
    )]
    Host,
    /// What only a proxy adds, and nobody vouches for it (PRX-01).
    #[error(
        "This address takes nothing that a proxy passes on. Publish the gateway itself instead."
    )]
    Proxy,
    /// What this door has passed on itself.
    #[error(
        "This address leads to a gateway, and the way there leads back here. Name the machine or the port where the gateway is."
    )]
    Circle,
    /// A page that is about another gateway than the one that this door leads to.
    #[error("This page is about another gateway than the one here now. Load it again.")]
    Gateway,
    /// A page of somebody else.
    #[error(
        "Only pages that come from this address may use it. Open WebChat here instead of using it from another page."
    )]
    Origin,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Circle => StatusCode::LOOP_DETECTED,
            Self::Gateway => StatusCode::CONFLICT,
            Self::Host | Self::Proxy | Self::Origin => StatusCode::FORBIDDEN,
        }
    }
}

/// Lets in whoever names this computer, and of pages only those that came through this door.
pub(super) fn judge<B>(request: &Request<B>) -> Result<(), Refusal> {
    // A request meant for a proxy names its target beside the header.
    if request.uri().authority().is_some() {
        return Err(Refusal::Host);
    }
    if request.headers().get_all(&PASSED).iter().any(|mark| mark == mark_of_this_program()) {
        return Err(Refusal::Circle);
    }
    let host = only(request.headers(), &HOST).ok_or(Refusal::Host)?;
    let host: Authority = host.parse().map_err(|_| Refusal::Host)?;
    if !is_this_computer(&host) {
        return Err(Refusal::Host);
    }
    if request.headers().keys().any(is_forwarding) {
        return Err(Refusal::Proxy);
    }
    if !request.headers().contains_key(ORIGIN) {
        return Ok(());
    }
    let origin = only(request.headers(), &ORIGIN).ok_or(Refusal::Origin)?;
    let origin: Uri = origin.parse().map_err(|_| Refusal::Origin)?;
    let same = origin.scheme_str() == Some("http") && origin.authority() == Some(&host);
    if same { Ok(()) } else { Err(Refusal::Origin) }
}

/// Gives a request that was let in the names of the far end. Cookies stay here: browsers share them
/// among all ports of this computer, so they are those of other programs.
pub(super) fn rename<B>(request: &mut Request<B>, far: &FarEnd) {
    let uri = request.uri();
    let others = uri.query().map(|query| query.split('&').filter(|pair| value_of(pair).is_none()));
    let others = others.map(|pairs| pairs.collect::<Vec<_>>().join("&")).unwrap_or_default();
    let joint = if others.is_empty() { "" } else { "?" };
    // What was an address before is one without a part of its query.
    if let Ok(uri) = format!("{}{joint}{others}", uri.path()).parse() {
        *request.uri_mut() = uri;
    }
    let headers = request.headers_mut();
    headers.remove(&GATEWAY);
    headers.insert(HOST, far.host.clone());
    if headers.contains_key(ORIGIN) {
        headers.insert(ORIGIN, far.origin.clone());
    }
    headers.remove(COOKIE);
    headers.append(&PASSED, mark_of_this_program().clone());
}

/// Whether a request is meant for the gateway that `far` leads to. What a page presents is for the one
/// that it is about, so it has to say which.
pub(super) fn is_about<B>(request: &Request<B>, far: &FarEnd) -> bool {
    let headers = request.headers();
    let query = request.uri().query().unwrap_or_default();
    let named = query.split('&').find_map(value_of);
    let named = named.or_else(|| only(headers, &GATEWAY));
    let is_of_page = headers.contains_key(ORIGIN) || headers.contains_key(&FETCH_SITE);
    let presents = headers.contains_key(UPGRADE) || headers.contains_key(AUTHORIZATION);
    named.map_or(!(is_of_page && presents), |named| named == far.name)
}

fn value_of(pair: &str) -> Option<&str> {
    pair.strip_prefix(GATEWAY.as_str())?.strip_prefix('=')
}

/// Takes from an answer what would let a gateway do something with all that pages of this address
/// keep: set it, clear it, or run beside it.
pub(super) fn tame(headers: &mut HeaderMap) {
    for name in [SET_COOKIE, HeaderName::from_static("clear-site-data")] {
        headers.remove(name);
    }
    let nothing = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(CONTENT_SECURITY_POLICY, nothing);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Tells this program's doors from those of others; it says nothing else.
fn mark_of_this_program() -> &'static HeaderValue {
    static MARK: LazyLock<HeaderValue> = LazyLock::new(|| {
        let mut bytes = [0; 8];
        // Without random numbers a circle ends at another door, or at this one's limits.
        let _ = getrandom::fill(&mut bytes);
        HeaderValue::from(u64::from_ne_bytes(bytes))
    });
    &MARK
}

fn is_forwarding(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-")
        || name.starts_with("tailscale-")
        || matches!(name, "forwarded" | "x-real-ip")
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok()
}

fn is_this_computer(host: &Authority) -> bool {
    let name = host.host();
    let ip = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_ours = ip.map_or_else(
        |_| name.eq_ignore_ascii_case("localhost"),
        |ip| ip.to_canonical().is_loopback(),
    );
    is_ours && !host.as_str().contains('@')
}
