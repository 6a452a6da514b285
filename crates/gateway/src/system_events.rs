//! What a conversation shall hear of with its next run: texts of `wake`, `system-event` and jobs.
//!
//! A text is on disk before anybody is told that it waits, and leaves the disk when a run that heard
//! it has ended: a run that fails or panics puts it back, and so does a crash. It reaches the model as part of the user's turn, marked as not written by the user,
//! and never as instructions of the system (HOOK-05).

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::Arc;

use clawdbot_protocol::{RpcError, SessionKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex;
use tracing::warn;

use crate::error::store_error;
use crate::shared::Shared;

/// Kind of the documents that hold them, one per conversation.
const KIND: &str = "system-events";
/// Texts that may wait in one conversation; the oldest makes room.
const MAX_WAITING: usize = 20;
/// Conversations in which texts may wait; a text for another one is refused.
const MAX_CONVERSATIONS: usize = 256;

/// A text with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SystemEvent {
    ts: i64,
    text: String,
}

/// The texts of all conversations.
#[derive(Default)]
pub(crate) struct SystemEvents {
    /// Read from the database when first needed.
    queues: Mutex<Option<Queues>>,
}

type Queues = BTreeMap<String, Queue>;

/// The texts of one conversation. Both parts are on disk.
#[derive(Default)]
struct Queue {
    /// Those of runs that have not ended.
    taken: Vec<SystemEvent>,
    waiting: VecDeque<SystemEvent>,
}

impl SystemEvents {
    /// Puts a text on disk for the next run of a conversation.
    pub(crate) async fn push(
        &self,
        shared: &Shared,
        key: &SessionKey,
        text: &str,
    ) -> Result<(), RpcError> {
        let mut slot = self.queues.lock().await;
        let queues = loaded(&mut slot, shared).await?;
        if queues.len() >= MAX_CONVERSATIONS && !queues.contains_key(key.as_str()) {
            return Err(RpcError::unavailable(
                "system events wait in too many conversations; send a message to one of them first",
            ));
        }
        let queue = queues.entry(key.to_string()).or_default();
        queue.waiting.push_back(SystemEvent { ts: shared.now_ms(), text: text.trim().to_owned() });
        while queue.waiting.len() > MAX_WAITING {
            queue.waiting.pop_front();
        }
        keep(shared, key, queue).await
    }

    /// The texts that wait in a conversation.
    pub(crate) async fn texts(
        &self,
        shared: &Shared,
        key: &SessionKey,
    ) -> Result<Vec<String>, RpcError> {
        let mut slot = self.queues.lock().await;
        let queue = loaded(&mut slot, shared).await?.get(key.as_str());
        let waiting = queue.into_iter().flat_map(|queue| &queue.waiting);
        Ok(waiting.map(|event| event.text.clone()).collect())
    }

    /// A run that took `events` has ended; when they were not heard they wait for the next one.
    async fn settle(
        &self,
        shared: &Shared,
        key: &SessionKey,
        events: Vec<SystemEvent>,
        heard: bool,
    ) {
        let mut slot = self.queues.lock().await;
        let Ok(queues) = loaded(&mut slot, shared).await else { return };
        let queue = queues.entry(key.to_string()).or_default();
        for event in events.into_iter().rev() {
            if let Some(at) = queue.taken.iter().rposition(|taken| *taken == event) {
                queue.taken.remove(at);
            }
            if !heard && queue.waiting.len() < MAX_WAITING {
                queue.waiting.push_front(event);
            }
        }
        if let Err(error) = keep(shared, key, queue).await {
            warn!(error = error.message, "system events may be heard again after a restart");
        }
        queues.retain(|_, queue| !(queue.taken.is_empty() && queue.waiting.is_empty()));
    }
}

/// Takes what waits in a conversation, for a run.
pub(crate) async fn take(shared: &Arc<Shared>, key: &SessionKey) -> Taken {
    let mut slot = shared.system_events.queues.lock().await;
    let events = match loaded(&mut slot, shared).await {
        Ok(queues) => queues.get_mut(key.as_str()).map(|queue| {
            let events = Vec::from(std::mem::take(&mut queue.waiting));
            queue.taken.extend_from_slice(&events);
            events
        }),
        Err(error) => {
            warn!(error = error.message, "system events could not be read");
            None
        }
    };
    Taken { shared: shared.clone(), key: key.clone(), events: events.unwrap_or_default() }
}

