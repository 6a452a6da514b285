//! Where the gateway is, as `clawdbot.json` says and as the page asks for.

use clawdbot_client::{AddressError, ConnectOptions, Pin, PinError};
use clawdbot_config::{Config, GatewayMode, RemoteTransport, Secret};
use clawdbot_remote::front_door;
use clawdbot_remote::ssh::{DestinationError, IdentityError, Spec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::vault::Credential;

/// The port of a gateway that names none.
const PORT: u16 = 18789;

/// The secrets that a person wrote into the configuration for the gateway elsewhere, and the
/// [key](Target::key) of that gateway: they are for no other one (APP-09).
pub(crate) fn configured_secret(config: &Config) -> Option<(String, Credential)> {
    let remote = &config.gateway.remote;
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
    let (token, password) = (text(&remote.token), text(&remote.password));
    if token.is_none() && password.is_none() {
        return None;
    }
    let key = Wish::remote_of(config).check().ok()?.key();
    Some((key, Credential { token, password, device_token: None }))
}

/// The changes of `clawdbot.json` after which it holds none of them.
pub(crate) fn without_secret() -> [(&'static [&'static str], Value); 2] {
    [
        (&["gateway", "remote", "token"], Value::Null),
        (&["gateway", "remote", "password"], Value::Null),
    ]
}

/// Where the gateway is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// In this process, or at this computer's port if somebody else runs it.
    Local,
    /// Behind a tunnel.
    Ssh(Spec),
    /// At an address.
    Direct { url: String, pin: Option<Pin> },
}

/// A target in the members of `clawdbot.json`, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Wish {
    /// `local`, `ssh` or `direct`.
    #[serde(alias = "transport")]
    pub(crate) mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ssh_target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ssh_identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_fingerprint: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    #[default]
    Local,
    Ssh,
    Direct,
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("No remote machine is named. Write it like user@server.")]
    NoDestination,
    #[error("No address is given. Write it like wss://gateway.example.")]
    NoAddress,
    #[error("The port of the remote gateway is a number from 1 to 65535.")]
    Port,
    #[error(transparent)]
    Destination(#[from] DestinationError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Pin(#[from] PinError),
}

impl TargetError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoDestination => "SSH_TARGET_INCOMPLETE",
            Self::NoAddress => "ADDRESS_MALFORMED",
            Self::Port => "REMOTE_PORT",
            Self::Destination(error) => error.code(),
            Self::Identity(_) => "SSH_IDENTITY",
            Self::Address(error) => error.code(),
            Self::Pin(_) => "TLS_FINGERPRINT",
        }
    }
}

impl Wish {
    /// What the configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let remote = Self::remote_of(config);
        match config.gateway.mode {
            Some(GatewayMode::Local) | None => Self { mode: Mode::Local, ..remote },
            Some(GatewayMode::Remote) => remote,
        }
    }

    /// The gateway elsewhere that the configuration describes, whether it is used or not.
    fn remote_of(config: &Config) -> Self {
        let remote = &config.gateway.remote;
        let mode = match remote.transport {
            RemoteTransport::Direct => Mode::Direct,
            // An address alone is what the original calls a remote gateway.
            RemoteTransport::Ssh if remote.ssh_target.is_none() && remote.url.is_some() => {
                Mode::Direct
            }
            RemoteTransport::Ssh => Mode::Ssh,
        };
        Self {
            mode,
            url: remote.url.clone(),
            ssh_target: remote.ssh_target.clone(),
            ssh_identity: remote.ssh_identity.clone(),
            remote_port: remote.remote_port,
            tls_fingerprint: remote.tls_fingerprint.clone(),
        }
    }

    /// Checks it.
    ///
    /// # Errors
    /// [`TargetError`], before any of it reaches another program.
    pub(crate) fn check(&self) -> Result<Target, TargetError> {
        let named = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        match self.mode {
            Mode::Local => Ok(Target::Local),
            Mode::Ssh => {
                let destination = named(&self.ssh_target).ok_or(TargetError::NoDestination)?;
                let identity = named(&self.ssh_identity).map(|path| path.parse()).transpose()?;
                let remote_port = self.remote_port.unwrap_or(PORT);
                if remote_port == 0 {
                    return Err(TargetError::Port);
                }
                Ok(Target::Ssh(Spec { destination: destination.parse()?, identity, remote_port }))
            }
            Mode::Direct => {
                let url = named(&self.url).ok_or(TargetError::NoAddress)?;
                let pin = named(&self.tls_fingerprint).map(|pin| pin.parse()).transpose()?;
                clawdbot_client::check_url(&url, pin.as_ref())?;
                Ok(Target::Direct { url, pin })
            }
        }
    }

    /// The machine or the address, as a person writes it; nothing on this computer.
    pub(crate) fn place(&self) -> Option<&str> {
        let place = match self.mode {
            Mode::Local => None,
            Mode::Ssh => self.ssh_target.as_deref(),
            Mode::Direct => self.url.as_deref(),
        };
        place.map(str::trim)
    }

    /// The changes of `clawdbot.json` that make it so. What another mode needs stays.
    pub(crate) fn changes(&self) -> Vec<(&'static [&'static str], Value)> {
        let remote = |path: &'static [&'static str], value: Value| (path, value);
        match self.mode {
            Mode::Local => vec![(&["gateway", "mode"], json!("local"))],
            Mode::Ssh => vec![
                (&["gateway", "mode"], json!("remote")),
                remote(&["gateway", "remote", "transport"], json!("ssh")),
                remote(&["gateway", "remote", "sshTarget"], json!(self.ssh_target)),
                remote(&["gateway", "remote", "sshIdentity"], json!(self.ssh_identity)),
                remote(&["gateway", "remote", "remotePort"], json!(self.remote_port)),
            ],
            Mode::Direct => vec![
                (&["gateway", "mode"], json!("remote")),
                remote(&["gateway", "remote", "transport"], json!("direct")),
                remote(&["gateway", "remote", "url"], json!(self.url)),
                remote(&["gateway", "remote", "tlsFingerprint"], json!(self.tls_fingerprint)),
            ],
        }
    }
}

