//! What the app itself hears from the gateway, over a connection of its own: what waits for a
//! person, what is being done, and which conversations there are.

mod frames;
mod listener;
mod outbox;
mod told;

use std::collections::BTreeSet;

use tokio::sync::{mpsc, watch};

use self::listener::Listener;
use self::outbox::Outbox;
use self::told::Told;
use crate::host::{Host, HostState};

/// Pause before a connection that ended is made again.
const REST: std::time::Duration = std::time::Duration::from_secs(2);
/// Moments that may wait.
const QUEUE: usize = 64;

/// A command that waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approval {
    pub(crate) id: String,
    pub(crate) command: String,
    /// A decision may also be only "no", for example.
    pub(crate) allow_once: bool,
}

/// A device that wants to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pairing {
    pub(crate) id: String,
    /// What the device calls itself, which proves nothing.
    pub(crate) name: String,
}

/// A conversation of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chat {
    pub(crate) key: String,
    pub(crate) title: String,
}

/// Everything that lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) approvals: Vec<Approval>,
    pub(crate) pairings: Vec<Pairing>,
    /// The newest first.
    pub(crate) chats: Vec<Chat>,
    /// The runs under way that the app has heard of.
    pub(crate) runs: BTreeSet<String>,
    /// The tool that a run is using.
    pub(crate) tool: Option<String>,
}

/// Something that happened, for whoever tells people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Answer {
        session: String,
        title: Option<String>,
        text: String,
    },
    Approval(Approval),
    ApprovalGone(String),
    Pairing(Pairing),
    PairingGone(String),
    /// A decision of the person that the gateway did not take, because nothing waits for it any more.
    TooLate,
}

/// What the app decides for the person who clicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    AllowOnce(String),
    Deny(String),
}

impl Decision {
    /// Of the approval.
    fn id(&self) -> &str {
        let (Self::AllowOnce(id) | Self::Deny(id)) = self;
        id
    }

    /// As the protocol has it.
    fn word(&self) -> &'static str {
        match self {
            Self::AllowOnce(_) => "allow-once",
            Self::Deny(_) => "deny",
        }
    }
}

/// A cheap handle to the connection.
#[derive(Clone)]
pub(crate) struct Feed {
    now: watch::Receiver<Now>,
    decisions: mpsc::UnboundedSender<Decision>,
}

impl Feed {
    /// Connects whenever there is a gateway. Moments are lost while nobody takes them.
    pub(crate) fn start(host: Host) -> (Self, mpsc::Receiver<Moment>) {
        let (now, watched) = watch::channel(Now::default());
        // As many as a person clicks.
        let (decisions, inbox) = mpsc::unbounded_channel();
        let (moments, told) = mpsc::channel(QUEUE);
        tauri::async_runtime::spawn(follow(host, now, moments, Kept::new(inbox)));
        (Self { now: watched, decisions }, told)
    }

    /// Follows what lasts; the newest value is always there.
    pub(crate) fn watch(&self) -> watch::Receiver<Now> {
        self.now.clone()
    }

    /// Answers a command that waits; without a connection to the gateway, as soon as there is one.
    pub(crate) fn decide(&self, decision: Decision) {
        if self.decisions.send(decision).is_err() {
            tracing::warn!("a decision was not passed on, because the app is quitting");
        }
    }
}

/// What outlives a connection.
struct Kept {
    decisions: Outbox,
    approvals: Told,
    pairings: Told,
}

impl Kept {
    fn new(decisions: mpsc::UnboundedReceiver<Decision>) -> Self {
        let decisions = Outbox::new(decisions);
        Self { decisions, approvals: Told::default(), pairings: Told::default() }
    }
}

async fn follow(
    host: Host,
    now: watch::Sender<Now>,
    moments: mpsc::Sender<Moment>,
    mut kept: Kept,
) {
    let mut state = host.watch();
    loop {
        let connection = match state
            .wait_for(|state| matches!(state, HostState::Running(_) | HostState::Stopped))
            .await
            .as_deref()
        {
            Ok(HostState::Running(running)) => running.gateway.connect_in_process(),
            _ => return,
        };
        Listener::new(&now, &moments, &mut kept).run(connection).await;
        now.send_replace(Now::default());
        tokio::time::sleep(REST).await;
    }
}
