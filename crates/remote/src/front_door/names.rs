//! Under which names a front door is visited, and those under which its visitors are passed on.

use std::net::IpAddr;
use std::sync::LazyLock;

use hyper::header::{COOKIE, HOST, HeaderName, HeaderValue, ORIGIN};
use hyper::http::uri::{Authority, Uri};
use hyper::{HeaderMap, Request, StatusCode};

use super::FarEnd;

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
pub(super) fn rename(headers: &mut HeaderMap, far: &FarEnd) {
    headers.insert(HOST, far.host.clone());
    if headers.contains_key(ORIGIN) {
        headers.insert(ORIGIN, far.origin.clone());
    }
    headers.remove(COOKIE);
    headers.append(&PASSED, mark_of_this_program().clone());
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
