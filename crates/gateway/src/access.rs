//! Who may speak HTTP to the gateway: `Host`, `Origin` and forwarding headers, judged before
//! routing and before any credential is looked at.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{HOST, HeaderName, ORIGIN};
use ipnet::IpNet;

/// Whether a header is one that only a proxy adds.
fn is_forwarding(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-") || name == "forwarded" || name == "x-real-ip"
}

/// The rules, taken from the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccessRules {
    /// `gateway.controlUi.allowedOrigins`: exact origins, or `*`.
    pub(crate) allowed_origins: Vec<String>,
    /// `gateway.trustedProxies`.
    pub(crate) trusted_proxies: Vec<IpNet>,
}

/// What is known about the far end of one HTTP request or socket.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Address of the peer.
    pub(crate) ip: IpAddr,
    /// How the `Origin` header relates to us.
    pub(crate) origin: OriginKind,
    /// Loopback peer, loopback `Host`, and nothing forwarded.
    pub(crate) direct_local: bool,
    /// The app's own window: authenticated by being in the process.
    pub(crate) in_process: bool,
}

/// How a request's `Origin` relates to the address it was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OriginKind {
    /// No `Origin` header: not a browser, or a plain navigation.
    Absent,
    /// The page came from this gateway.
    Same,
    /// Configured, or a loopback page on this machine.
    Allowed,
    /// Anybody else.
    Foreign,
}

/// Why a request was turned away before routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `Host` names something this gateway is not (DNS rebinding).
    Host,
    /// Forwarding headers from an address that is not a trusted proxy.
    Proxy,
}

impl Caller {
    /// The owner, from inside the process.
    pub(crate) fn in_process() -> Self {
        Self {
            ip: IpAddr::from([127, 0, 0, 1]),
            origin: OriginKind::Absent,
            direct_local: true,
            in_process: true,
        }
    }

    /// Whether the far end is a page that came from somewhere else.
    pub(crate) fn is_foreign(&self) -> bool {
        self.origin == OriginKind::Foreign
    }

    /// The address to show to people; none for this machine.
    pub(crate) fn remote_ip(&self) -> Option<String> {
        (!self.direct_local).then(|| self.ip.to_string())
    }

    /// Whether pairing may be granted without asking (DEV-04).
    pub(crate) fn may_pair_silently(&self) -> bool {
        self.direct_local && matches!(self.origin, OriginKind::Absent | OriginKind::Same)
    }
}

impl AccessRules {
    /// Judges one request that arrived from `peer` on the socket bound to `local`.
    pub(crate) fn judge(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
        local: SocketAddr,
    ) -> Result<Caller, Refusal> {
        let ip = peer.ip().to_canonical();
        let host = Authority::of_header(headers, &HOST).ok_or(Refusal::Host)?;
        if !self.host_is_ours(&host, local) {
            return Err(Refusal::Host);
        }
        let forwarded = headers.keys().any(is_forwarding);
        if forwarded && !self.trusted_proxies.iter().any(|net| net.contains(&ip)) {
            return Err(Refusal::Proxy);
        }
        let direct_local = ip.is_loopback() && host.is_loopback() && !forwarded;
        let origin = self.origin_kind(headers, &host, direct_local);
        Ok(Caller { ip, origin, direct_local, in_process: false })
    }

    fn host_is_ours(&self, host: &Authority, local: SocketAddr) -> bool {
        host.is_loopback()
            || host.ip() == Some(local.ip().to_canonical())
            || self.allowed_origins.iter().any(|origin| {
                Authority::of_origin(origin).is_some_and(|allowed| allowed.name == host.name)
            })
    }

    fn origin_kind(&self, headers: &HeaderMap, host: &Authority, local: bool) -> OriginKind {
        let Some(value) = headers.get(&ORIGIN) else {
            return OriginKind::Absent;
        };
        let Ok(text) = value.to_str() else {
            return OriginKind::Foreign;
        };
        if headers.get_all(&ORIGIN).iter().count() > 1 {
            return OriginKind::Foreign;
        }
        let Some(origin) = Authority::of_origin(text) else {
            return OriginKind::Foreign;
        };
        if origin == *host && (host.is_loopback() || host.is_private()) {
            return OriginKind::Same;
        }
        let listed = |allowed: &String| allowed == "*" || allowed.eq_ignore_ascii_case(text);
        if self.allowed_origins.iter().any(listed) || (local && origin.is_loopback()) {
            return OriginKind::Allowed;
        }
        OriginKind::Foreign
    }
}

