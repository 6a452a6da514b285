//! The layers of a connection, and which one fails.

use clawdbot_client::{ConnectError, NotAGateway, Stage};
use clawdbot_remote::ssh::Trouble;
use serde::Serialize;

/// One layer of a connection, from the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Layer {
    Name,
    Ssh,
    HostKey,
    Port,
    Gateway,
    Version,
    Authentication,
}

/// What there is between here and a gateway behind a tunnel, from the bottom.
pub(super) const OVER_SSH: [Layer; 7] = [
    Layer::Name,
    Layer::Ssh,
    Layer::HostKey,
    Layer::Port,
    Layer::Gateway,
    Layer::Version,
    Layer::Authentication,
];
/// The same for a gateway at an address.
pub(super) const DIRECT: [Layer; 5] =
    [Layer::Name, Layer::Port, Layer::Gateway, Layer::Version, Layer::Authentication];

impl Layer {
    pub(super) fn of_tunnel(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Name => Self::Name,
            Trouble::HostKeyUnknown { .. } | Trouble::HostKeyChanged { .. } => Self::HostKey,
            Trouble::GatewayPort | Trouble::ForwardRefused => Self::Port,
            _ => Self::Ssh,
        }
    }

    pub(super) fn of_connect(error: &ConnectError) -> Self {
        match error {
            ConnectError::Address(_) => Self::Name,
            ConnectError::Unreachable { source, .. }
                if source.kind() == std::io::ErrorKind::ConnectionRefused =>
            {
                Self::Port
            }
            ConnectError::Unreachable { source, .. } if source.raw_os_error().is_none() => {
                Self::Name
            }
            ConnectError::Timeout { stage: Stage::Name, .. } => Self::Name,
            ConnectError::Unreachable { .. } | ConnectError::Timeout { stage: Stage::Dial, .. } => {
                Self::Port
            }
            ConnectError::NotAGateway { reason: NotAGateway::WrongGeneration(_), .. } => {
                Self::Version
            }
            ConnectError::Refused { error, .. } if error.message.contains("protocol mismatch") => {
                Self::Version
            }
            ConnectError::Refused { .. } => Self::Authentication,
            ConnectError::Tls { .. }
            | ConnectError::Timeout { .. }
            | ConnectError::NotAGateway { .. } => Self::Gateway,
        }
    }
}
