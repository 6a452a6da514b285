//! Hosts as `Host` and `Origin` headers name them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;
use http::header::HeaderName;

/// A host with an optional port, lower-cased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

impl Authority {
    pub(crate) fn of_header(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut values = headers.get_all(name).iter();
        let (value, None) = (values.next()?, values.next()) else {
            return None;
        };
        Self::parse(value.to_str().ok()?)
    }

    pub(crate) fn of_origin(origin: &str) -> Option<Self> {
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
        let host = authority.host();
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|ip| ip.parse::<Ipv6Addr>().is_ok())?,
            None => host,
        };
        let name = name.to_ascii_lowercase();
        // The library overlooks what stands between a bracket and the port.
        let port = match authority.as_str().strip_prefix(host)?.strip_prefix(':') {
            Some("") => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse().ok()?)
            }
            None if authority.as_str() == host => None,
            _ => return None,
        };
        (!name.is_empty()).then_some(Self { name, port })
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.name.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    pub(crate) fn is_private(&self) -> bool {
        match self.ip() {
            Some(IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local() || in_tailnet(ip),
            Some(IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
            None => self.name.ends_with(".local") || self.name.ends_with(".ts.net"),
        }
    }
}

/// 100.64.0.0/10, which Tailscale hands out.
pub(crate) fn in_tailnet(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && (64..128).contains(&b)
}
