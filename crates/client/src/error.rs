use std::io;
use std::time::Duration;

use clawdbot_protocol::RpcError;
use rustls::CertificateError;

use crate::address::AddressError;
use crate::pin::{NotPinned, Pin};

/// Why there is no connection. Each variant is one layer; `code()` is stable.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot or must not be used; nothing was sent.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Nobody answers there.
    #[error(
        "Cannot reach {host}: {source}. Check that the gateway is running and that the address and port are right."
    )]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate or the TLS handshake was refused.
    #[error(
        "{host} could not prove its identity: {source}. Check the certificate, or connect through an SSH tunnel instead."
    )]
    Tls {
        /// Host and port.
        host: String,
        /// What the TLS library said.
        source: io::Error,
    },
    /// The far end stopped answering half way.
    #[error("{host} did not answer within {} s while {stage}. Check that a gateway listens there and is not overloaded.", after.as_secs())]
    Timeout {
        /// Host and port.
        host: String,
        /// How far it got.
        stage: Stage,
        /// How long the client waited.
        after: Duration,
    },
    /// Something answers, but it is no gateway.
    #[error("{host} is not a gateway: {reason}. Check the address and port.")]
    NotAGateway {
        /// Host and port.
        host: String,
        /// What gave it away.
        reason: NotAGateway,
    },
    /// The gateway said no.
    #[error("The gateway refused the connection: {error}")]
    Refused {
        /// The gateway's own words; `details.code` names the remedy.
        error: RpcError,
        /// The close code that followed, if one did.
        close: Option<u16>,
    },
}

/// Why the far end of a TLS connection was not taken for who it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// It has another certificate than the pinned one: this.
    NotPinned(Pin),
    /// The certificate is not valid now.
    Expired,
    /// The certificate is for another name.
    Name,
    /// Nobody whom this computer trusts vouches for the certificate.
    Issuer,
    /// It does not speak TLS properly.
    NoTls,
}

/// A step of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking the name up; a tunnel does without.
    Name,
    /// TCP, or the way into the tunnel.
    Dial,
    /// TLS.
    Tls,
    /// The HTTP upgrade.
    Upgrade,
    /// Waiting for the gateway's challenge.
    Challenge,
    /// Waiting for the answer to `connect`.
    Hello,
}

/// What showed that the far end is no gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAGateway {
    /// It wants the client to go elsewhere, which this client never does.
    #[error("it redirects (HTTP {0}), and redirects are not followed")]
    Redirect(u16),
    /// It does not upgrade.
    #[error("it answered the WebSocket upgrade with HTTP {0}")]
    Status(u16),
    /// Something in front of a gateway that reaches none.
    #[error("something in front of it answers, but reaches no gateway (HTTP {0})")]
    NoneBehind(u16),
    /// The way there comes back to where it began.
    #[error("the way there leads back to this computer (HTTP 508)")]
    Circle,
    /// It does not speak HTTP or WebSocket properly.
    #[error("it does not speak WebSocket")]
    NotWebSocket,
    /// The first message is no challenge.
    #[error("its first message is no challenge")]
    NoChallenge,
    /// The answer to `connect` is no `hello-ok`.
    #[error("its answer to connect makes no sense")]
    BadHello,
    /// It speaks a generation nobody offered.
    #[error("it answered with protocol {0}, which was not offered")]
    WrongGeneration(u32),
    /// A handshake message over the limit.
    #[error("its handshake is too large")]
    TooBig,
    /// It hung up during the handshake.
    #[error("it closed the connection during the handshake (code {0})")]
    HungUp(u16),
}

/// Why a request has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RequestError {
    /// The params cannot be written as JSON.
    #[error("The request cannot be written as JSON: {0}")]
    Params(String),
    /// The request is larger than the gateway accepts; it was not sent.
    #[error(
        "The request is too large: {size} bytes, and the gateway takes {limit}. Send less at once."
    )]
    TooBig {
        /// Bytes of the whole frame.
        size: usize,
        /// `policy.maxPayload`.
        limit: usize,
    },
    /// Too many requests wait for their answers; it was not sent.
    #[error("Too many requests are waiting for an answer. Wait for some to finish.")]
    Busy,
    /// The gateway answered with an error.
    #[error("{0}")]
    Refused(RpcError),
    /// No answer in time; the gateway may still act on the request.
    #[error("The gateway did not answer {method} within {} s. It may still have acted on it; look before trying again.", after.as_secs())]
    Timeout {
        /// The method.
        method: String,
        /// How long the client waited.
        after: Duration,
    },
    /// The connection ended first; the gateway may still have acted on the request.
    #[error("The connection ended before the answer came: {0}")]
    Closed(Closed),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// By the caller: [`crate::Client::close`], or every handle was dropped.
    #[error("it was closed here")]
    Here,
    /// By the gateway, with its code and reason (protocol §2.1).
    #[error("the gateway closed it with {code}{}{reason}", if reason.is_empty() { "" } else { " " })]
    There {
        /// WebSocket close code; 1005 when none was given.
        code: u16,
        /// Free text.
        reason: String,
    },
    /// Nothing was heard for twice the tick interval; closed with 4000.
    #[error("nothing was heard from the gateway for too long")]
    TickTimeout,
    /// [`crate::Events`] were not read fast enough; closed with 4000.
    #[error("events arrived faster than they were read")]
    EventsOverrun,
    /// The network failed, or the far end broke the WebSocket rules.
    #[error("the network connection broke: {0}")]
    Broken(String),
}

impl ConnectError {
    /// What is wrong with the far end's proof of its identity; `None` for other failures.
    pub fn distrust(&self) -> Option<Distrust> {
        let Self::Tls { source, .. } = self else { return None };
        let error = source.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        let Some(rustls::Error::InvalidCertificate(error)) = error else {
            return Some(Distrust::NoTls);
        };
        Some(match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Distrust::Expired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Distrust::Name
            }
            CertificateError::Other(other) => {
                let pinned = other.0.downcast_ref::<NotPinned>();
                pinned.map_or(Distrust::Issuer, |found| Distrust::NotPinned(found.0))
            }
            _ => Distrust::Issuer,
        })
    }

    /// A stable name for this kind of failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "ADDRESS",
            Self::Unreachable { .. } => "UNREACHABLE",
            Self::Tls { .. } => "TLS",
            Self::Timeout { .. } => "TIMEOUT",
            Self::NotAGateway { .. } => "NOT_A_GATEWAY",
            Self::Refused { .. } => "REFUSED",
        }
    }
}

impl RequestError {
    /// A stable name for this kind of failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Params(_) => "PARAMS",
            Self::TooBig { .. } => "TOO_BIG",
            Self::Busy => "BUSY",
            Self::Refused(_) => "REFUSED",
            Self::Timeout { .. } => "TIMEOUT",
            Self::Closed(_) => "CLOSED",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Name => "looking its name up",
            Self::Dial => "opening the connection",
            Self::Tls => "agreeing on TLS",
            Self::Upgrade => "upgrading to WebSocket",
            Self::Challenge => "waiting for the challenge",
            Self::Hello => "waiting for the answer to connect",
        })
    }
}
