//! The events of one run, in both generations' shapes (protocol §13.2 to §13.6).

use std::sync::Arc;

use clawdbot_protocol::{Generation, RpcError, Scope, SessionKey};
use clawdbot_store::{Session, Stored};
use serde_json::{Map, Value, json};

use crate::error::store_error;
use crate::hub::{Audience, Broadcast};
use crate::rows;
use crate::runs::Job;
use crate::shared::Shared;
use crate::transcript;

/// Sends the events of one run. `chat` and `agent` events share one sequence.
pub(crate) struct RunEvents {
    pub(crate) shared: Arc<Shared>,
    pub(crate) run_id: String,
    pub(crate) key: SessionKey,
    pub(crate) requested_key: String,
    pub(crate) agent_id: String,
    pub(crate) session_id: String,
    /// Whether generation 3 clients see tool steps.
    pub(crate) verbose: bool,
    /// A heartbeat: no `chat` events, and `isHeartbeat` in the others.
    pub(crate) quiet: bool,
    pub(crate) seq: u64,
}

/// Who gets an `agent` event.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    /// Everybody who may read.
    All(&'static str),
    /// Generation 4 only.
    Newer(&'static str),
    /// Clients that show tool steps.
    Tool,
    /// The same, for what a slow client may miss.
    ToolUpdate,
}

impl RunEvents {
    pub(crate) fn new(shared: &Arc<Shared>, job: &Job) -> Self {
        Self {
            shared: shared.clone(),
            run_id: job.run_id.clone(),
            key: job.key.clone(),
            requested_key: job.requested_key.clone(),
            agent_id: job.agent_id.clone(),
            session_id: job.session_id.clone(),
            verbose: false,
            quiet: job.quiet,
            seq: 0,
        }
    }

    /// An `agent` event under the next sequence number.
    pub(crate) fn agent(&mut self, stream: Stream, data: &Value) {
        self.seq += 1;
        let (name, audience, since) = match stream {
            Stream::All(name) => (name, Audience::Scope(Scope::Read), Generation::V3),
            Stream::Newer(name) => (name, Audience::Scope(Scope::Read), Generation::V4),
            Stream::Tool | Stream::ToolUpdate => {
                ("tool", Audience::Tools { verbose: self.verbose }, Generation::V3)
            }
        };
        let ts = self.shared.now_ms();
        let session = Some(self.key.as_str());
        let droppable = matches!(stream, Stream::ToolUpdate);
        let event = Broadcast { audience, since, session, droppable, ..Broadcast::new("agent") };
        self.shared.hub.publish(&event, |generation| {
            let mut payload = self.common(generation);
            payload.insert("stream".into(), json!(name));
            payload.insert("data".into(), data.clone());
            payload.insert("ts".into(), json!(ts));
            if generation == Generation::V4 {
                payload.insert("sessionId".into(), json!(self.session_id));
                payload.insert("isHeartbeat".into(), json!(self.quiet));
            }
            payload
        });
    }

    /// A `chat` event under the sequence number of the agent event before it.
    pub(crate) fn chat(&self, state: &str, members: &Map<String, Value>) {
        if self.quiet {
            return;
        }
        let event = Broadcast {
            audience: Audience::Scope(Scope::Read),
            droppable: state == "delta",
            session: Some(self.key.as_str()),
            ..Broadcast::new("chat")
        };
        self.shared.hub.publish(&event, |generation| {
            let mut payload = self.common(generation);
            payload.insert("state".into(), json!(state));
            payload.extend(members.clone());
            if generation == Generation::V3 {
                for newer in ["deltaText", "replace", "errorKind", "errorDetail"] {
                    payload.remove(newer);
                }
            }
            payload
        });
    }

    /// More answer text: an `agent` event and the `chat` delta that goes with it.
    pub(crate) fn delta(&mut self, text: &str, shown: &str) {
        let increment = text.strip_prefix(shown);
        let delta = increment.unwrap_or(text);
        self.agent(Stream::All("assistant"), &json!({"text": text, "delta": delta}));
        let mut members = Map::new();
        members.insert("deltaText".into(), json!(delta));
        if increment.is_none() {
            members.insert("replace".into(), json!(true));
        }
        members.insert("message".into(), self.message(text));
        self.chat("delta", &members);
    }

    /// The `message` member of a chat event.
    pub(crate) fn message(&self, text: &str) -> Value {
        json!({
            "role": "assistant",
            "content": [{"type": "text", "text": text}],
            "timestamp": self.shared.now_ms(),
        })
    }

    /// A stored row, to whoever follows this conversation.
    pub(crate) fn row(&self, session: &Session, stored: &Stored) {
        self.shared.announce_row(&self.key, session, stored);
    }

    /// `sessions.changed` with a run phase.
    pub(crate) fn session_phase(&self, session: &Session, phase: &str) {
        let mut members = Map::new();
        members.insert("phase".into(), json!(phase));
        members.insert("runId".into(), json!(self.run_id));
        self.shared.announce_session(session, members);
    }

    fn common(&self, generation: Generation) -> Map<String, Value> {
        let mut payload = Map::new();
        payload.insert("runId".into(), json!(self.run_id));
        match generation {
            Generation::V3 => {
                payload.insert("sessionKey".into(), json!(self.requested_key));
            }
            Generation::V4 => {
                payload.insert("sessionKey".into(), json!(self.key));
                payload.insert("agentId".into(), json!(self.agent_id));
            }
        }
        payload.insert("seq".into(), json!(self.seq));
        payload
    }
}

impl Shared {
    /// `session.message` for one stored row (protocol §13.6).
    pub(crate) fn announce_row(&self, key: &SessionKey, session: &Session, stored: &Stored) {
        let Ok(message) = rows::message(stored) else {
            return;
        };
        let event = Broadcast {
            audience: Audience::Messages(key.as_str()),
            since: Generation::V4,
            ..Broadcast::new("session.message")
        };
        self.hub.publish(&event, |_| {
            json!({
                "sessionKey": key,
                "agentId": session.agent_id,
                "message": message,
                "messageId": stored.id,
                "messageSeq": stored.seq,
                "session": self.session_row(session),
            })
        });
    }

    /// `sessions.changed` for one session.
    pub(crate) fn announce_session(&self, session: &Session, members: Map<String, Value>) {
        self.recent.outdated();
        let event = Broadcast {
            audience: Audience::SessionList,
            since: Generation::V4,
            ..Broadcast::new("sessions.changed")
        };
        self.hub.publish(&event, |_| {
            let mut payload = Map::new();
            payload.insert("sessionKey".into(), json!(session.key));
            payload.insert("agentId".into(), json!(session.agent_id));
            payload.insert("ts".into(), json!(self.now_ms()));
            payload.extend(members.clone());
            payload.insert("session".into(), Value::Object(self.session_row(session)));
            payload
        });
    }

    /// Gives a conversation that is used over and over an empty transcript, if there is one.
    pub(crate) async fn start_over(&self, key: &SessionKey) -> Result<(), RpcError> {
        if self.store.session(key.as_str()).await.map_err(store_error)?.is_none() {
            return Ok(());
        }
        let now_ms = self.now_ms();
        let divider = transcript::divider_row(now_ms)?;
        let reset = self.store.reset_session(key.as_str(), divider, now_ms).await;
        self.announce_change(&reset.map_err(store_error)?, "reset");
        Ok(())
    }

    /// `sessions.changed` with a reason.
    pub(crate) fn announce_change(&self, session: &Session, reason: &str) {
        self.announce_session(session, Map::from_iter([("reason".to_owned(), json!(reason))]));
    }
}
