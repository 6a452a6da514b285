//! Decisions on their way to the gateway: kept until it has answered, across connections.

use tokio::sync::mpsc;

use super::Decision;

pub(super) struct Outbox {
    inbox: mpsc::UnboundedReceiver<Decision>,
    /// Sent or not, but never answered.
    open: Vec<Decision>,
}

impl Outbox {
    pub(super) fn new(inbox: mpsc::UnboundedReceiver<Decision>) -> Self {
        Self { inbox, open: Vec::new() }
    }

    /// What an earlier connection took with it.
    pub(super) fn unanswered(&self) -> Vec<Decision> {
        self.open.clone()
    }

    /// The next decision; pending for ever once nobody can make one.
    pub(super) async fn next(&mut self) -> Decision {
        match self.inbox.recv().await {
            Some(decision) => {
                self.open.push(decision.clone());
                decision
            }
            None => std::future::pending().await,
        }
    }

    /// The gateway has answered it.
    pub(super) fn answered(&mut self, decision: &Decision) {
        self.open.retain(|open| open != decision);
    }
}
