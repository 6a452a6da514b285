//! Commands that nodes are carrying out, and the answers that repeats get.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clawdbot_protocol::{NodeInvokeResultParams, NodeInvoked, RpcError};
use tokio::sync::{oneshot, watch};

use crate::hub::ConnId;
use crate::submit::conflict;

/// Commands under way at once.
const MAX_OPEN: usize = 256;
/// How long an answer is kept for repeats (protocol §2).
const KEEP_MS: i64 = 300_000;
/// Answers kept at once.
const MAX_KEPT: usize = 1_000;

/// What a command came to.
pub(crate) type Outcome = Result<NodeInvoked, RpcError>;

/// All commands of this gateway.
#[derive(Default)]
pub(crate) struct Calls {
    open: Mutex<HashMap<String, Open>>,
    kept: Mutex<HashMap<(String, String), Kept>>,
}

struct Open {
    conn: ConnId,
    answer: oneshot::Sender<NodeInvokeResultParams>,
}

struct Kept {
    body: [u8; 32],
    at_ms: i64,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// Who carries a command out.
pub(crate) enum Claim {
    /// The caller does, and tells the others.
    Mine(watch::Sender<Option<Outcome>>),
    /// Somebody did already, or is about to.
    Theirs(watch::Receiver<Option<Outcome>>),
}

impl Calls {
    /// Opens a call to a node. Dropping the receiver gives it up.
    pub(crate) fn open(
        &self,
        id: &str,
        conn: ConnId,
    ) -> Result<oneshot::Receiver<NodeInvokeResultParams>, RpcError> {
        let mut open = lock(&self.open);
        open.retain(|_, call| !call.answer.is_closed());
        if open.len() >= MAX_OPEN {
            return Err(RpcError::unavailable(
                "too many node commands are running; wait for some to finish",
            )
            .retry_after(1_000));
        }
        let (answer, waiting) = oneshot::channel();
        open.insert(id.to_owned(), Open { conn, answer });
        Ok(waiting)
    }

    /// Passes on a node's answer. Says whether anybody waited for it; the answer of another
    /// connection than the one that was asked counts for nothing.
    pub(crate) fn answer(&self, conn: ConnId, result: NodeInvokeResultParams) -> bool {
        let mut open = lock(&self.open);
        if open.get(&result.id).is_none_or(|call| call.conn != conn) {
            return false;
        }
        open.remove(&result.id).is_some_and(|call| call.answer.send(result).is_ok())
    }

    /// Gives up everything that a connection was asked to do.
    pub(crate) fn abandon(&self, conn: ConnId) {
        lock(&self.open).retain(|_, call| call.conn != conn);
    }

    /// Makes sure that one key runs once. The same key with another body is a mistake.
    pub(crate) fn claim(
        &self,
        node_id: &str,
        key: &str,
        body: [u8; 32],
        now_ms: i64,
    ) -> Result<Claim, RpcError> {
        let mut kept = lock(&self.kept);
        let running = |kept: &Kept| kept.outcome.has_changed().is_ok();
        kept.retain(|_, kept| now_ms - kept.at_ms < KEEP_MS || running(kept));
        let key = (node_id.to_owned(), key.to_owned());
        if let Some(known) = kept.get(&key) {
            if known.body != body {
                return Err(conflict());
            }
            // A failure, or a handler that died, leaves nothing to repeat.
            let failed = !running(known) && !matches!(*known.outcome.borrow(), Some(Ok(_)));
            if !failed {
                return Ok(Claim::Theirs(known.outcome.clone()));
            }
        }
        if kept.len() >= MAX_KEPT {
            let oldest = kept.iter().filter(|(_, kept)| !running(kept));
            let oldest = oldest.min_by_key(|(_, kept)| kept.at_ms).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        let (teller, outcome) = watch::channel(None);
        kept.insert(key, Kept { body, at_ms: now_ms, outcome });
        Ok(Claim::Mine(teller))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
