use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use clawdbot_protocol::{ClientInfo, DeviceIdentity, Role, Scope};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::dialer::Dialer;
use crate::error::Stage;
use crate::pin::Pin;

/// What to connect to, and as whom.
#[derive(Clone)]
pub struct ConnectOptions {
    /// `ws://` or `wss://`, without credentials.
    pub url: String,
    /// The shared secret, or a device token from an earlier `hello-ok`.
    pub credential: Option<Credential>,
    /// How this client presents itself (protocol §5).
    pub client: ClientInfo,
    /// Operator or node.
    pub role: Role,
    /// Scopes to ask for; what was granted is in `hello.auth.scopes`.
    pub scopes: Vec<String>,
    /// Capabilities, for example `tool-events`.
    pub caps: Vec<String>,
    /// Generations to offer.
    pub generations: RangeInclusive<u32>,
    /// Key to sign the challenge with. Gateways clear the scopes of most clients without one.
    pub identity: Option<Arc<DeviceIdentity>>,
    /// The only certificate to accept from a `wss://` address.
    pub pin: Option<Pin>,
    /// How to reach the gateway otherwise than by the address, for example through a tunnel; the
    /// address then only names it.
    pub dialer: Option<Dialer>,
    /// Told each stage that is behind, and when. One that does not fit is left out.
    pub stages: Option<mpsc::Sender<(Stage, Instant)>>,
    /// How many messages are read in a second at most, large ones counting as several; what comes
    /// faster waits in the network. `None` reads whatever comes.
    pub max_rate: Option<u32>,
    /// Longest wait for the handshake as a whole, and later for the answer to a request.
    pub timeout: Duration,
}

/// A secret that opens a gateway.
#[derive(Clone)]
pub enum Credential {
    /// `gateway.auth.token` or a device token.
    Token(String),
    /// `gateway.auth.password`.
    Password(String),
}

impl ConnectOptions {
    /// A native operator client that reads and writes, offers generations 3 and 4 and waits 30
    /// seconds.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credential: None,
            client: ClientInfo {
                id: "gateway-client".to_owned(),
                display_name: None,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                platform: std::env::consts::OS.to_owned(),
                device_family: None,
                model_identifier: None,
                mode: "ui".to_owned(),
                instance_id: None,
                time_zone: None,
            },
            role: Role::Operator,
            scopes: [Scope::Read, Scope::Write].map(|scope| scope.as_str().to_owned()).to_vec(),
            caps: vec!["tool-events".to_owned()],
            generations: 3..=4,
            identity: None,
            pin: None,
            dialer: None,
            stages: None,
            max_rate: None,
            timeout: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("client", &self.client)
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .field("generations", &self.generations)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(redacted)",
            Self::Password(_) => "Password(redacted)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_reach_debug_output_loc_02() {
        let mut options = ConnectOptions::new("ws://127.0.0.1/?token=canary");
        for credential in
            [Credential::Token("canary".into()), Credential::Password("canary".into())]
        {
            assert!(!format!("{credential:?}").contains("canary"));
            options.credential = Some(credential);
            assert!(!format!("{options:?}").contains("canary"));
        }
    }
}
