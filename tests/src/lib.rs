//! The harness of the integration suites: a gateway in a temporary home ([`TestGateway`]), a
//! scripted model ([`FakeModel`]), a raw client that may misbehave ([`Peer`]) and a gateway in a
//! process of its own ([`GatewayProcess`]).
//!
//! Every fake checks its own leftovers: scripts nobody asked for, requests nobody scripted, a
//! gateway that does not stop.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test harness fails by panicking")]

mod cli;
mod connect;
mod contract;
mod disk;
mod gateway;
mod model;
mod peer;
mod plain;
mod process;
mod replay;
mod shape;
mod sshd;
mod trace;

pub use cli::{Ran, command, run};
pub use connect::{ALL_SCOPES, Connect};
pub use contract::{Generated, generated};
pub use disk::{fingerprint, grep, modes};
pub use gateway::{Setup, TOKEN, TestGateway};
pub use model::{FakeModel, Gate, Script};
pub use peer::{Frame, Peer, Refused};
pub use plain::{Answer, client_frame, close_code, http, http_until, post, post_head, upgrade};
pub use process::GatewayProcess;
pub use replay::{Replay, recorded_connect};
pub use shape::{fixture, lacks};
pub use sshd::{PASSPHRASE, Sshd};
/// Waits for something that has to happen soon.
pub async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(PATIENCE, wait).await else {
        panic!("{what} did not happen within {PATIENCE:?}")
    };
    done
}

/// Nothing a gateway does may take longer than this in a test.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

pub use trace::{Step, merge, of_event, of_recording};
