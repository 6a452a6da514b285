//! What is known about the gateway, wherever it is.

use std::net::SocketAddr;
use std::time::Duration;

use clawdbot_gateway::{Gateway, GatewayStatus, Holder, InProcess, Media};

use super::Order;
use super::failure::{Failure, HolderError};
use crate::connection::{Mode, Remote};
use crate::words::Said;

/// What the tray, the window and the notifications know about the gateway.
#[derive(Clone)]
pub(crate) enum HostState {
    /// Not there yet, or being restarted.
    Starting,
    /// Serving; perhaps without its port.
    Running(Running),
    /// A gateway elsewhere that is not there just now.
    Away(Away),
    /// It cannot start, and a person has to act.
    Failed(Failure),
    /// Ended for good: the app is quitting.
    Stopped,
}

impl HostState {
    /// Where this computer reaches the gateway.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Running(running) => running.status.address,
            Self::Away(away) => away.front_door,
            _ => None,
        }
    }

    /// Whether it is, or is meant to be, somewhere else than in this process.
    pub(crate) fn is_elsewhere(&self, mode: Mode) -> bool {
        let there = matches!(self, Self::Running(running) if !running.gateway.is_here());
        there || mode != Mode::Local
    }

    /// Runs that end with this app.
    pub(crate) fn runs_here(&self) -> usize {
        match self {
            Self::Running(running) => running.status.active_runs,
            _ => 0,
        }
    }

    pub(super) fn after(order: Option<&Order>) -> Self {
        match order {
            Some(Order::Stop(_)) | None => Self::Stopped,
            Some(_) => Self::Starting,
        }
    }
}

/// A gateway at work.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) gateway: AnyGateway,
    /// That of a gateway elsewhere knows no runs and no pause.
    pub(crate) status: GatewayStatus,
    /// Another program on this computer runs it, and this app uses it.
    pub(crate) attached: Option<PortTaken>,
    /// Set when another program holds the port: the window works, browsers do not.
    pub(crate) port_taken: Option<PortTaken>,
}

/// The gateway in use, wherever it is.
#[derive(Clone)]
pub(crate) enum AnyGateway {
    /// In this process.
    Here(Gateway),
    /// In another one, perhaps on another machine.
    There(Remote),
}

impl AnyGateway {
    /// Whether it is in this process.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }

    /// Opens a connection for this app. The far end still does the handshake.
    pub(crate) fn connect_in_process(&self) -> InProcess {
        match self {
            Self::Here(gateway) => gateway.connect_in_process(),
            Self::There(remote) => remote.open(),
        }
    }

    /// Lets no run begin until told otherwise; a remote gateway decides that for itself.
    pub(crate) fn pause(&self, paused: bool) {
        if let Self::Here(gateway) = self {
            gateway.pause(paused);
        }
    }

    /// How long the gateway takes to say who it is: a new connection up to its challenge. `None`
    /// for one in this process, and for one that does not answer.
    pub(crate) async fn latency(&self) -> Option<Duration> {
        match self {
            Self::Here(_) => None,
            Self::There(remote) => remote.latency().await,
        }
    }

    /// The model that answers by default, as `provider/model`; a remote gateway knows it alone.
    pub(crate) fn default_model(&self) -> Option<String> {
        match self {
            Self::Here(gateway) => Some(gateway.default_model()),
            Self::There(_) => None,
        }
    }

    /// Reads an attachment by its `<id>.<extension>`.
    pub(crate) async fn media(&self, name: &str) -> anyhow::Result<Option<Media>> {
        match self {
            Self::Here(gateway) => Ok(gateway.media(name).await?),
            Self::There(remote) => Ok(remote.media(name).await?),
        }
    }
}

/// A gateway elsewhere that is not there just now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Away {
    /// `connecting`, `waiting` or `paused`.
    pub(crate) phase: &'static str,
    pub(crate) code: Option<String>,
    pub(crate) said: Said,
    /// Where this computer reaches it once it is back.
    pub(crate) front_door: Option<SocketAddr>,
}

/// A port that another program listens on.
#[derive(Clone, Debug)]
pub(crate) struct PortTaken {
    pub(crate) port: u16,
    pub(crate) holder: Option<Holder>,
}

impl PortTaken {
    /// Who has it now.
    pub(super) async fn of(port: u16) -> Self {
        let holder = tokio::task::spawn_blocking(move || Holder::of_port(port)).await;
        Self { port, holder: holder.ok().flatten() }
    }

    /// Which process is to end when a person wants the port that this was shown of: the one that has
    /// it `now`, as the number of one that is gone may be another program's. That it is the program
    /// that was shown is what the person agreed to.
    pub(super) fn to_end(&self, now: Option<Holder>) -> Result<Holder, HolderError> {
        let now = now.ok_or(HolderError::Nobody)?;
        match &self.holder {
            Some(shown) if shown.path != now.path => Err(HolderError::Other(now)),
            _ => Ok(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use clawdbot_gateway::Holder;

    use super::{HolderError, PortTaken};

    #[test]
    fn only_who_has_the_port_now_is_ended_and_only_the_program_that_was_shown() {
        let holder = |pid, path: &str| Holder { pid, name: "n".to_owned(), path: path.to_owned() };
        let shown = PortTaken { port: 1, holder: Some(holder(7, "/a")) };
        assert_eq!(shown.to_end(Some(holder(8, "/a"))).unwrap().pid, 8);
        assert!(matches!(shown.to_end(Some(holder(7, "/b"))), Err(HolderError::Other(_))));
        assert!(matches!(shown.to_end(None), Err(HolderError::Nobody)));
    }
}
