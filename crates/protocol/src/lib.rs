//! The wire between a gateway and its clients, protocol generations 3 and 4: frames, handshake,
//! errors, scopes, session keys, device proofs and the parameters of every method.
//!
//! Invariants: this crate does no I/O, reads no clock and no environment; unknown members of a
//! peer's objects are ignored, known members are validated.
//!
//! ```
//! use clawdbot_protocol::{Incoming, RpcError};
//! let Incoming::Request(request) =
//!     Incoming::parse(r#"{"type":"req","id":"1","method":"health"}"#) else { panic!() };
//! assert_eq!(request.method, "health");
//! let refusal = RpcError::unknown_method("nope");
//! assert_eq!(refusal.message, "unknown method: nope");
//! ```

mod connect;
mod device;
mod error;
mod frame;
mod hello;
mod method;
mod params;
mod scope;
mod session_key;

pub use connect::{ClientInfo, ConnectAuth, ConnectParams, DeviceProof, Generation};
pub use device::{DeviceError, DeviceIdentity, ProofTerms, verify_proof};
pub use error::{ErrorCode, RpcError};
pub use frame::{Event, Incoming, Outcome, Request, Response, StateVersion, event_json};
pub use hello::{
    AttachmentPolicy, Features, HelloAuth, HelloDeviceToken, HelloOk, Policy, PresenceEntry,
    ServerInfo, SessionDefaults, Snapshot,
};
pub use method::*;
pub use params::Checker;
pub use scope::{Role, Scope, Scopes};
pub use session_key::{KeyError, KeyRules, SessionKey};

/// The port a gateway listens on unless told otherwise (protocol generations 3 and 4).
pub const DEFAULT_PORT: u16 = 18789;
/// Largest frame accepted before `connect` has succeeded, in bytes (generation 4).
pub const MAX_PREAUTH_FRAME: usize = 64 * 1024;
/// Largest frame accepted after `connect`, in bytes (generation 4).
pub const MAX_FRAME: usize = 25 * 1024 * 1024;
/// Bytes a connection may have waiting before it counts as a slow consumer (generation 4).
pub const MAX_BUFFERED: usize = 50 * 1024 * 1024;
/// Milliseconds between two `tick` events.
pub const TICK_INTERVAL_MS: u64 = 30_000;
/// A close reason longer than this many bytes is cut (RFC 6455 allows 123).
pub const MAX_CLOSE_REASON: usize = 120;
