//! Who may speak HTTP to the gateway: `Host`, `Origin` and forwarding headers, judged before
//! routing and before any credential is looked at.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use http::HeaderMap;
use http::header::{HOST, HeaderName, ORIGIN};
use ipnet::IpNet;

use crate::authority::Authority;

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
    /// Whether the proxies name the users: nothing that comes from one is the owner then, though
    /// it may forget its headers.
    pub(crate) users_by_proxy: bool,
    /// `gateway.allowRealIpFallback`.
    pub(crate) real_ip: bool,
    /// Whether `tailscale serve` may stand in front of the loopback address.
    pub(crate) tailscale: bool,
}

/// What is known about the far end of one HTTP request or socket.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Address of the client: of the peer, or of whom a trusted proxy speaks for.
    pub(crate) ip: IpAddr,
    /// How the `Origin` header relates to us.
    pub(crate) origin: OriginKind,
    /// Loopback peer, loopback `Host`, nothing forwarded, and not the proxy that names users.
    pub(crate) direct_local: bool,
    /// The app's own window: authenticated by being in the process.
    pub(crate) in_process: bool,
    /// What a proxy says, if it came through one.
    pub(crate) claims: Option<Arc<Claims>>,
}

/// A request's headers, as a proxy passed them on.
#[derive(Debug)]
pub(crate) struct Claims {
    /// Who passed them on.
    pub(crate) via: Via,
    /// The proxy's end of the connection, and ours.
    pub(crate) socket: (SocketAddr, SocketAddr),
    pub(crate) headers: HeaderMap,
}

/// Who stands between the client and this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// One of `gateway.trustedProxies`.
    Proxy,
    /// What looks like `tailscale serve` or `funnel` on this machine.
    Tailscale,
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
    /// Forwarding headers from an address that is not a trusted proxy, or that make no sense.
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
            claims: None,
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
        let proxy = peer.ip().to_canonical();
        let via = self.via(headers, proxy);
        let host = Authority::of_header(headers, &HOST).ok_or(Refusal::Host)?;
        let published = via == Ok(Some(Via::Tailscale)) && host.name.ends_with(".ts.net");
        if !published && !self.host_is_ours(&host, local) {
            return Err(Refusal::Host);
        }
        let forwarded = headers.keys().any(is_forwarding);
        let via = via?;
        let ip = match via {
            None => proxy,
            Some(via) => self.client_behind(headers, via)?.unwrap_or(proxy),
        };
        let is_proxy = forwarded || (self.users_by_proxy && self.is_trusted(proxy));
        let direct_local = proxy.is_loopback() && host.is_loopback() && !is_proxy;
        let origin = self.origin_kind(headers, &host, direct_local);
        let claims = via
            .map(|via| Arc::new(Claims { via, socket: (peer, local), headers: headers.clone() }));
        Ok(Caller { ip, origin, direct_local, in_process: false, claims })
    }

    /// Who passed a request on. Only whoever is trusted may add forwarding headers (PRX-01).
    fn via(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Option<Via>, Refusal> {
        if self.is_trusted(peer) {
            return Ok(Some(Via::Proxy));
        }
        if !headers.keys().any(is_forwarding) {
            return Ok(None);
        }
        let complete = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"]
            .iter()
            .all(|name| headers.contains_key(*name));
        if self.tailscale && peer.is_loopback() && complete {
            return Ok(Some(Via::Tailscale));
        }
        Err(Refusal::Proxy)
    }

    /// The client a proxy speaks for: the right-most hop that is no trusted proxy. A hop on this
    /// machine is a forgery (PRX-02).
    fn client_behind(&self, headers: &HeaderMap, via: Via) -> Result<Option<IpAddr>, Refusal> {
        let listed = headers.get_all("x-forwarded-for");
        let mut hops = Vec::new();
        for value in listed {
            for hop in value.to_str().map_err(|_| Refusal::Proxy)?.split(',') {
                hops.push(parse_hop(hop).ok_or(Refusal::Proxy)?);
            }
        }
        if hops.is_empty() && self.real_ip && via == Via::Proxy {
            let real = headers.get("x-real-ip").and_then(|value| value.to_str().ok());
            hops.extend(real.and_then(parse_hop));
        }
        if hops.iter().any(|hop| is_own_address(*hop)) {
            return Err(Refusal::Proxy);
        }
        let client = hops.iter().rev().find(|hop| !self.is_trusted(**hop));
        Ok(client.or(hops.first()).copied())
    }

    /// Whether a trusted proxy has this address.
    pub(crate) fn is_trusted(&self, ip: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&ip))
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
        // Behind something that ends TLS the host has no port and the origin has the usual one.
        let same_port = origin.port == host.port
            || (host.port.is_none() && matches!(origin.port, Some(80 | 443)));
        if origin.name == host.name && same_port && (host.is_loopback() || host.is_private()) {
            return OriginKind::Same;
        }
        let listed = |allowed: &String| allowed == "*" || allowed.eq_ignore_ascii_case(text);
        if self.allowed_origins.iter().any(listed) || (local && origin.is_loopback()) {
            return OriginKind::Allowed;
        }
        OriginKind::Foreign
    }
}

