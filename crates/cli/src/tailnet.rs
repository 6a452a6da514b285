//! What the Tailscale of this computer knows.

use clawdbot_config::Env;
use clawdbot_remote::tailscale::Tailscale;
use serde_json::Value;

/// Another computer of the tailnet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// Where Tailscale publishes this computer, if it does.
pub(crate) fn own_url(env: &Env) -> Option<String> {
    let status = status(env)?;
    let name = status["Self"]["DNSName"].as_str()?.trim_end_matches('.');
    (!name.is_empty()).then(|| format!("https://{name}"))
}

/// The other computers that are switched on.
pub(crate) fn peers(env: &Env) -> Vec<Peer> {
    status(env).map(|status| peers_in(&status)).unwrap_or_default()
}

fn status(env: &Env) -> Option<Value> {
    let tailscale = Tailscale::find(env.iter())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(tailscale.status()).ok()
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

    #[cfg(unix)]
    #[test]
    fn only_a_safe_command_is_asked_and_hears_no_secret_ts_01_loc_02() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tailscale");
        let script =
            "#!/bin/sh\necho '{\"Self\":{\"DNSName\":\"box'$CLAWDBOT_GATEWAY_TOKEN'.\"}}'\n";
        std::fs::write(&file, script).unwrap();
        let mode = |mode| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let path = dir.path().to_str().unwrap();
        let env: Env = [("PATH", path), ("CLAWDBOT_GATEWAY_TOKEN", "canary")].into_iter().collect();
        mode(0o755);
        assert_eq!(own_url(&env).as_deref(), Some("https://box"));
        mode(0o777);
        assert_ne!(own_url(&env).as_deref(), Some("https://box"), "anybody may change it");
    }
}
