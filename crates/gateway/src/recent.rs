//! The newest conversations at a glance, as `health` shows them (protocol §14.1). Kept, because the
//! greeting of every connection has it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use clawdbot_store::{SessionPage, SessionQuery, StoreError};
use serde_json::{Value, json};

use crate::shared::Shared;

/// Conversations shown of each.
const SHOWN: usize = 5;

/// What was found when somebody looked last.
#[derive(Default)]
pub(crate) struct Recent {
    known: Mutex<Known>,
    /// Whether nothing has happened since.
    current: AtomicBool,
}

#[derive(Default)]
struct Known {
    all: Glance,
    by_agent: BTreeMap<String, Glance>,
}

#[derive(Default, Clone)]
struct Glance {
    count: u64,
    /// Keys and when they were last used.
    newest: Vec<(String, i64)>,
}

impl From<SessionPage> for Glance {
    fn from(page: SessionPage) -> Self {
        let sessions = page.sessions.into_iter().map(|listed| listed.session);
        let newest = sessions.map(|session| (session.key, session.updated_ms)).collect();
        Self { count: page.total, newest }
    }
}

impl Recent {
    /// Says that a conversation has changed.
    pub(crate) fn outdated(&self) {
        self.current.store(false, Ordering::Release);
    }

    /// Looks again if anything has happened.
    async fn refresh(&self, shared: &Shared) -> Result<(), StoreError> {
        if self.current.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let query = SessionQuery { limit: SHOWN, ..SessionQuery::default() };
        let all = shared.store.sessions(query.clone()).await?.into();
        let mut by_agent = BTreeMap::new();
        for agent in shared.settings().agents.all() {
            let query = SessionQuery { agent_id: Some(agent.id.clone()), ..query.clone() };
            by_agent.insert(agent.id.clone(), shared.store.sessions(query).await?.into());
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Known { all, by_agent };
        Ok(())
    }

    /// The `sessions` member of one agent, or of all.
    pub(crate) fn show(&self, agent: Option<&str>, shared: &Shared) -> Value {
        let glance = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            match agent {
                None => known.all.clone(),
                Some(agent) => known.by_agent.get(agent).cloned().unwrap_or_default(),
            }
        };
        let now_ms = shared.now_ms();
        let row = |(key, updated_ms): &(String, i64)| json!({"key": key, "updatedAt": updated_ms, "age": now_ms - updated_ms});
        let recent: Vec<Value> = glance.newest.iter().map(row).collect();
        json!({"path": shared.database(), "count": glance.count, "recent": recent})
    }
}

impl Shared {
    /// Looks for the newest conversations; a failure is said and leaves what was known.
    pub(crate) async fn refresh_recent(&self) {
        if let Err(error) = self.recent.refresh(self).await {
            self.recent.outdated();
            tracing::warn!(%error, "health shows older conversations");
        }
    }
}
