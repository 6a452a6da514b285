//! Which runs are under way, in what order, and how to stop or await them.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use clawdbot_agent::{ModelRef, ThinkingLevel, Usage};
use clawdbot_protocol::{RpcError, SessionKey};
use clawdbot_store::{RunStatus, Stored};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::sync::{OwnedMutexGuard, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::run_events::RunEvents;
use crate::run_task;
use crate::shared::Shared;

/// Messages that may wait in one conversation.
const MAX_WAITING: usize = 64;
/// Runs that may be under way or waiting in all.
const MAX_LIVE: usize = 1024;
/// What is said of a run that panicked.
const PANICKED: &str = "The gateway failed inside this run. Its log says where; send it again.";

/// A run that has been accepted: its message is on disk.
pub(crate) struct Job {
    pub(crate) run_id: String,
    pub(crate) key: SessionKey,
    /// The key as the sender wrote it; generation 3 clients expect it back.
    pub(crate) requested_key: String,
    pub(crate) agent_id: String,
    pub(crate) session_id: String,
    pub(crate) user: Stored,
    pub(crate) thinking: Option<ThinkingLevel>,
    pub(crate) timeout: Option<Duration>,
    /// Added to the system prompt.
    pub(crate) extra_prompt: Option<String>,
    /// Model that answers, instead of the conversation's.
    pub(crate) model: Option<ModelRef>,
    /// A heartbeat, which is no chat.
    pub(crate) quiet: bool,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) status: RunStatus,
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: i64,
    pub(crate) stop_reason: Option<String>,
    pub(crate) session_id: String,
    pub(crate) error: Option<String>,
    pub(crate) text: String,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) usage: Usage,
}

/// A handle on one live run.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) cancel: CancellationToken,
    why: Arc<OnceLock<&'static str>>,
    partial: watch::Sender<Arc<str>>,
    done: watch::Sender<Option<Ended>>,
    key: SessionKey,
}

impl Live {
    fn new(key: SessionKey) -> Self {
        Self {
            cancel: CancellationToken::new(),
            why: Arc::default(),
            partial: watch::Sender::new("".into()),
            done: watch::Sender::new(None),
            key,
        }
    }

    /// Stops the run; the first reason given counts.
    pub(crate) fn abort(&self, why: &'static str) {
        let _ = self.why.set(why);
        self.cancel.cancel();
    }

    /// Why it was stopped.
    pub(crate) fn why(&self) -> &'static str {
        self.why.get().copied().unwrap_or("rpc")
    }

    /// What has been shown so far.
    pub(crate) fn set_partial(&self, text: &str) {
        self.partial.send_replace(text.into());
    }

    /// Follows what is shown; a slow reader misses steps and never the latest text.
    pub(crate) fn shown(&self) -> watch::Receiver<Arc<str>> {
        let mut shown = self.partial.subscribe();
        shown.mark_changed();
        shown
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) -> Option<Ended> {
        let mut done = self.done.subscribe();
        let ended = done.wait_for(Option::is_some).await.ok()?;
        ended.clone()
    }
}

/// The runs of one gateway. Each conversation has a lane; its runs follow one another.
#[derive(Default)]
pub(crate) struct Runs {
    inner: Mutex<Inner>,
    /// While this is true, accepted runs wait.
    paused: watch::Sender<bool>,
}

#[derive(Default)]
struct Inner {
    /// A lane exists while a run of its conversation is under way.
    lanes: HashMap<SessionKey, VecDeque<(Job, Live)>>,
    live: HashMap<String, Live>,
    /// Who is accepting a message, by conversation.
    gates: HashMap<SessionKey, Arc<tokio::sync::Mutex<()>>>,
    stopping: bool,
}

impl Runs {
    /// Announces a run before its message is stored, so that it can be found from then on.
    /// `None` when a run of that id is already known.
    pub(crate) fn announce(&self, run_id: &str, key: &SessionKey) -> Option<Live> {
        let mut inner = self.lock();
        if inner.live.contains_key(run_id) {
            return None;
        }
        let live = Live::new(key.clone());
        if inner.stopping {
            live.abort("shutdown");
        }
        inner.live.insert(run_id.to_owned(), live.clone());
        Some(live)
    }

    /// Takes an announced run back: its message was not accepted.
    pub(crate) fn retract(&self, run_id: &str) {
        if let Some(live) = self.lock().live.remove(run_id) {
            live.done.send_replace(Some(Ended::failed("the message was not accepted", 0)));
        }
    }

    /// Whether one more run fits.
    pub(crate) fn room(&self, key: &SessionKey) -> Result<(), RpcError> {
        let inner = self.lock();
        let waiting = inner.lanes.get(key).map_or(0, VecDeque::len);
        if waiting < MAX_WAITING && inner.live.len() < MAX_LIVE {
            return Ok(());
        }
        Err(RpcError::unavailable(
            "too many messages are waiting for an answer; send it again soon",
        )
        .retry_after(1_000))
    }

    /// One message of a conversation is accepted at a time, so that runs start in the order in
    /// which their messages were stored. Hold the guard until the run has been started.
    pub(crate) async fn turn(&self, key: &SessionKey) -> OwnedMutexGuard<()> {
        let gate = {
            let mut inner = self.lock();
            inner.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
            inner.gates.entry(key.clone()).or_default().clone()
        };
        gate.lock_owned().await
    }

