//! Which addresses may be dialled.

use std::net::{IpAddr, Ipv4Addr};

use http::Uri;

use crate::pin::Pin;

/// Why an address is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL with a host.
    #[error(
        "The gateway address is not a valid URL. Write it like ws://127.0.0.1:18789 or wss://gateway.example."
    )]
    Malformed,
    /// Neither `ws` nor `wss`.
    #[error(
        "The gateway address starts with {0}://. Use wss://, or ws:// for this machine and private networks."
    )]
    Scheme(String),
    /// Credentials inside the address.
    #[error(
        "The gateway address contains a user name, password or token. Remove it and give the token separately."
    )]
    HoldsSecret,
    /// Plain text to a public address.
    #[error(
        "{host} is a public address, where ws:// would send the token unencrypted. Use wss:// or an SSH tunnel."
    )]
    PlainPublic {
        /// Host as written.
        host: String,
    },
    /// A pinned certificate where none is shown.
    #[error(
        "A certificate is pinned, but ws:// shows none, so nothing would be checked. Use wss://, or remove the fingerprint."
    )]
    PinNeedsTls,
}

impl AddressError {
    /// A stable name for this kind of failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "ADDRESS_MALFORMED",
            Self::Scheme(_) => "ADDRESS_SCHEME",
            Self::HoldsSecret => "ADDRESS_HOLDS_SECRET",
            Self::PlainPublic { .. } => "ADDRESS_PLAIN_PUBLIC",
            Self::PinNeedsTls => "ADDRESS_PIN_NEEDS_TLS",
        }
    }
}

/// A checked gateway address.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// For the upgrade request.
    pub(crate) uri: Uri,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

/// Checks an address as far as that is possible without asking for names.
///
/// # Errors
/// [`AddressError`].
pub fn check_url(url: &str, pin: Option<&Pin>) -> Result<(), AddressError> {
    let address = Address::pinned(url, pin)?;
    match address.host.parse() {
        Ok(ip) => address.allows(ip),
        Err(_) => Ok(()),
    }
}

/// What a browser would call the gateway at an address: its `Host` and its `Origin`.
///
/// # Errors
/// [`AddressError`].
pub fn web_names(url: &str) -> Result<(String, String), AddressError> {
    let Address { host, port, tls, .. } = Address::parse(url)?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let (scheme, usual) = if tls { ("https", 443) } else { ("http", 80) };
    let host = if port == usual { host } else { format!("{host}:{port}") };
    let origin = format!("{scheme}://{host}");
    Ok((host, origin))
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        // The parser cuts fragments off silently; a token may hide in one.
        if url.contains('#') {
            return Err(AddressError::HoldsSecret);
        }
        let uri: Uri = url.trim().parse().map_err(|_| AddressError::Malformed)?;
        let tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            Some(other) => return Err(AddressError::Scheme(other.to_owned())),
            None => return Err(AddressError::Malformed),
        };
        let authority = uri.authority().ok_or(AddressError::Malformed)?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(AddressError::HoldsSecret);
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        // Not `Authority::port`, which takes a port that is no number for none.
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" if tls => 443,
            "" => 80,
            port => port.trim_start_matches(':').parse().map_err(|_| AddressError::Malformed)?,
        };
        if host.is_empty() {
            return Err(AddressError::Malformed);
        }
        Ok(Self { host, port, tls, uri })
    }

    /// The same, where a certificate may be pinned: without one that is shown, whoever answers would
    /// get the secret (APP-10).
    pub(crate) fn pinned(url: &str, pin: Option<&Pin>) -> Result<Self, AddressError> {
        let address = Self::parse(url)?;
        if pin.is_some() && !address.tls { Err(AddressError::PinNeedsTls) } else { Ok(address) }
    }

    /// Host and port, for people.
    pub(crate) fn name(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Refuses plain text to where others could listen (APP-10). Asked for the resolved address
    /// that is dialled, so that no name can lie about it.
    pub(crate) fn allows(&self, ip: IpAddr) -> Result<(), AddressError> {
        if self.tls || is_private(ip.to_canonical()) {
            Ok(())
        } else {
            Err(AddressError::PlainPublic { host: self.host.clone() })
        }
    }
}

