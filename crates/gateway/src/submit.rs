//! Accepting a message: checked, stored, acknowledged, then run.

use std::sync::Arc;
use std::time::Duration;

use clawdbot_agent::{ModelRef, ThinkingLevel};
use clawdbot_protocol::{Attachment, RpcError, SessionKey};
use clawdbot_store::{BeginRun, Begun, RunRecord, RunStatus, Session, Stored};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::attachments::{self, Accepted};
use crate::error::store_error;
use crate::router::Peer;
use crate::runs::{Ended, Job, Live};
use crate::shared::Shared;
use crate::transcript;

/// A message somebody wants answered.
pub(crate) struct Submission {
    pub(crate) key: SessionKey,
    pub(crate) requested_key: String,
    pub(crate) message: String,
    pub(crate) run_id: String,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) thinking: Option<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) extra_prompt: Option<String>,
    pub(crate) sender: Sender,
}

/// The `mode` of senders that are no person's client: what a hook says is nobody's word (HOOK-05).
pub(crate) const WEBHOOK: &str = "webhook";

/// What a run may have of its own that nobody typed.
#[derive(Debug, Default)]
pub(crate) struct Unattended {
    /// Model that answers, instead of the conversation's.
    pub(crate) model: Option<ModelRef>,
    /// A heartbeat: no `chat` events, and its `agent` events say what it is (protocol §13.3).
    pub(crate) quiet: bool,
}

/// Who a message is from, as its row tells (protocol §13.9).
pub(crate) struct Sender {
    pub(crate) id: String,
    pub(crate) mode: String,
    pub(crate) name: Option<String>,
}

impl From<&Peer> for Sender {
    fn from(peer: &Peer) -> Self {
        Self {
            id: peer.client_id.clone(),
            mode: peer.client_mode.clone(),
            name: peer.client_name.clone(),
        }
    }
}

/// What became of it.
pub(crate) enum Submitted {
    /// Stored; the run can start.
    Started(Box<Started>),
    /// The same key is being answered right now.
    InFlight,
    /// The same key was answered before.
    Finished(Box<RunRecord>),
}

/// A stored message whose run has not begun.
pub(crate) struct Started {
    pub(crate) job: Job,
    pub(crate) live: Live,
    pub(crate) session: Session,
    /// Keeps later messages of this conversation waiting until the run has been started.
    _turn: OwnedMutexGuard<()>,
}

impl Started {
    /// Announces the message and lets the run begin.
    pub(crate) fn go(self, shared: &Arc<Shared>) {
        shared.announce_change(&self.session, "send");
        shared.runs.start(shared, self.job, self.live);
    }
}

impl Submission {
    /// Checks the message and puts it on disk together with its key.
    pub(crate) async fn accept(self, shared: &Arc<Shared>) -> Result<Submitted, RpcError> {
        self.accept_as(shared, Unattended::default()).await
    }

    /// The same for a message that nobody typed.
    pub(crate) async fn accept_as(
        mut self,
        shared: &Arc<Shared>,
        unattended: Unattended,
    ) -> Result<Submitted, RpcError> {
        let settings = shared.settings();
        let thinking = self.thinking()?;
        let files = attachments::accept(std::mem::take(&mut self.attachments), settings.limits)?;
        if self.message.trim().is_empty() && files.is_empty() {
            return Err(RpcError::invalid("message or attachment required"));
        }
        let agent_id = self.key.agent(&settings.keys).to_owned();
        let now_ms = shared.now_ms();
        let begin = BeginRun {
            run_id: self.run_id.clone(),
            session_key: self.key.to_string(),
            agent_id: agent_id.clone(),
            body_hash: self.fingerprint(&files),
            message: transcript::user_row(
                &self.message,
                &self.run_id,
                now_ms,
                meta(&self.sender, &files),
            )?,
            media: files.iter().map(|file| file.record(self.key.as_str(), now_ms)).collect(),
            now_ms,
        };
        let turn = shared.runs.turn(&self.key).await;
        shared.runs.room(&self.key)?;
        let Some(live) = shared.runs.announce(&self.run_id, &self.key) else {
            return self.repeated(shared, &begin).await;
        };
        let (begun, written) = match self.write_files(shared, files).await {
            Ok(written) => (shared.store.begin_run(begin).await.map_err(store_error), written),
            Err(error) => (Err(error), Vec::new()),
        };
        if let Ok(Begun::Started { message, session }) = begun {
            let job = self.job(agent_id, &session, &message, thinking, unattended);
            return Ok(Submitted::Started(Box::new(Started { job, live, session, _turn: turn })));
        }
        attachments::discard(&written);
        shared.runs.retract(&self.run_id);
        match begun? {
            Begun::Started { .. } | Begun::InFlight => Ok(Submitted::InFlight),
            Begun::Finished(record) => Ok(Submitted::Finished(Box::new(record))),
            Begun::Conflict => Err(conflict()),
            Begun::Blocked => Err(blocked()),
        }
    }

