//! Delivery of a job's answer to an address. Only public addresses are asked, unless the owner has
//! named the host in `cron.webhookPrivateHosts` (security cases NET-01 to NET-05).

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use clawdbot_agent::http_client;
use clawdbot_protocol::RpcError;
use ipnet::IpNet;
use reqwest::Url;
use serde_json::Value;
use tokio::net::lookup_host;

/// From the first look-up to the status line of the answer; nothing more is read.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What is on no public network, and what of the public networks leads elsewhere: translated and
/// tunnelled addresses, documentation.
const NOT_PUBLIC: [&str; 20] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "fec0::/10",
];

/// Reads an address a job names.
pub(super) fn address(to: Option<&str>) -> Result<Url, RpcError> {
    let invalid = |what: &str| {
        RpcError::invalid(format!(
            "delivery.to {what}; write an http:// or https:// URL without user name and password"
        ))
    };
    let to = to.map(str::trim).filter(|to| !to.is_empty());
    let url: Url =
        to.ok_or_else(|| invalid("is missing"))?.parse().map_err(|_| invalid("is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid("is no web address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("holds credentials"));
    }
    Ok(url)
}

/// Posts `body`. The failure is a sentence for the job's state.
pub(super) async fn post(url: Url, body: &Value, private: &[String]) -> Result<(), String> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let sent = tokio::time::timeout(TIMEOUT, send(url, body, private));
    match sent.await {
        Ok(done) => done.map_err(|why| format!("the webhook at {host} was not told: {why}")),
        Err(_) => {
            Err(format!("the webhook at {host} did not answer within {} s", TIMEOUT.as_secs()))
        }
    }
}

async fn send(url: Url, body: &Value, private: &[String]) -> Result<(), String> {
    let addresses = reachable(&url, private).await?;
    let host = url.host_str().unwrap_or_default();
    let client = http_client()
        // A proxy would look the name up again.
        .no_proxy()
        .resolve_to_addrs(host, &addresses)
        .build()
        .map_err(|error| error.to_string())?;
    let answer = client.post(url).json(body).send().await;
    let status = answer.map_err(|error| error.without_url().to_string())?.status();
    if status.is_redirection() {
        return Err(format!("it answered {status}, and redirects are not followed"));
    }
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}

/// The addresses of the host; all have to be public, and only these are asked (NET-02).
async fn reachable(url: &Url, private: &[String]) -> Result<Vec<SocketAddr>, String> {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(443);
    let found = lookup_host((bare, port)).await;
    let found: Vec<_> = found.map_err(|_| "its name is not known".to_owned())?.collect();
    if found.is_empty() {
        return Err("its name is not known".to_owned());
    }
    let named = |known: &String| *known == bare || *known == format!("{bare}:{port}");
    if !private.iter().any(named) && !found.iter().all(|address| is_public(address.ip())) {
        return Err(format!(
            "its address is not public. If you trust it, add \"{bare}:{port}\" to \
             cron.webhookPrivateHosts"
        ));
    }
    Ok(found)
}

fn is_public(ip: IpAddr) -> bool {
    static NETS: LazyLock<Vec<IpNet>> =
        LazyLock::new(|| NOT_PUBLIC.iter().filter_map(|net| net.parse().ok()).collect());
    let ip = ip.to_canonical();
    let global = match ip {
        IpAddr::V4(_) => true,
        // Everything else in version 6 is local, translated or not assigned.
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000,
    };
    global && !NETS.iter().any(|net| net.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_lead_inside_are_not_public_net_01() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.100.100.100",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "fe80::1",
            "fc00::1",
            "fd7a:115c:a1e0::1",
            "ff02::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
        assert!(NOT_PUBLIC.iter().all(|net| net.parse::<IpNet>().is_ok()));
    }
}
