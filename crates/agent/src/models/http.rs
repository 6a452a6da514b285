//! The one HTTP client, created at the first request and kept for its connections.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect::Policy;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Clients for servers on this computer and for all others.
#[derive(Default)]
pub(crate) struct Http {
    local: OnceLock<reqwest::Client>,
    remote: OnceLock<reqwest::Client>,
}

impl Http {
    /// The client for `url`; one that never uses a proxy when the server is on this computer.
    pub(crate) fn client_for(&self, url: &str) -> Result<&reqwest::Client, reqwest::Error> {
        let local = reqwest::Url::parse(url).is_ok_and(|url| is_loopback(&url));
        let slot = if local { &self.local } else { &self.remote };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = build(local)?;
        Ok(slot.get_or_init(|| client))
    }
}

fn build(local: bool) -> Result<reqwest::Client, reqwest::Error> {
    let builder = http_client().pool_idle_timeout(IDLE_TIMEOUT).tcp_nodelay(true);
    if local { builder.no_proxy().build() } else { builder.build() }
}

/// How this product asks other servers: under its name, with its own TLS, following no redirect.
pub fn http_client() -> reqwest::ClientBuilder {
    // Fails only when a provider is installed already, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect could carry key headers to another host; model APIs have no use for them.
        .redirect(Policy::none())
        .user_agent(concat!("clawdbot/", env!("CARGO_PKG_VERSION")))
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_look_alikes() {
        for (url, expected) in [
            ("http://127.0.0.1:11434", true),
            ("http://localhost/v1", true),
            ("http://[::1]:8080", true),
            ("http://127.0.0.1.example.com", false),
            ("https://api.openai.com/v1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
