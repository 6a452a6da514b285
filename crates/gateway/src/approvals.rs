//! Questions that wait for a person's decision (protocol §14.8). The first decision counts; a
//! question also ends when its time is up or whoever asked goes away.

mod wish;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clawdbot_protocol::{ApprovalDecision, Decision, Generation, RpcError, Scope};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::hub::{Audience, Broadcast, ConnId};
use crate::shared::Shared;

pub(crate) use self::wish::Wish;

/// Questions that may wait at a time; another one is refused.
const MAX_OPEN: usize = 128;
/// Questions that one connection may have open at a time.
const MAX_OF_ONE: usize = MAX_OPEN / 4;
/// Longest id that whoever asks may choose.
const MAX_ID: usize = 256;
/// Ended ones remembered for whoever asks late; the oldest are forgotten.
const MAX_ENDED: usize = 256;

/// A question.
pub(crate) struct Approval {
    pub(crate) id: String,
    /// The connection that put it; none when it is the gateway's own.
    asker: Option<ConnId>,
    pub(crate) wish: Wish,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    end: watch::Sender<Option<End>>,
}

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Somebody decided.
    Decided(Decision, String),
    /// Nobody did, for this reason.
    Undecided(&'static str),
}

impl End {
    pub(crate) const NO_ROUTE: Self = Self::Undecided("no-route");
    pub(crate) const EXPIRED: Self = Self::Undecided("expired");
    pub(crate) const CANCELLED: Self = Self::Undecided("cancelled");

    /// What was decided, if anything.
    pub(crate) fn decision(&self) -> Option<Decision> {
        match self {
            Self::Decided(decision, _) => Some(*decision),
            Self::Undecided(_) => None,
        }
    }
}

impl Approval {
    /// How it ended; `None` while it is open.
    pub(crate) fn end(&self) -> Option<End> {
        self.end.borrow().clone()
    }

    /// Waits for the end, which whoever opened it brings about at the latest when its time is up.
    pub(crate) async fn ended(&self) -> End {
        let mut end = self.end.subscribe();
        match end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(End::CANCELLED),
            Err(_) => End::CANCELLED,
        }
    }

    /// The answer to whoever asked; the reason is for those who ask later.
    pub(crate) fn answer(&self, end: &End, with_reason: bool) -> ApprovalDecision {
        let reason = match end {
            End::Undecided(reason) if with_reason => Some((*reason).to_owned()),
            _ => None,
        };
        ApprovalDecision {
            id: self.id.clone(),
            decision: end.decision(),
            created_at_ms: self.created_ms,
            expires_at_ms: self.expires_ms,
            terminal_reason: reason,
        }
    }

    /// As lists and the event show it.
    pub(crate) fn entry(&self, generation: Generation) -> Value {
        let request = self.wish.request(generation);
        let mut entry = json!({"id": self.id, "request": request, "createdAtMs": self.created_ms,
            "expiresAtMs": self.expires_ms});
        if generation == Generation::V4 {
            entry["approvalKind"] = json!("exec");
        }
        entry
    }
}

/// The questions of one gateway.
#[derive(Default)]
pub(crate) struct Approvals {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    open: Vec<Arc<Approval>>,
    ended: VecDeque<Arc<Approval>>,
}

impl Approvals {
    /// Puts a question, which nobody has been told of yet.
    pub(crate) fn open(
        &self,
        id: Option<String>,
        asker: Option<ConnId>,
        mut wish: Wish,
        now_ms: i64,
        timeout: Duration,
    ) -> Result<Arc<Approval>, RpcError> {
        wish.check()?;
        let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        if id.len() > MAX_ID {
            return Err(RpcError::invalid(format!(
                "the approval id is too long (at most {MAX_ID} bytes); use a shorter one"
            )));
        }
        let mut inner = self.lock();
        if inner.open.iter().any(|open| open.id == id) {
            return Err(RpcError::invalid("approval id already pending"));
        }
        let own = inner.open.iter().filter(|open| asker.is_some() && open.asker == asker).count();
        if inner.open.len() >= MAX_OPEN || own >= MAX_OF_ONE {
            return Err(RpcError::unavailable(
                "too many approvals are waiting for a decision; decide some of them first",
            )
            .retry_after(5_000));
        }
        let timeout = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let approval = Arc::new(Approval {
            id,
            asker,
            wish,
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(timeout),
            end: watch::Sender::new(None),
        });
        inner.open.push(approval.clone());
        Ok(approval)
    }

