//! `Host`, `Origin` and forwarding headers.
#![no_main]

#[path = "../../crates/gateway/src/access.rs"]
#[expect(dead_code, reason = "only the judge is of interest")]
mod access;

use access::{AccessRules, OriginKind, Refusal, parse_net};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// One header per line, such as `host: localhost`.
fn headers(bytes: &[u8]) -> HeaderMap {
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
        Some((name, HeaderValue::from_bytes(line.get(colon + 1..)?.trim_ascii()).ok()?))
    };
    let mut map = HeaderMap::new();
    for (name, value) in bytes.split(|byte| *byte == b'\n').filter_map(header) {
        map.append(name, value);
    }
    map
}

fuzz_target!(|bytes: &[u8]| {
    let headers = headers(bytes);
    let rules = AccessRules {
        allowed_origins: vec!["https://ok.example".to_owned()],
        trusted_proxies: parse_net("10.0.0.0/8").into_iter().collect(),
    };
    let local = "127.0.0.1:18789".parse().expect("an address");
    for peer in ["127.0.0.1:5000", "10.1.2.3:5000", "[::ffff:127.0.0.1]:5000"] {
        let peer = peer.parse().expect("an address");
        match rules.judge(&headers, peer, local) {
            Ok(caller) => {
                let forwarded = headers.keys().any(|name| {
                    let name = name.as_str();
                    name.starts_with("x-forwarded-") || name == "forwarded" || name == "x-real-ip"
                });
                assert!(headers.get_all("host").iter().count() == 1);
                assert!(!(forwarded && caller.direct_local));
                assert!(!(caller.may_pair_silently() && caller.origin == OriginKind::Foreign));
                assert_eq!(headers.contains_key("origin"), caller.origin != OriginKind::Absent);
                if caller.direct_local {
                    let host = headers["host"].to_str().expect("text");
                    assert!(names_this_machine(&host.to_ascii_lowercase()), "{host}");
                }
            }
            Err(Refusal::Host | Refusal::Proxy) => {}
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(net) = parse_net(text)
    {
        assert_eq!(parse_net(&net.to_string()), Some(net));
    }
});

/// The same question, answered in another way.
fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_matches(['[', ']']);
    let loopback = |ip: std::net::IpAddr| ip.to_canonical().is_loopback();
    name == "localhost" || name.parse().is_ok_and(loopback)
}
