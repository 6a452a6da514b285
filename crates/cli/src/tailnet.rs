//! What the Tailscale of this computer knows.

use clawdbot_service::{Commands as _, System};
use serde_json::Value;

/// Another computer of the tailnet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// Where Tailscale publishes this computer, if it does.
pub(crate) fn own_url() -> Option<String> {
    let status = status()?;
    let name = status["Self"]["DNSName"].as_str()?.trim_end_matches('.');
    (!name.is_empty()).then(|| format!("https://{name}"))
}

/// The other computers that are switched on.
pub(crate) fn peers() -> Vec<Peer> {
    status().map(|status| peers_in(&status)).unwrap_or_default()
}

fn status() -> Option<Value> {
    let answer = System.run("tailscale", &["status", "--json"]).ok()?;
    serde_json::from_str(&answer.out).ok()
}

fn peers_in(status: &Value) -> Vec<Peer> {
    let peers = status["Peer"].as_object().into_iter().flat_map(|peers| peers.values());
    peers
        .filter(|peer| peer["Online"] == true)
        .filter_map(|peer| {
            let addresses = peer["TailscaleIPs"].as_array()?;
            let address = addresses
                .iter()
                .filter_map(Value::as_str)
                .find(|ip| ip.parse::<std::net::Ipv4Addr>().is_ok())?;
            let name = peer["HostName"].as_str().unwrap_or(address);
            Some(Peer { name: name.to_owned(), address: address.to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_computers_that_are_on_count() {
        let status = serde_json::json!({"Peer": {
            "a": {"HostName": "server", "Online": true, "TailscaleIPs": ["fd7a::1", "100.64.0.2"]},
            "b": {"HostName": "off", "Online": false, "TailscaleIPs": ["100.64.0.3"]},
            "c": {"HostName": "odd", "Online": true, "TailscaleIPs": ["not an address"]},
        }});
        let server = Peer { name: "server".to_owned(), address: "100.64.0.2".to_owned() };
        assert_eq!(peers_in(&status), [server]);
    }
}
