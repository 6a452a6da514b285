//! Where Clawdbot runs: on this computer, on a remote machine over SSH, or at an address.
//!
//! A remote connection looks like the gateway in this process to everybody who uses it: frames over
//! a pair of channels, handshake included. Secrets and the device key stay on this side of it.

pub(crate) mod asks;
pub(crate) mod commands;
mod line;
mod media;
mod network;
mod probe;
mod probes;
mod remote;
mod report;
mod session;
pub(crate) mod tailscale;
mod target;
mod vault;
pub(crate) mod words;

pub(crate) use self::probes::Probes;
pub(crate) use self::remote::Remote;
pub(crate) use self::report::Report;
pub(crate) use self::session::{Access, PAIRING, Session, SessionEvent, is_tunnel_trouble};
pub(crate) use self::target::{Mode, Target, Wish, configured_secret};
pub(crate) use self::vault::{Credential, Vault};
