//! Tailscale, through its own command: who an address belongs to, and a gateway published to the
//! tailnet (Serve) or the Internet (Funnel).
//!
//! Only the route that leads to our own gateway is ever touched (TS-03), the command is never run as
//! somebody else, and what it prints is read up to a limit and a deadline (TS-02).

mod claim;
mod command;
mod read;

pub use claim::{Claim, State};
pub use command::{Tailscale, TailscaleError};

/// How far a gateway is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To the tailnet.
    Serve,
    /// To the Internet.
    Funnel,
}

impl Reach {
    /// The subcommand, which is also what Tailscale calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Funnel => "funnel",
        }
    }
}

impl std::fmt::Display for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Serve => "Tailscale Serve",
            Self::Funnel => "Tailscale Funnel",
        })
    }
}
