//! Requests that wait for a person: in memory, for five minutes, few at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use clawdbot_protocol::{NodeFacts, NodePairRequest, PairRequest};

/// How long a request waits for an answer.
const TTL_MS: i64 = 300_000;
/// Requests waiting at once; the oldest makes room.
const MAX: usize = 64;
/// The same for one remote address, so that it cannot displace everybody else's.
const MAX_PER_SOURCE: usize = 8;

/// What can be asked for.
pub(crate) trait Request: Clone {
    /// What the answer names.
    fn id(&self) -> &str;
    /// Who asks: one open request each.
    fn subject(&self) -> &str;
    /// Where the request came from, unless from this machine.
    fn source(&self) -> Option<&str>;
    /// When, in milliseconds since the epoch.
    fn ts(&self) -> i64;
    /// Whether `other` asks for exactly the same.
    fn same(&self, other: &Self) -> bool;
}

/// What opening a request came to.
pub(crate) struct Opened<R> {
    /// The request that waits now.
    pub(crate) request: R,
    /// Whether nobody has been told of it yet.
    pub(crate) new: bool,
    /// The one it takes the place of, because more or something else is asked for now.
    pub(crate) superseded: Option<R>,
}

/// Open requests, oldest first.
pub(crate) struct Pending<R>(Mutex<Vec<R>>);

impl<R> Default for Pending<R> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<R: Request> Pending<R> {
    /// Opens `request`. One that asks for the same keeps its id; any other gets a new one, so that
    /// an approval covers what its giver saw and nothing else (DEV-09).
    pub(crate) fn open(&self, request: R, now_ms: i64) -> Opened<R> {
        let mut open = self.lock(now_ms);
        let at = open.iter().position(|known| known.subject() == request.subject());
        let superseded = match at.and_then(|at| open.get(at).cloned()) {
            Some(known) if known.same(&request) => {
                return Opened { request: known, new: false, superseded: None };
            }
            known => known,
        };
        if let Some(at) = at {
            open.remove(at);
        }
        let from_there = |known: &R| known.source() == request.source();
        if request.source().is_some()
            && open.iter().filter(|known| from_there(known)).count() >= MAX_PER_SOURCE
            && let Some(oldest) = open.iter().position(from_there)
        {
            open.remove(oldest);
        }
        if open.len() >= MAX {
            open.remove(0);
        }
        open.push(request.clone());
        Opened { request, new: true, superseded }
    }

    /// All of them, newest first.
    pub(crate) fn list(&self, now_ms: i64) -> Vec<R> {
        self.lock(now_ms).iter().rev().cloned().collect()
    }

    /// The request with this id.
    pub(crate) fn get(&self, id: &str, now_ms: i64) -> Option<R> {
        self.lock(now_ms).iter().find(|request| request.id() == id).cloned()
    }

    /// The request of this device or node.
    pub(crate) fn of(&self, subject: &str, now_ms: i64) -> Option<R> {
        self.lock(now_ms).iter().find(|request| request.subject() == subject).cloned()
    }

    /// Closes the request of this device or node.
    pub(crate) fn close(&self, subject: &str) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|request| request.subject() != subject);
    }

    fn lock(&self, now_ms: i64) -> MutexGuard<'_, Vec<R>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|request| now_ms - request.ts() < TTL_MS);
        open
    }
}

impl Request for PairRequest {
    fn id(&self) -> &str {
        &self.request_id
    }

    fn subject(&self) -> &str {
        &self.device_id
    }

    fn source(&self) -> Option<&str> {
        self.remote_ip.as_deref()
    }

    fn ts(&self) -> i64 {
        self.ts
    }

    /// Everything but where and how it connected.
    fn same(&self, other: &Self) -> bool {
        let asked = |request: &Self| Self {
            request_id: String::new(),
            remote_ip: None,
            silent: false,
            is_repair: false,
            ts: 0,
            ..request.clone()
        };
        asked(self) == asked(other)
    }
}

impl Request for NodePairRequest {
    fn id(&self) -> &str {
        &self.request_id
    }

    fn subject(&self) -> &str {
        &self.facts.node_id
    }

    fn source(&self) -> Option<&str> {
        self.facts.remote_ip.as_deref()
    }

    fn ts(&self) -> i64 {
        self.ts
    }

    /// Everything but where and how it connected.
    fn same(&self, other: &Self) -> bool {
        let facts = |request: &Self| NodeFacts {
            remote_ip: None,
            version: None,
            path_env: None,
            ..request.facts.clone()
        };
        facts(self) == facts(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq)]
    struct Asked(String, String, Option<&'static str>, i64, u8);

    impl Request for Asked {
        fn id(&self) -> &str {
            &self.0
        }
        fn subject(&self) -> &str {
            &self.1
        }
        fn source(&self) -> Option<&str> {
            self.2
        }
        fn ts(&self) -> i64 {
            self.3
        }
        fn same(&self, other: &Self) -> bool {
            self.4 == other.4
        }
    }

    fn asked(n: usize, source: Option<&'static str>, ts: i64) -> Asked {
        Asked(format!("r{n}"), format!("d{n}"), source, ts, 0)
    }

    #[test]
    fn a_flood_is_bounded_and_does_not_displace_others_dev_08() {
        let pending = Pending::default();
        pending.open(asked(0, Some("198.51.100.1"), 0), 0);
        for n in 1..10_000 {
            pending.open(asked(n, Some("203.0.113.7"), 0), 0);
        }
        let open = pending.list(0);
        assert_eq!(open.len(), MAX_PER_SOURCE + 1);
        assert!(pending.get("r0", 0).is_some(), "the honest one still waits");
        for n in 0..1_000 {
            pending.open(asked(n, None, 0), 0);
        }
        assert_eq!(pending.list(0).len(), MAX);
    }

    #[test]
    fn requests_expire_after_five_minutes_dev_08() {
        let pending = Pending::default();
        pending.open(asked(1, None, 0), 0);
        assert!(pending.get("r1", TTL_MS - 1).is_some());
        assert!(pending.get("r1", TTL_MS).is_none());
    }

    #[test]
    fn asking_for_something_else_is_another_request_dev_09() {
        let pending = Pending::default();
        pending.open(asked(1, None, 0), 0);
        let same = pending.open(Asked("r2".into(), "d1".into(), None, 1, 0), 1);
        assert_eq!((same.request.id(), same.new), ("r1", false));
        let wider = pending.open(Asked("r3".into(), "d1".into(), None, 1, 9), 1);
        assert_eq!((wider.request.id(), wider.new), ("r3", true));
        assert_eq!(wider.superseded.map(|old| old.0), Some("r1".to_owned()));
        assert!(pending.get("r1", 1).is_none());
    }
}
