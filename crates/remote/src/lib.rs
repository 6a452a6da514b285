//! Ways to a gateway that runs elsewhere: the system's own `ssh`, supervised; one loopback address
//! in front of whatever is chosen; Tailscale, which publishes a gateway; and a test of a connection
//! layer by layer.
//!
//! Invariants:
//! - what names a machine or a file passes a grammar before it can reach another program, arguments
//!   are a list, and `--` stands before the destination;
//! - an unknown host key is accepted by a person or not at all, and a changed one never;
//! - passwords, passphrases and codes live in memory that is wiped; none is in an argument, an
//!   environment variable or a log;
//! - no tunnel outlives its parent, however that ends; a session hears at once that its parent is gone;
//! - the crate reads no environment variable; its callers hand the environment over.
//!
//! ```no_run
//! use clawdbot_remote::ssh::{Ssh, Spec, Tunnel};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let env = [("PATH", "/usr/bin"), ("HOME", "/home/me")];
//! let ssh = Ssh::find(env.into_iter(), std::env::current_exe()?)?;
//! let spec = Spec { destination: "me@server".parse()?, identity: None, remote_port: 18789 };
//! let (tunnel, mut questions) = Tunnel::start(ssh, spec)?;
//! while let Some(question) = questions.recv().await {
//!     println!("{} asks: {}", question.host, question.prompt);
//!     question.answer(None);
//! }
//! # drop(tunnel); Ok(()) }
//! ```

mod delays;
pub mod front_door;
pub mod helper;
mod program;
pub mod ssh;
pub mod tailscale;
mod wake;

pub use delays::Delays;
pub use program::is_for_child;
pub use wake::woken;