    /// Ends a question; `false` when it has ended before.
    fn close(&self, approval: &Approval, end: End) -> bool {
        let mut inner = self.lock();
        let Some(at) = inner.open.iter().position(|open| std::ptr::eq(&**open, approval)) else {
            return false;
        };
        let closed = inner.open.remove(at);
        closed.end.send_replace(Some(end));
        if inner.ended.len() >= MAX_ENDED {
            inner.ended.pop_front();
        }
        inner.ended.push_back(closed);
        true
    }

    /// The newest question of that id, open or not.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Approval>> {
        let inner = self.lock();
        let all = inner.open.iter().chain(inner.ended.iter().rev());
        all.into_iter().find(|approval| approval.id == id).cloned()
    }

    /// Those that wait, oldest first.
    pub(crate) fn waiting(&self) -> Vec<Arc<Approval>> {
        self.lock().open.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Tells those who may decide.
    pub(crate) fn announce_approval(&self, approval: &Approval) {
        let event = Broadcast {
            audience: Audience::Scope(Scope::Approvals),
            ..Broadcast::new("exec.approval.requested")
        };
        self.hub.publish(&event, |generation| approval.entry(generation));
    }

    /// Ends a question and tells those who might still decide; `false` when it has ended before.
    pub(crate) fn end_approval(&self, approval: &Approval, end: End) -> bool {
        if !self.approvals.close(approval, end.clone()) {
            return false;
        }
        if end == End::NO_ROUTE {
            return true;
        }
        let event = Broadcast {
            audience: Audience::Scope(Scope::Approvals),
            ..Broadcast::new("exec.approval.resolved")
        };
        // What nobody allowed does not run: for those who watch, that is a refusal.
        let (decision, by) = match end {
            End::Decided(decision, by) => (decision, Some(by)),
            End::Undecided(_) => (Decision::Deny, None),
        };
        let ts = self.now_ms();
        self.hub.publish(&event, |generation| {
            let mut payload =
                json!({"id": approval.id, "decision": decision, "resolvedBy": by, "ts": ts});
            if generation == Generation::V4 {
                payload["request"] = approval.wish.request(generation);
            }
            payload
        });
        true
    }

    /// Waits for a decision, until the time is up or the gateway stops.
    pub(crate) async fn decision(&self, approval: &Approval) -> End {
        let left = u64::try_from(approval.expires_ms - self.now_ms()).unwrap_or(0);
        tokio::select! {
            biased;
            end = approval.ended() => return end,
            () = self.stop.cancelled() => self.end_approval(approval, End::CANCELLED),
            () = tokio::time::sleep(Duration::from_millis(left)) => {
                self.end_approval(approval, End::EXPIRED)
            }
        };
        approval.ended().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_open_and_of_remembered_questions_is_bounded() {
        let approvals = Approvals::default();
        let ask = || approvals.open(None, None, Wish::default(), 0, Duration::from_secs(1));
        let first = ask().unwrap();
        for _ in 1..MAX_OPEN {
            ask().unwrap();
        }
        assert!(ask().err().unwrap().message.starts_with("too many approvals"));
        assert!(approvals.close(&first, End::EXPIRED));
        assert!(!approvals.close(&first, End::CANCELLED));
        assert_eq!(first.end(), Some(End::EXPIRED));
        for _ in 0..MAX_ENDED {
            let next = ask().unwrap();
            assert!(approvals.close(&next, End::EXPIRED));
        }
        assert!(approvals.find(&first.id).is_none());
    }

    #[test]
    fn one_connection_leaves_room_for_the_others() {
        let approvals = Approvals::default();
        let ask = |asker| approvals.open(None, asker, Wish::default(), 0, Duration::from_secs(1));
        for _ in 0..MAX_OF_ONE {
            ask(Some(1)).unwrap();
        }
        assert!(ask(Some(1)).err().unwrap().message.starts_with("too many approvals"));
        assert!(ask(Some(2)).is_ok());
        for _ in 0..=MAX_OF_ONE {
            ask(None).unwrap();
        }
    }

    #[test]
    fn nothing_that_is_shown_or_kept_is_endless_exe_07() {
        let approvals = Approvals::default();
        let ask = |id| {
            let long = || Some("x\u{202e}".repeat(100_000));
            let wish = Wish { session_key: long(), ask: long(), ..Wish::default() };
            approvals.open(id, None, wish, 0, Duration::from_secs(1))
        };
        assert!(ask(Some("x".repeat(MAX_ID + 1))).err().unwrap().message.contains("too long"));
        let request = ask(None).unwrap().wish.request(Generation::V4).to_string();
        assert!(request.len() < 10_000 && !request.contains('\u{202e}'), "{}", request.len());
    }
}