/// A host with an optional port, lower-cased.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Authority {
    name: String,
    port: Option<u16>,
}

impl Authority {
    fn of_header(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut values = headers.get_all(name).iter();
        let (value, None) = (values.next()?, values.next()) else {
            return None;
        };
        Self::parse(value.to_str().ok()?)
    }

    fn of_origin(origin: &str) -> Option<Self> {
        let uri: http::Uri = origin.parse().ok()?;
        let scheme = uri.scheme_str()?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return None;
        }
        let mut authority = Self::parse(uri.authority()?.as_str())?;
        authority.port = authority.port.or(match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => return None,
        });
        Some(authority)
    }

    fn parse(text: &str) -> Option<Self> {
        let authority: http::uri::Authority = text.parse().ok()?;
        if authority.as_str().contains('@') {
            return None;
        }
        let name = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        let port = match authority.port() {
            Some(port) => Some(port.as_str().parse().ok()?),
            None => None,
        };
        (!name.is_empty()).then_some(Self { name, port })
    }

    fn ip(&self) -> Option<IpAddr> {
        self.name.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
    }

    fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    fn is_private(&self) -> bool {
        match self.ip() {
            Some(IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local() || in_tailnet(ip),
            Some(IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
            None => self.name.ends_with(".local") || self.name.ends_with(".ts.net"),
        }
    }
}

/// A configured proxy: an address or a network.
pub(crate) fn parse_net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// 100.64.0.0/10, which Tailscale hands out.
fn in_tailnet(ip: std::net::Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && (64..128).contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(rules: &AccessRules, headers: &[(&str, &str)]) -> Result<Caller, Refusal> {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        rules.judge(&map, "127.0.0.1:5000".parse().unwrap(), "127.0.0.1:18789".parse().unwrap())
    }

    #[test]
    fn loopback_hosts_are_ours_and_names_are_not_web_02() {
        let rules = AccessRules::default();
        for host in ["127.0.0.1:18789", "localhost", "LOCALHOST:1", "[::1]:18789"] {
            assert!(judge(&rules, &[("host", host)]).unwrap().direct_local, "{host}");
        }
        for host in ["evil.example:18789", "127.0.0.1.evil.example", "user@127.0.0.1", "", "a b"] {
            assert_eq!(judge(&rules, &[("host", host)]).unwrap_err(), Refusal::Host, "{host}");
        }
        assert_eq!(judge(&rules, &[]).unwrap_err(), Refusal::Host);
    }

    #[test]
    fn origins_are_told_apart_web_01() {
        let rules = AccessRules {
            allowed_origins: vec!["https://ok.example".into()],
            ..Default::default()
        };
        let kind = |origin| {
            judge(&rules, &[("host", "127.0.0.1:18789"), ("origin", origin)]).unwrap().origin
        };
        assert_eq!(kind("http://127.0.0.1:18789"), OriginKind::Same);
        assert_eq!(kind("http://localhost:5173"), OriginKind::Allowed);
        assert_eq!(kind("https://ok.example"), OriginKind::Allowed);
        for foreign in ["https://evil.example", "null", "file://", "http://127.0.0.1.evil.example"]
        {
            assert_eq!(kind(foreign), OriginKind::Foreign, "{foreign}");
        }
    }

    #[test]
    fn forwarding_headers_need_a_trusted_proxy_prx_01() {
        let names = ["forwarded", "x-forwarded-for", "x-forwarded-user", "x-real-ip"];
        for name in names {
            let headers = [("host", "127.0.0.1"), (name, "127.0.0.1")];
            assert_eq!(judge(&AccessRules::default(), &headers).unwrap_err(), Refusal::Proxy);
            let trusting = AccessRules {
                trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
                ..Default::default()
            };
            assert!(!judge(&trusting, &headers).unwrap().direct_local);
        }
    }
}
