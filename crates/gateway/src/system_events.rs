//! What a conversation shall hear of with its next run: texts of `wake`, `system-event` and jobs.
//!
//! A text is on disk before anybody is told that it waits, and leaves the disk when a run that heard
//! it has ended. It reaches the model as part of the user's turn, marked as not written by the user,
//! and never as instructions of the system (HOOK-05).

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use clawdbot_protocol::{RpcError, SessionKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex;
use tracing::warn;

use crate::error::store_error;
use crate::gateway::Shared;

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

/// The waiting texts of all conversations.
#[derive(Default)]
pub(crate) struct SystemEvents {
    /// Read from the database when first needed.
    waiting: Mutex<Option<Waiting>>,
}

type Waiting = BTreeMap<String, VecDeque<SystemEvent>>;

impl SystemEvents {
    /// Puts a text on disk for the next run of a conversation.
    pub(crate) async fn push(
        &self,
        shared: &Shared,
        key: &SessionKey,
        text: &str,
    ) -> Result<(), RpcError> {
        let mut slot = self.waiting.lock().await;
        let waiting = loaded(&mut slot, shared).await?;
        if waiting.len() >= MAX_CONVERSATIONS && !waiting.contains_key(key.as_str()) {
            return Err(RpcError::unavailable(
                "system events wait in too many conversations; send a message to one of them first",
            ));
        }
        let queue = waiting.entry(key.to_string()).or_default();
        queue.push_back(SystemEvent { ts: shared.now_ms(), text: text.trim().to_owned() });
        while queue.len() > MAX_WAITING {
            queue.pop_front();
        }
        keep(shared, key, Some(queue)).await
    }

    /// Takes what waits, for a run. Call [`SystemEvents::settle`] when it has ended.
    pub(crate) async fn take(&self, shared: &Shared, key: &SessionKey) -> Vec<SystemEvent> {
        let mut slot = self.waiting.lock().await;
        match loaded(&mut slot, shared).await {
            Ok(waiting) => waiting.remove(key.as_str()).unwrap_or_default().into(),
            Err(error) => {
                warn!(error = error.message, "system events could not be read");
                Vec::new()
            }
        }
    }

    /// A run that took `events` has ended; `heard` is false when they shall wait for the next one.
    pub(crate) async fn settle(
        &self,
        shared: &Shared,
        key: &SessionKey,
        events: Vec<SystemEvent>,
        heard: bool,
    ) {
        if events.is_empty() {
            return;
        }
        let mut slot = self.waiting.lock().await;
        let Ok(waiting) = loaded(&mut slot, shared).await else { return };
        if !heard {
            let queue = waiting.entry(key.to_string()).or_default();
            for event in events.into_iter().rev().take(MAX_WAITING - queue.len().min(MAX_WAITING)) {
                queue.push_front(event);
            }
        }
        if let Err(error) = keep(shared, key, waiting.get(key.as_str())).await {
            warn!(error = error.message, "system events may be heard again after a restart");
        }
    }

    /// The texts that wait in a conversation.
    pub(crate) async fn texts(
        &self,
        shared: &Shared,
        key: &SessionKey,
    ) -> Result<Vec<String>, RpcError> {
        let mut slot = self.waiting.lock().await;
        let waiting = loaded(&mut slot, shared).await?;
        let queue = waiting.get(key.as_str());
        Ok(queue.into_iter().flatten().map(|event| event.text.clone()).collect())
    }
}

async fn loaded<'a>(
    slot: &'a mut Option<Waiting>,
    shared: &Shared,
) -> Result<&'a mut Waiting, RpcError> {
    if slot.is_none() {
        let stored = shared.store.list_docs(KIND).await.map_err(store_error)?;
        let read = |(key, body)| Some((key, serde_json::from_value(body).ok()?));
        *slot = Some(stored.into_iter().filter_map(read).collect());
    }
    Ok(slot.get_or_insert_default())
}

async fn keep(
    shared: &Shared,
    key: &SessionKey,
    queue: Option<&VecDeque<SystemEvent>>,
) -> Result<(), RpcError> {
    let stored = match queue {
        Some(queue) => shared.store.put_doc(KIND, key.as_str(), &json!(queue)).await,
        None => shared.store.delete_doc(KIND, key.as_str()).await.map(|_| ()),
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
    use super::*;

    #[test]
    fn a_text_of_several_lines_stays_one_event_hook_05() {
        let event = SystemEvent { ts: 0, text: "one\n- [x] two".into() };
        let text = block(&[event]);
        assert!(text.ends_with("\n- [1970-01-01 00:00 UTC] one\n  - [x] two"), "{text}");
    }
}