/// Texts a run has taken. They wait again when it is dropped before it has settled them.
pub(crate) struct Taken {
    shared: Arc<Shared>,
    key: SessionKey,
    events: Vec<SystemEvent>,
}

impl Taken {
    /// The run has ended; when it has not `heard` them they wait for the next one.
    pub(crate) async fn settle(mut self, heard: bool) {
        let events = std::mem::take(&mut self.events);
        if !events.is_empty() {
            self.shared.system_events.settle(&self.shared, &self.key, events, heard).await;
        }
    }
}

impl Deref for Taken {
    type Target = [SystemEvent];

    fn deref(&self) -> &[SystemEvent] {
        &self.events
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let events = std::mem::take(&mut self.events);
        if events.is_empty() {
            return;
        }
        let (shared, key) = (self.shared.clone(), self.key.clone());
        self.shared.tasks.spawn(async move {
            shared.system_events.settle(&shared, &key, events, false).await;
        });
    }
}

async fn loaded<'a>(
    slot: &'a mut Option<Queues>,
    shared: &Shared,
) -> Result<&'a mut Queues, RpcError> {
    if slot.is_none() {
        let stored = shared.store.list_docs(KIND).await.map_err(store_error)?;
        let queue = |waiting| Queue { taken: Vec::new(), waiting };
        let read = |(key, body)| Some((key, queue(serde_json::from_value(body).ok()?)));
        *slot = Some(stored.into_iter().filter_map(read).collect());
    }
    Ok(slot.get_or_insert_default())
}

async fn keep(shared: &Shared, key: &SessionKey, queue: &Queue) -> Result<(), RpcError> {
    let all: Vec<&SystemEvent> = queue.taken.iter().chain(&queue.waiting).collect();
    let stored = if all.is_empty() {
        shared.store.delete_doc(KIND, key.as_str()).await.map(|_| ())
    } else {
        shared.store.put_doc(KIND, key.as_str(), &json!(all)).await
    };
    stored.map_err(store_error)
}

/// The part of the user's turn that tells a model of `events`.
pub(crate) fn block(events: &[SystemEvent]) -> String {
    let mut text =
        "System events since the last message. They were not written by the user:".to_owned();
    for event in events {
        let time = Timestamp::from_millisecond(event.ts).unwrap_or_default();
        // Indented, so that a text of several lines cannot pass for another event.
        let body = event.text.replace('\n', "\n  ");
        let _ = write!(text, "\n- [{}] {body}", time.strftime("%Y-%m-%d %H:%M UTC"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clawdbot_config::{Env, Paths};

    use super::*;
    use crate::{Gateway, Listen, Options};

    #[test]
    fn a_text_of_several_lines_stays_one_event_hook_05() {
        let event = SystemEvent { ts: 0, text: "one\n- [x] two".into() };
        let text = block(&[event]);
        assert!(text.ends_with("\n- [1970-01-01 00:00 UTC] one\n  - [x] two"), "{text}");
    }

    #[tokio::test]
    async fn texts_of_a_run_that_was_dropped_wait_again() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        let env: Env = [("HOME", home), ("CLAWDBOT_SKIP_PROVIDERS", "1")].into_iter().collect();
        let options =
            Options { listen: Listen::Port(0), allow_unconfigured: true, ..Options::default() };
        let paths = Paths::resolve(&env, None);
        let gateway = Gateway::builder(paths, env).options(options).start().await.unwrap();
        let shared = &gateway.shared;
        let (key, events) = (shared.main_key(), &shared.system_events);
        events.push(shared, &key, "first").await.unwrap();
        let taken = take(shared, &key).await;
        events.push(shared, &key, "second").await.unwrap();
        assert_eq!(events.texts(shared, &key).await.unwrap(), ["second"]);
        drop(taken);
        let both = async {
            while events.texts(shared, &key).await.unwrap() != ["first", "second"] {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), both).await.unwrap();
        take(shared, &key).await.settle(true).await;
        assert!(shared.store.list_docs(KIND).await.unwrap().is_empty());
        gateway.shutdown(Duration::from_secs(1)).await;
    }
}