/// Whether an address means this machine, as written; no name is looked up.
pub fn is_loopback(url: &str) -> bool {
    loopback_port(url).is_some()
}

/// The port of this computer that an address leads to; `None` for one that leads elsewhere.
pub fn loopback_port(url: &str) -> Option<u16> {
    let address = Address::parse(url).ok()?;
    let ip = address.host.parse::<IpAddr>();
    let is_here = ip.map_or(address.host == "localhost", |ip| ip.to_canonical().is_loopback());
    is_here.then_some(address.port)
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || in_tailnet(ip)
        }
        // Tailscale's own IPv6 range is part of the unique local ones.
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// 100.64.0.0/10, which Tailscale hands out.
fn in_tailnet(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && (64..128).contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, ip: &str) -> Result<(), &'static str> {
        let address = Address::parse(url).map_err(|error| error.code())?;
        address.allows(ip.parse().unwrap()).map_err(|error| error.code())
    }

    #[test]
    fn plain_text_stays_on_private_networks_app_10() {
        for ip in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.0.2",
            "172.31.0.1",
            "100.101.102.103",
            "fd7a:115c:a1e0::1",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(check("ws://gateway:1", ip), Ok(()), "{ip}");
        }
        for ip in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2001:db8::1", "0.0.0.0", "::ffff:8.8.8.8"]
        {
            assert_eq!(check("ws://gateway:1", ip), Err("ADDRESS_PLAIN_PUBLIC"), "{ip}");
            assert_eq!(check("wss://gateway:1", ip), Ok(()), "{ip}");
        }
    }

    #[test]
    fn a_gateway_is_called_what_a_browser_would_call_it() {
        for (url, host, origin) in [
            ("wss://gateway.example/", "gateway.example", "https://gateway.example"),
            ("wss://gateway.example:443", "gateway.example", "https://gateway.example"),
            ("ws://127.0.0.1:18789", "127.0.0.1:18789", "http://127.0.0.1:18789"),
            ("wss://[::1]:8443", "[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(web_names(url), Ok((host.to_owned(), origin.to_owned())), "{url}");
        }
    }

    #[test]
    fn addresses_hold_no_secrets_and_name_a_known_scheme() {
        for (url, code) in [
            ("ws://user:secret@host", "ADDRESS_HOLDS_SECRET"),
            ("ws://host/?token=secret", "ADDRESS_HOLDS_SECRET"),
            ("ws://host/#token=secret", "ADDRESS_HOLDS_SECRET"),
            ("http://host", "ADDRESS_SCHEME"),
            ("file:///etc/passwd", "ADDRESS_MALFORMED"),
            ("127.0.0.1:18789", "ADDRESS_MALFORMED"),
            ("ws://", "ADDRESS_MALFORMED"),
            ("ws://host:99999", "ADDRESS_MALFORMED"),
            ("", "ADDRESS_MALFORMED"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.code(), code, "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_pinned_certificate_has_to_be_shown_app_10() {
        let pin = "00".repeat(32).parse().unwrap();
        assert_eq!(check_url("ws://127.0.0.1:1", Some(&pin)), Err(AddressError::PinNeedsTls));
        assert_eq!(check_url("wss://127.0.0.1:1", Some(&pin)), Ok(()));
        assert_eq!(check_url("ws://127.0.0.1:1", None), Ok(()));
    }

    #[test]
    fn ports_default_to_the_scheme() {
        assert_eq!(Address::parse("wss://host/base").unwrap().port, 443);
        assert_eq!(Address::parse("ws://[::1]:18789").unwrap().name(), "[::1]:18789");
    }
}
