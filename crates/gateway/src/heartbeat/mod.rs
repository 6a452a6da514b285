//! Heartbeats: an agent looks after things by itself, from time to time or when it is nudged
//! (protocol §14.1, config `agents.defaults.heartbeat`).
//!
//! A heartbeat has a conversation of its own, which starts over each time, so that it costs the same
//! every time and leaves the main one alone. What the agent has to say goes to the main conversation;
//! an acknowledgement goes nowhere.

mod beat;
mod jobs;
mod plan;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clawdbot_protocol::{HeartbeatEvent, Scope, SessionKey};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

pub(crate) use self::jobs::jobs;
use self::plan::Heartbeat;
use crate::hub::{Audience, Broadcast};
use crate::shared::Shared;

/// Conversations that may wait for a nudge; the text of one more waits for its next run.
const MAX_WAKES: usize = 64;

/// The heartbeats of one gateway.
pub(crate) struct Heartbeats {
    on: AtomicBool,
    began_ms: i64,
    changed: Notify,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: Option<HeartbeatEvent>,
    /// Conversations that somebody nudged, each once.
    wakes: VecDeque<SessionKey>,
    /// When each agent's next heartbeat is.
    due: BTreeMap<String, Due>,
}

#[derive(Clone, Copy)]
struct Due {
    period: std::time::Duration,
    at: Instant,
}

impl Default for Heartbeats {
    fn default() -> Self {
        Self {
            on: AtomicBool::new(true),
            began_ms: jiff::Timestamp::now().as_millisecond(),
            changed: Notify::new(),
            inner: Mutex::default(),
        }
    }
}

impl Heartbeats {
    /// Looks at the configuration again.
    pub(crate) fn nudge(&self) {
        self.changed.notify_one();
    }

    /// Whether heartbeats have not been switched off.
    pub(crate) fn on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Switches heartbeats on or off until the gateway stops.
    pub(crate) fn switch(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
        self.nudge();
    }

    /// Asks for a heartbeat that hears what waits in `key` and answers there.
    pub(crate) fn wake(&self, key: SessionKey) {
        let mut inner = self.lock();
        if inner.wakes.len() < MAX_WAKES && !inner.wakes.contains(&key) {
            inner.wakes.push_back(key);
        }
        drop(inner);
        self.nudge();
    }

    /// What came of the last one.
    pub(crate) fn last(&self) -> Option<HeartbeatEvent> {
        self.lock().last.clone()
    }

    /// When an agent's next one is, in milliseconds from now.
    pub(crate) fn next_in_ms(&self, agent_id: &str) -> Option<i64> {
        let due = self.lock().due.get(agent_id).copied()?;
        i64::try_from(due.at.saturating_duration_since(Instant::now()).as_millis()).ok()
    }

    fn take_wake(&self) -> Option<SessionKey> {
        self.lock().wakes.pop_front()
    }

    /// Follows the configuration and answers when the next heartbeat is due.
    fn plan(&self, wanted: &[Heartbeat]) -> Option<Instant> {
        let now = Instant::now();
        let mut inner = self.lock();
        let before = std::mem::take(&mut inner.due);
        for heartbeat in wanted.iter().filter(|_| self.on()) {
            let Some(period) = heartbeat.period else { continue };
            let same = before.get(&heartbeat.agent_id).filter(|due| due.period == period);
            let due = same.copied().unwrap_or(Due { period, at: now + period });
            inner.due.insert(heartbeat.agent_id.clone(), due);
        }
        inner.due.values().map(|due| due.at).min()
    }

    /// An agent whose heartbeat is due; its next one is a whole period from now.
    fn take_due(&self) -> Option<String> {
        let now = Instant::now();
        let mut inner = self.lock();
        let (agent_id, due) = inner.due.iter_mut().find(|(_, due)| due.at <= now)?;
        due.at = now + due.period;
        Some(agent_id.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets heartbeats happen, one at a time, until the gateway stops. Sleeps until the next one: a timer
/// that stands still while the computer sleeps is what an interval wants.
pub(crate) async fn follow(shared: Arc<Shared>) {
    let heartbeats = &shared.heartbeats;
    loop {
        let next = heartbeats.plan(&plan::all(&shared.settings()));
        let sleep = async {
            match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = heartbeats.changed.notified() => {}
            () = sleep => {}
        }
        while let Some(key) = heartbeats.take_wake().filter(|_| !shared.stop.is_cancelled()) {
            publish(&shared, beat::nudged(&shared, &key).await);
        }
        while let Some(agent_id) = heartbeats.take_due().filter(|_| !shared.stop.is_cancelled()) {
            publish(&shared, beat::due(&shared, &agent_id).await);
        }
    }
}

fn publish(shared: &Shared, event: HeartbeatEvent) {
    tracing::info!(agent = event.agent_id, status = ?event.status, reason = event.reason, "heartbeat");
    shared.heartbeats.lock().last = Some(event.clone());
    let broadcast = Broadcast {
        audience: Audience::Scope(Scope::Read),
        droppable: true,
        ..Broadcast::new("heartbeat")
    };
    shared.hub.publish(&broadcast, |_| event.clone());
}

impl Shared {
    /// How often the default agent's heart beats, for `health`; 0 when it does not.
    pub(crate) fn heartbeat_seconds(&self) -> u64 {
        let settings = self.settings();
        let period = plan::all(&settings)
            .into_iter()
            .find(|heartbeat| heartbeat.agent_id == settings.agents.default_id())
            .and_then(|heartbeat| heartbeat.period)
            .filter(|_| self.heartbeats.on());
        period.map_or(0, |period| period.as_secs())
    }

    /// An agent's heartbeat, for `health` and, in short, `status`.
    pub(crate) fn heartbeat_row(&self, agent_id: &str) -> Value {
        let heartbeat = plan::of(&self.settings(), agent_id);
        let period = heartbeat.period.filter(|_| self.heartbeats.on());
        json!({
            "enabled": period.is_some(),
            "every": plan::words(period),
            "everyMs": period.map_or(0, |period| period.as_millis()),
            "prompt": heartbeat.prompt,
            "target": "none",
            "ackMaxChars": heartbeat.ack_max_chars,
        })
    }
}