    /// Asks on behalf of the gateway itself, under a run id of its own, and waits for the end.
    pub(crate) async fn answered(
        self,
        shared: &Arc<Shared>,
        unattended: Unattended,
    ) -> Result<Ended, RpcError> {
        let Submitted::Started(started) = self.accept_as(shared, unattended).await? else {
            return Err(RpcError::unavailable("there was a run of this name before"));
        };
        let live = started.live.clone();
        started.go(shared);
        live.ended().await.ok_or_else(|| RpcError::unavailable("the run vanished"))
    }

    /// The key of a run that is under way: the same message, or a mistake.
    async fn repeated(
        &self,
        shared: &Arc<Shared>,
        begin: &BeginRun,
    ) -> Result<Submitted, RpcError> {
        match shared.store.run(&self.run_id).await.map_err(store_error)? {
            Some(run)
                if run.body_hash != begin.body_hash || run.session_key != begin.session_key =>
            {
                Err(conflict())
            }
            _ => Ok(Submitted::InFlight),
        }
    }

    fn job(
        &self,
        agent_id: String,
        session: &Session,
        user: &Stored,
        thinking: Option<ThinkingLevel>,
        unattended: Unattended,
    ) -> Job {
        Job {
            run_id: self.run_id.clone(),
            key: self.key.clone(),
            requested_key: self.requested_key.clone(),
            agent_id,
            session_id: session.session_id.clone(),
            user: user.clone(),
            thinking,
            timeout: self.timeout,
            extra_prompt: self.extra_prompt.clone(),
            model: unattended.model,
            quiet: unattended.quiet,
        }
    }

    fn thinking(&self) -> Result<Option<ThinkingLevel>, RpcError> {
        self.thinking
            .as_deref()
            .filter(|level| !level.is_empty())
            .map(|level| level.parse())
            .transpose()
            .map_err(|error: clawdbot_agent::InvalidThinkingLevel| {
                RpcError::invalid(error.to_string())
            })
    }

    /// The same key with another body is a mistake, not a repeat (CHT-01).
    fn fingerprint(&self, files: &[Accepted]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.message.as_bytes());
        for file in files {
            hash.update([0]);
            hash.update(Sha256::digest(file.bytes()));
        }
        hash.finalize().into()
    }

    async fn write_files(
        &self,
        shared: &Arc<Shared>,
        files: Vec<Accepted>,
    ) -> Result<Vec<std::path::PathBuf>, RpcError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let dir = shared.inbound_dir();
        let written = tokio::task::spawn_blocking(move || attachments::store(&dir, &files)).await;
        match written {
            Ok(Ok(paths)) => Ok(paths),
            Ok(Err(error)) => Err(RpcError::unavailable(format!(
                "the attachment could not be stored: {error}. Free some space and send again."
            ))
            .retry_after(1_000)),
            Err(_) => Err(RpcError::unavailable("the attachment could not be stored")),
        }
    }
}

/// The refusal for a key that belongs to another message (CHT-01).
pub(crate) fn conflict() -> RpcError {
    RpcError::invalid("this idempotencyKey was used for a different message; use a new one")
        .with_details(json!({"code": "IDEMPOTENCY_CONFLICT"}))
}

/// The refusal of a conversation that takes no messages (protocol §13.1).
pub(crate) fn blocked() -> RpcError {
    RpcError::invalid("send blocked by session policy")
}

/// What the row says about its sender (protocol §13.9).
fn meta(sender: &Sender, files: &[Accepted]) -> Map<String, Value> {
    let mut client = Map::new();
    client.insert("id".into(), json!(sender.id));
    client.insert("mode".into(), json!(sender.mode));
    if let Some(name) = &sender.name {
        client.insert("displayName".into(), json!(name));
    }
    let mut meta = Map::new();
    meta.insert("senderIsOwner".into(), json!(sender.mode != WEBHOOK));
    meta.insert("transport".into(), json!({"clients": [client]}));
    if !files.is_empty() {
        meta.insert("media".into(), json!(attachments::media_meta(files)));
    }
    meta
}

/// The wire's word for a finished run.
pub(crate) fn status_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Ok => "ok",
        RunStatus::Error => "error",
        RunStatus::Aborted | RunStatus::Interrupted => "aborted",
        RunStatus::Running => "in_flight",
    }
}