    /// Starts an accepted run, or queues it behind the one its conversation is busy with.
    pub(crate) fn start(&self, shared: &Arc<Shared>, job: Job, live: Live) {
        let key = job.key.clone();
        let mut inner = self.lock();
        if let Some(lane) = inner.lanes.get_mut(&key) {
            lane.push_back((job, live));
            return;
        }
        inner.lanes.insert(key.clone(), VecDeque::new());
        drop(inner);
        let span = tracing::info_span!("lane", session = %key);
        shared.tasks.spawn(work(shared.clone(), key, job, live).instrument(span));
    }

    /// Lets accepted runs wait from now on, or go on.
    pub(crate) fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Waits until a run may begin, or is stopped before it did.
    async fn may_begin(&self, live: &Live) {
        let mut paused = self.paused.subscribe();
        tokio::select! {
            _ = paused.wait_for(|paused| !paused) => {}
            () = live.cancel.cancelled() => {}
        }
    }

    /// Stops one run, or all of a conversation; answers which were stopped.
    pub(crate) fn abort(
        &self,
        key: &SessionKey,
        run_id: Option<&str>,
        why: &'static str,
    ) -> Vec<(String, Live)> {
        let inner = self.lock();
        let chosen = inner.live.iter().filter(|(id, live)| {
            live.key == *key && run_id.is_none_or(|wanted| wanted == id.as_str())
        });
        let stopped: Vec<_> = chosen.map(|(id, live)| (id.clone(), live.clone())).collect();
        drop(inner);
        for (_, live) in &stopped {
            live.abort(why);
        }
        stopped
    }

    /// A live run by id.
    pub(crate) fn find(&self, run_id: &str) -> Option<(SessionKey, Live)> {
        self.lock().live.get(run_id).map(|live| (live.key.clone(), live.clone()))
    }

    /// Live runs of a conversation.
    pub(crate) fn active_in(&self, key: &str) -> Vec<String> {
        let inner = self.lock();
        let here = inner.live.iter().filter(|(_, live)| live.key.as_str() == key);
        here.map(|(id, _)| id.clone()).collect()
    }

    /// What the run under way in a conversation has shown so far.
    pub(crate) fn in_flight(&self, key: &SessionKey) -> Option<(String, Arc<str>)> {
        let inner = self.lock();
        inner.live.iter().filter(|(_, live)| live.key == *key).find_map(|(id, live)| {
            let text = live.partial.borrow().clone();
            (!text.is_empty()).then(|| (id.clone(), text))
        })
    }

    /// Lets runs finish for `grace`, then stops them.
    pub(crate) async fn stop_all(&self, grace: Duration) {
        let live: Vec<Live> = {
            let mut inner = self.lock();
            inner.stopping = true;
            inner.live.values().cloned().collect()
        };
        let all_ended = async {
            for run in &live {
                run.ended().await;
            }
        };
        if tokio::time::timeout(grace, all_ended).await.is_err() {
            for run in &live {
                run.abort("shutdown");
            }
            for run in &live {
                let _ = tokio::time::timeout(Duration::from_secs(1), run.ended()).await;
            }
        }
    }

    fn finish(&self, run_id: &str, live: &Live, ended: Ended) {
        self.lock().live.remove(run_id);
        live.done.send_replace(Some(ended));
    }

    fn next(&self, key: &SessionKey) -> Option<(Job, Live)> {
        let mut inner = self.lock();
        let next = inner.lanes.get_mut(key).and_then(VecDeque::pop_front);
        if next.is_none() {
            inner.lanes.remove(key);
        }
        next
    }

    /// Runs that have been announced and not ended.
    pub(crate) fn active(&self) -> usize {
        self.lock().live.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works one conversation's runs off, in the order in which they were accepted.
async fn work(shared: Arc<Shared>, key: SessionKey, job: Job, live: Live) {
    let mut next = Some((job, live));
    while let Some((job, live)) = next {
        shared.count_runs(None);
        let mut events = RunEvents::new(&shared, &job);
        let run_id = job.run_id.clone();
        shared.runs.may_begin(&live).await;
        let run = run_task::drive(&shared, job, &live);
        let ended = match AssertUnwindSafe(run).catch_unwind().await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => run_task::bury(&mut events, &error.message).await,
            Err(_) => run_task::bury(&mut events, PANICKED).await,
        };
        let outcome = match &ended.error {
            Some(error) if ended.status == RunStatus::Error => Err(error.clone()),
            _ => Ok(()),
        };
        shared.runs.finish(&run_id, &live, ended);
        shared.count_runs(Some(outcome));
        next = shared.runs.next(&key);
    }
}

impl Ended {
    /// What is stored of it, and what `agent` answers.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "text": self.text,
            "durationMs": self.ended_ms - self.started_ms,
            "sessionId": self.session_id,
            "provider": self.provider,
            "model": self.model,
            "usage": self.usage,
        })
    }

    /// A run that came to nothing.
    pub(crate) fn failed(error: &str, started_ms: i64) -> Self {
        Self {
            status: RunStatus::Error,
            started_ms,
            ended_ms: started_ms,
            stop_reason: Some("error".to_owned()),
            session_id: String::new(),
            error: Some(error.to_owned()),
            text: String::new(),
            provider: String::new(),
            model: String::new(),
            usage: Usage::default(),
        }
    }
}
