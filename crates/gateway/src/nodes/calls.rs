//! Commands that nodes are carrying out, and the answers that repeats get.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clawdbot_protocol::{NodeInvokeResultParams, NodeInvoked, RpcError};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

use crate::hub::ConnId;
use crate::submit::conflict;

/// Commands under way at once.
const MAX_OPEN: usize = 256;
/// How long an answer is kept for repeats (protocol §2).
const KEEP_MS: i64 = 300_000;
/// Answers kept at once.
const MAX_KEPT: usize = 1_000;
/// Memory that the kept answers may take; the oldest ones go first.
const MAX_BYTES: usize = 64 << 20;
/// Memory that one of them may take. A larger one goes to those who wait for it only.
const MAX_ANSWER: usize = 1 << 20;

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
    /// Memory that the outcome takes, once it is known.
    bytes: usize,
    /// `None` when it was too large to be kept.
    outcome: Option<watch::Receiver<Option<Outcome>>>,
}

impl Kept {
    fn is_running(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.has_changed().is_ok())
    }

    fn is_fresh(&self, now_ms: i64) -> bool {
        now_ms - self.at_ms < KEEP_MS || self.is_running()
    }

    fn forget(&mut self) {
        self.outcome = None;
        self.bytes = 0;
    }
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
        kept.retain(|_, kept| kept.is_fresh(now_ms));
        let key = (node_id.to_owned(), key.to_owned());
        if let Some(known) = kept.get(&key) {
            if known.body != body {
                return Err(conflict());
            }
            let Some(outcome) = &known.outcome else { return Err(no_longer_kept()) };
            // A failure, or a handler that died, leaves nothing to repeat.
            if known.is_running() || matches!(*outcome.borrow(), Some(Ok(_))) {
                return Ok(Claim::Theirs(outcome.clone()));
            }
        }
        if kept.len() >= MAX_KEPT {
            let oldest = kept.iter().filter(|(_, kept)| !kept.is_running());
            let oldest = oldest.min_by_key(|(_, kept)| kept.at_ms).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        let (teller, outcome) = watch::channel(None);
        kept.insert(key, Kept { body, at_ms: now_ms, bytes: 0, outcome: Some(outcome) });
        Ok(Claim::Mine(teller))
    }

    /// Tells those who wait what a claimed command came to, and keeps it for repeats.
    pub(crate) fn settle(
        &self,
        node_id: &str,
        key: &str,
        teller: &watch::Sender<Option<Outcome>>,
        outcome: &Outcome,
        now_ms: i64,
    ) {
        self.keep(&(node_id.to_owned(), key.to_owned()), outcome, now_ms);
        if teller.receiver_count() > 0 {
            teller.send_replace(Some(outcome.clone()));
        }
    }

    fn keep(&self, key: &(String, String), outcome: &Outcome, now_ms: i64) {
        let mut kept = lock(&self.kept);
        kept.retain(|_, kept| kept.is_fresh(now_ms));
        if let Some(entry) = kept.get_mut(key) {
            entry.at_ms = now_ms;
            entry.bytes = outcome.as_ref().map_or(0, size);
            if entry.bytes > MAX_ANSWER {
                entry.forget();
            }
        }
        let mut total: usize = kept.values().map(|kept| kept.bytes).sum();
        while total > MAX_BYTES {
            let held = kept.values_mut().filter(|kept| kept.bytes > 0);
            let Some(oldest) = held.min_by_key(|kept| kept.at_ms) else { return };
            total -= oldest.bytes;
            oldest.forget();
        }
    }
}

/// The memory that an answer takes, about.
fn size(answer: &NodeInvoked) -> usize {
    weight(&answer.payload) + answer.payload_json.as_ref().map_or(0, String::len)
}

fn weight(value: &Value) -> usize {
    let below = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| 2 * size_of::<String>() + name.len() + weight(value))
            .sum(),
        _ => 0,
    };
    size_of::<Value>() + below
}

fn no_longer_kept() -> RpcError {
    RpcError::invalid(
        "this command has been carried out already and its result is no longer kept; use a new \
         idempotencyKey to have it done again",
    )
    .with_details(json!({"code": "RESULT_NOT_KEPT"}))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs one command to its end.
    fn run(calls: &Calls, key: &str, text: &str, now_ms: i64) {
        let Ok(Claim::Mine(teller)) = calls.claim("n", key, [0; 32], now_ms) else {
            panic!("{key} was claimed before");
        };
        calls.settle("n", key, &teller, &answer(text), now_ms);
    }

    fn answer(text: &str) -> Outcome {
        Ok(NodeInvoked {
            ok: true,
            node_id: "n".to_owned(),
            command: "c".to_owned(),
            payload: json!(text),
            payload_json: None,
        })
    }

    fn is_kept(calls: &Calls, key: &str, now_ms: i64) -> bool {
        match calls.claim("n", key, [0; 32], now_ms) {
            Ok(Claim::Theirs(outcome)) => outcome.borrow().is_some(),
            Ok(Claim::Mine(_)) => panic!("{key} would run again"),
            Err(error) => {
                assert_eq!(error.detail_code(), Some("RESULT_NOT_KEPT"));
                false
            }
        }
    }

    #[test]
    fn kept_answers_take_a_bounded_amount_of_memory_and_never_run_again() {
        let calls = Calls::default();
        run(&calls, "large", &"x".repeat(MAX_ANSWER), 0);
        assert!(!is_kept(&calls, "large", 0));
        let most = "x".repeat(MAX_ANSWER / 2);
        for n in 0..130 {
            run(&calls, &format!("k-{n}"), &most, n);
        }
        assert!(lock(&calls.kept).values().map(|kept| kept.bytes).sum::<usize>() <= MAX_BYTES);
        assert!(!is_kept(&calls, "k-0", 130));
        assert!(is_kept(&calls, "k-129", 130));
        // An answer also clears away what is too old.
        let Ok(Claim::Mine(teller)) = calls.claim("n", "late", [0; 32], 130) else { panic!() };
        calls.settle("n", "late", &teller, &Err(no_longer_kept()), KEEP_MS + 200);
        assert_eq!(lock(&calls.kept).len(), 1);
    }

    #[tokio::test]
    async fn who_waits_gets_a_large_answer_too() {
        let calls = Calls::default();
        let Ok(Claim::Mine(teller)) = calls.claim("n", "k", [0; 32], 0) else { panic!() };
        let Ok(Claim::Theirs(mut waiting)) = calls.claim("n", "k", [0; 32], 0) else { panic!() };
        calls.settle("n", "k", &teller, &answer(&"x".repeat(MAX_ANSWER)), 0);
        assert!(waiting.wait_for(Option::is_some).await.is_ok());
        assert!(!is_kept(&calls, "k", 0));
    }
}