impl Target {
    /// Under which name its secrets are kept: those of one gateway are never offered to another
    /// (APP-09).
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Local => "local".to_owned(),
            Self::Ssh(spec) => spec.place(),
            Self::Direct { url, .. } => format!("direct:{url}"),
        }
    }

    /// Tells it from others without saying where it is, for pages; nothing for this computer's own.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Local => String::new(),
            elsewhere => front_door::name_of(&elsewhere.key()),
        }
    }

    /// How to connect, without any secret. The name of a gateway behind a tunnel is that of its own
    /// loopback address, which is what it expects to be called.
    pub(crate) fn options(&self) -> ConnectOptions {
        match self {
            Self::Local => ConnectOptions::new(format!("ws://127.0.0.1:{PORT}")),
            Self::Ssh(spec) => ConnectOptions::new(format!("ws://127.0.0.1:{}", spec.remote_port)),
            Self::Direct { url, pin } => {
                let mut options = ConnectOptions::new(url.clone());
                options.pin = *pin;
                options
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(wish: Value) -> Option<&'static str> {
        let wish: Wish = serde_json::from_value(wish).unwrap();
        wish.check().err().map(|error| error.code())
    }

    #[test]
    fn secrets_of_one_gateway_are_kept_under_its_own_name_app_09() {
        let key = |wish: Value| {
            serde_json::from_value::<Wish>(wish)
                .unwrap()
                .check()
                .map(|target| target.key())
                .unwrap()
        };
        let ssh = json!({"mode": "ssh", "sshTarget": "me@server", "remotePort": 1});
        let direct = json!({"mode": "direct", "url": "wss://gateway.example"});
        assert_eq!(key(ssh.clone()), key(ssh.clone()));
        let others = [
            ssh,
            json!({"mode": "ssh", "sshTarget": "me@server", "remotePort": 2}),
            json!({"mode": "ssh", "sshTarget": "other@server", "remotePort": 1}),
            json!({"mode": "ssh", "sshTarget": "me@server:2222", "remotePort": 1}),
            direct,
            json!({"mode": "direct", "url": "wss://gateway.example:8443"}),
            json!({"mode": "direct", "url": "wss://gateway.example.evil"}),
            json!({"mode": "local"}),
        ];
        let keys: std::collections::HashSet<String> = others.iter().cloned().map(key).collect();
        assert_eq!(keys.len(), others.len(), "{keys:?}");
    }

    #[test]
    fn a_wish_is_checked_before_anything_is_done_with_it_ssh_01_app_04() {
        for (wish, expected) in [
            (json!({"mode": "local"}), None),
            (json!({"transport": "ssh", "sshTarget": " me@server "}), None),
            (json!({"mode": "direct", "url": "wss://gateway.example"}), None),
            (json!({"mode": "ssh"}), Some("SSH_TARGET_INCOMPLETE")),
            (json!({"mode": "ssh", "sshTarget": "-oProxyCommand=x"}), Some("SSH_TARGET_HOST")),
            (json!({"mode": "ssh", "sshTarget": "h", "sshIdentity": "-i"}), Some("SSH_IDENTITY")),
            (json!({"mode": "ssh", "sshTarget": "h", "remotePort": 0}), Some("REMOTE_PORT")),
            (json!({"mode": "direct"}), Some("ADDRESS_MALFORMED")),
            (json!({"mode": "direct", "url": "http://x"}), Some("ADDRESS_SCHEME")),
            (json!({"mode": "direct", "url": "wss://u:p@x"}), Some("ADDRESS_HOLDS_SECRET")),
            (json!({"mode": "direct", "url": "ws://8.8.8.8"}), Some("ADDRESS_PLAIN_PUBLIC")),
            (
                json!({"mode": "direct", "url": "wss://x", "tlsFingerprint": "no"}),
                Some("TLS_FINGERPRINT"),
            ),
            (
                json!({"mode": "direct", "url": "ws://127.0.0.1", "tlsFingerprint": "0".repeat(64)}),
                Some("ADDRESS_PIN_NEEDS_TLS"),
            ),
        ] {
            assert_eq!(code(wish.clone()), expected, "{wish}");
        }
    }
}