/// A configured proxy: an address or a network.
pub(crate) fn parse_net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// One entry of `X-Forwarded-For`: an address, perhaps with a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(ip.to_canonical())
}

/// Whether an address belongs to this machine: only then a socket can be bound to it.
fn is_own_address(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for host in
            ["127.0.0.1:18789", "localhost", "LOCALHOST:1", "localhost:", "[::1]:18789", "[::1]"]
        {
            assert!(judge(&rules, &[("host", host)]).unwrap().direct_local, "{host}");
        }
        for host in [
            "evil.example:18789",
            "127.0.0.1.evil.example",
            "user@127.0.0.1",
            "",
            "a b",
            "[::1].evil.example",
            "[::1]evil.example:18789",
            "[localhost]",
            "localhost:+1",
            "localhost:70000",
        ] {
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
            let headers = [("host", "127.0.0.1"), (name, "203.0.113.9")];
            assert_eq!(judge(&AccessRules::default(), &headers).unwrap_err(), Refusal::Proxy);
            assert!(!judge(&trusting(), &headers).unwrap().direct_local);
        }
    }

    #[test]
    fn a_proxy_that_names_users_is_never_the_owner_prx_01() {
        let local = |rules: &AccessRules| judge(rules, &[("host", "127.0.0.1")]).unwrap();
        assert!(local(&trusting()).direct_local);
        assert!(!local(&AccessRules { users_by_proxy: true, ..trusting() }).direct_local);
        let elsewhere = AccessRules { users_by_proxy: true, ..AccessRules::default() };
        assert!(local(&elsewhere).direct_local);
    }

    fn trusting() -> AccessRules {
        let nets = ["127.0.0.0/8", "10.0.0.0/8"];
        AccessRules {
            trusted_proxies: nets.iter().map(|net| net.parse().unwrap()).collect(),
            ..Default::default()
        }
    }

    fn behind(rules: &AccessRules, forwarded: &str) -> Result<IpAddr, Refusal> {
        judge(rules, &[("host", "127.0.0.1"), ("x-forwarded-for", forwarded)]).map(|c| c.ip)
    }

    #[test]
    fn the_client_is_the_rightmost_hop_that_is_no_proxy() {
        let client = IpAddr::from([203, 0, 113, 9]);
        for chain in [
            "203.0.113.9",
            "8.8.8.8, 203.0.113.9",
            "8.8.8.8,203.0.113.9 , 10.0.0.7",
            "203.0.113.9:4711",
            "::ffff:203.0.113.9",
        ] {
            assert_eq!(behind(&trusting(), chain), Ok(client), "{chain}");
        }
        assert_eq!(behind(&trusting(), "10.0.0.5, 10.0.0.7"), Ok([10, 0, 0, 5].into()));
        assert_eq!(behind(&trusting(), "[2001:db8::1]:80"), Ok("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn a_hop_on_this_machine_is_a_forgery_prx_02() {
        for chain in
            ["127.0.0.1", "203.0.113.9, ::1", "127.0.0.1, 203.0.113.9", "unknown", "0.0.0.0"]
        {
            assert_eq!(behind(&trusting(), chain), Err(Refusal::Proxy), "{chain}");
        }
    }

    #[test]
    fn x_real_ip_counts_only_where_that_is_configured() {
        let headers = [("host", "127.0.0.1"), ("x-real-ip", "203.0.113.9")];
        let ip = |rules: &AccessRules| judge(rules, &headers).unwrap().ip;
        assert_eq!(ip(&trusting()), IpAddr::from([127, 0, 0, 1]));
        let rules = AccessRules { real_ip: true, ..trusting() };
        assert_eq!(ip(&rules), IpAddr::from([203, 0, 113, 9]));
    }
    /// Names and addresses, near misses of our own ones included.
    fn authority() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            Just("127.0.0.1".to_owned()),
            Just("localhost".to_owned()),
            Just("[::1]".to_owned()),
            Just("ok.example".to_owned()),
            "[a-z0-9.-]{0,12}",
            "(127\\.0\\.0\\.1|localhost|ok\\.example)[a-z0-9.@-]{1,8}",
            "[a-z0-9@.-]{1,8}(127\\.0\\.0\\.1|localhost|ok\\.example)",
            "\\PC{0,10}",
        ];
        (name, prop::option::of(any::<u16>())).prop_map(|(name, port)| match port {
            Some(port) => format!("{name}:{port}"),
            None => name,
        })
    }

    fn header(value: &str) -> Option<http::HeaderValue> {
        http::HeaderValue::from_bytes(value.as_bytes()).ok()
    }

    /// Whether `host` names this machine, said in another way than the code under test does.
    fn names_this_machine(host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        let name = name.trim_matches(['[', ']']);
        name == "localhost"
            || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn only_our_own_names_are_hosts_and_only_listed_pages_are_let_in(
            host in authority(),
            scheme in prop::sample::select(vec!["http://", "https://", "ws://", "file://", ""]),
            origin in prop::option::of(authority()),
            forwarded in any::<bool>(),
        ) {
            let rules = AccessRules { allowed_origins: vec!["https://ok.example".into()], ..Default::default() };
            let Some(host_value) = header(&host) else { return Ok(()) };
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host_value);
            let origin = origin.map(|origin| format!("{scheme}{origin}"));
            if let Some(value) = origin.as_deref().and_then(header) {
                headers.insert(ORIGIN, value);
            }
            if forwarded {
                headers.insert("x-forwarded-for", http::HeaderValue::from_static("127.0.0.1"));
            }
            let judged = rules.judge(&headers, "127.0.0.1:5000".parse().unwrap(), "127.0.0.1:18789".parse().unwrap());
            let listed = host.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("ok.example"));
            let caller = match judged {
                Ok(caller) => caller,
                Err(Refusal::Host) => return Ok(()),
                Err(Refusal::Proxy) => {
                    prop_assert!(forwarded);
                    return Ok(());
                }
            };
            prop_assert!(!forwarded && (names_this_machine(&host) || listed), "{}", host);
            prop_assert_eq!(caller.direct_local, names_this_machine(&host), "{}", host);
            match caller.origin {
                OriginKind::Absent => prop_assert!(!headers.contains_key(ORIGIN)),
                OriginKind::Foreign => {}
                OriginKind::Same | OriginKind::Allowed => {
                    let origin = origin.unwrap_or_default().to_ascii_lowercase();
                    let page = origin.split_once("://").map_or("", |(_, page)| page.trim_end_matches('/'));
                    prop_assert!(origin == "https://ok.example" || names_this_machine(page), "{} at {}", origin, host);
                }
            }
        }

        #[test]
        fn networks_are_read_or_refused(text in "[0-9a-f.:/]{0,20}") {
            if let Some(net) = parse_net(&text) {
                prop_assert_eq!(parse_net(&net.to_string()), Some(net));
            }
        }
    }
}
