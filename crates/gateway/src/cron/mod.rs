//! Scheduled jobs (protocol §14.9).
//!
//! - A job is on disk before anybody is told of it. A run's moment is used up on disk before the run
//!   begins, so no crash and no clock repeats it; what was missed is made up for once.
//! - One sleep until the next job, at most a minute long while there is something to wait for: timers
//!   stand still while the computer sleeps and do not notice that the clock was set.
//! - At most [`MAX_JOBS`] jobs; at most `cron.maxConcurrentRuns` run at once and the rest wait their
//!   turn; [`table::MAX_RUNS`] runs of each job are remembered.

mod execute;
mod job;
mod schedule;
mod table;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clawdbot_protocol::{
    CronAddParams, CronDeliveryPreview, CronJob, CronRunEntry, CronRunMode, CronSchedule,
    Generation, RpcError, Scope,
};
use clawdbot_store::DocChange;
use futures_util::FutureExt as _;
use serde_json::{Map, Value, json};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, Notify, oneshot};
use tracing::{Instrument as _, info, warn};

use self::execute::Outcome;
use self::table::{Asked, Running, Table};
use crate::error::store_error;
use crate::gateway::Shared;
use crate::hub::{Audience, Broadcast};

/// Jobs that may exist; another one is refused.
const MAX_JOBS: usize = 500;
/// Longest sleep while there is a job to wait for.
const MINUTE: Duration = Duration::from_secs(60);

/// The jobs of one gateway.
pub(crate) struct Cron {
    /// Read from the database when first needed. Held while a change is written, so that changes
    /// follow one another.
    table: Mutex<Option<Table>>,
    /// Something has changed: look again.
    nudge: Notify,
    count: AtomicU64,
    process_id: String,
}

/// What became of a request to run a job.
pub(crate) enum Asking {
    /// It will run; the receiver hears when it has.
    Accepted {
        /// The run.
        run_id: String,
        /// Hears of its end.
        done: oneshot::Receiver<()>,
    },
    /// It will not.
    Declined(&'static str),
}

impl Default for Cron {
    fn default() -> Self {
        Self {
            table: Mutex::new(None),
            nudge: Notify::new(),
            count: AtomicU64::new(1),
            process_id: uuid::Uuid::new_v4().to_string(),
        }
    }
}

impl Cron {
    /// Looks at the clock and the configuration again.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// Changes with every start of the gateway.
    pub(crate) fn process_id(&self) -> &str {
        &self.process_id
    }

    /// All jobs, as they are kept.
    pub(crate) async fn jobs(&self, shared: &Shared) -> Result<Vec<CronJob>, RpcError> {
        Ok(self.table(shared).await?.jobs.values().cloned().collect())
    }

    /// When the next job runs by itself.
    pub(crate) async fn next_ms(&self, shared: &Shared) -> Result<Option<i64>, RpcError> {
        let next = self.table(shared).await?.next_ms();
        Ok(next.filter(|_| enabled(shared)))
    }

    /// Stores a new job.
    pub(crate) async fn add(
        &self,
        shared: &Shared,
        params: CronAddParams,
    ) -> Result<CronJob, RpcError> {
        let job = job::create(params, &shared.settings(), shared.now_ms())?;
        let mut table = self.table(shared).await?;
        if table.jobs.len() >= MAX_JOBS {
            return Err(RpcError::invalid(format!(
                "there are {MAX_JOBS} jobs already; remove one that is no longer needed"
            )));
        }
        self.keep(shared, &mut table, job.clone()).await?;
        Ok(job)
    }

    /// Stores a changed job; `None` when there is no such job.
    pub(crate) async fn update(
        &self,
        shared: &Shared,
        id: &str,
        patch: Map<String, Value>,
    ) -> Result<Option<CronJob>, RpcError> {
        let mut table = self.table(shared).await?;
        let Some(job) = table.jobs.get(id) else { return Ok(None) };
        let job = job::change(job, patch, &shared.settings(), shared.now_ms())?;
        self.keep(shared, &mut table, job.clone()).await?;
        Ok(Some(job))
    }

    async fn keep(&self, shared: &Shared, table: &mut Table, job: CronJob) -> Result<(), RpcError> {
        shared.store.change_docs(vec![table::put(&job)?]).await.map_err(store_error)?;
        table.jobs.insert(job.id.clone(), job);
        self.nudge();
        Ok(())
    }

    /// Removes a job with its runs; tells whether there was one. A run under way goes on.
    pub(crate) async fn remove(&self, shared: &Shared, id: &str) -> Result<bool, RpcError> {
        let mut table = self.table(shared).await?;
        if !table.jobs.contains_key(id) {
            return Ok(false);
        }
        shared.store.change_docs(table::remove(id)).await.map_err(store_error)?;
        table.jobs.remove(id);
        self.nudge();
        Ok(true)
    }

    /// Asks for a run; `None` when there is no such job.
    pub(crate) async fn ask(
        &self,
        shared: &Shared,
        id: &str,
        mode: CronRunMode,
    ) -> Result<Option<Asking>, RpcError> {
        let mut table = self.table(shared).await?;
        let now_ms = shared.now_ms();
        let Some(job) = table.jobs.get(id) else { return Ok(None) };
        let due = job.enabled && job.state.next_run_at_ms.is_some_and(|next| next <= now_ms);
        if mode == CronRunMode::Due && !due {
            return Ok(Some(Asking::Declined("not-due")));
        }
        let waits = table.asked.iter().any(|asked| asked.job_id == id);
        if waits || table.running.contains_key(id) {
            return Ok(Some(Asking::Declined("already-running")));
        }
        let run_id = format!("manual:{id}:{now_ms}:{}", self.count());
        let (done, heard) = oneshot::channel();
        let asked = Asked { job_id: id.to_owned(), run_id: run_id.clone(), done };
        table.asked.push_back(asked);
        self.nudge();
        Ok(Some(Asking::Accepted { run_id, done: heard }))
    }

    /// The runs of a job that have ended, the oldest first.
    pub(crate) async fn runs(
        &self,
        shared: &Shared,
        id: &str,
    ) -> Result<Vec<CronRunEntry>, RpcError> {
        let stored = shared.store.list_docs(&table::runs_of(id)).await.map_err(store_error)?;
        Ok(stored.into_iter().filter_map(|(_, body)| serde_json::from_value(body).ok()).collect())
    }

    async fn table(&self, shared: &Shared) -> Result<MappedMutexGuard<'_, Table>, RpcError> {
        let mut slot = self.table.lock().await;
        if slot.is_none() {
            *slot = Some(Table::load(&shared.store, shared.now_ms()).await?);
        }
        MutexGuard::try_map(slot, Option::as_mut)
            .map_err(|_| RpcError::unavailable("the jobs could not be read"))
    }

    fn count(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// Starts what is due; answers how long to sleep, `None` until something changes.
    async fn turn(&self, shared: &Arc<Shared>) -> Result<Option<Duration>, RpcError> {
        let mut table = self.table(shared).await?;
        let now_ms = shared.now_ms();
        let enabled = enabled(shared);
        table.look_at_clock(now_ms);
        let room = shared.settings().config().cron.max_concurrent_runs as usize;
        while table.running.len() < room {
            let Some((id, asked)) = table.take_due(now_ms, enabled) else { break };
            self.begin(shared, &mut table, &id, asked, now_ms).await?;
        }
        // Without room the end of a run brings the next turn.
        let next = table.next_ms().filter(|_| enabled && table.running.len() < room);
        Ok(next.map(|next| {
            let wait = u64::try_from(next - now_ms).unwrap_or_default();
            Duration::from_millis(wait).min(MINUTE)
        }))
    }

    /// Uses the moment up on disk, then lets the run begin.
    async fn begin(
        &self,
        shared: &Arc<Shared>,
        table: &mut Table,
        id: &str,
        asked: Option<Asked>,
        now_ms: i64,
    ) -> Result<(), RpcError> {
        let Some(before) = table.jobs.get(id) else { return Ok(()) };
        let scheduled =
            before.enabled && before.state.next_run_at_ms.is_some_and(|next| next <= now_ms);
        let mut job = before.clone();
        job.state.running_at_ms = Some(now_ms);
        if scheduled {
            let began = CronJob {
                state: clawdbot_protocol::CronState {
                    last_run_at_ms: Some(now_ms),
                    ..job.state.clone()
                },
                ..job.clone()
            };
            job.state.next_run_at_ms = schedule::plan(&began, now_ms);
        }
        shared.store.change_docs(vec![table::put(&job)?]).await.map_err(store_error)?;
        let (run_id, done) = match asked {
            Some(asked) => (asked.run_id, Some(asked.done)),
            None => (format!("cron:{id}:{now_ms}:{}", self.count()), None),
        };
        info!(job = id, run = run_id, "job started");
        table.jobs.insert(id.to_owned(), job.clone());
        let running = Running { run_id: run_id.clone(), at_ms: now_ms, scheduled, done };
        table.running.insert(id.to_owned(), running);
        let members = json!({"runAtMs": now_ms, "runId": run_id});
        announce(shared, id, "started", &members, None);
        let span = tracing::info_span!("cron", job = id);
        shared.tasks.spawn(carry_out(shared.clone(), job, run_id).instrument(span));
        Ok(())
    }

    /// Books the end of a run.
    async fn end(&self, shared: &Shared, id: &str, outcome: Outcome) -> Result<(), RpcError> {
        let mut table = self.table(shared).await?;
        let Some(running) = table.running.remove(id) else { return Ok(()) };
        self.nudge();
        let now_ms = shared.now_ms();
        // A job that was removed meanwhile leaves nothing behind.
        let Some(job) = table.jobs.get_mut(id) else { return Ok(()) };
        let entry = book(job, &running, &outcome, now_ms);
        let once = matches!(job.schedule, CronSchedule::At { .. });
        let over = once && running.scheduled && outcome.error.is_none();
        let mut changes: Vec<DocChange>;
        if over && job.delete_after_run == Some(true) {
            table.jobs.remove(id);
            changes = table::remove(id);
        } else {
            changes = vec![table::put(job)?];
            changes.extend(table::log(&entry, self.count())?);
        }
        let stored = shared.store.change_docs(changes).await.map_err(store_error);
        let removed = !table.jobs.contains_key(id);
        drop(table);
        let members = serde_json::to_value(&entry).unwrap_or_default();
        announce(shared, id, "finished", &members, None);
        if removed {
            announce(shared, id, "removed", &json!({}), None);
        }
        if let Some(done) = running.done {
            let _ = done.send(());
        }
        stored
    }
}

/// Books how a run ended in the job and as an entry of its log.
fn book(job: &mut CronJob, running: &Running, outcome: &Outcome, now_ms: i64) -> CronRunEntry {
    let failed = outcome.error.is_some();
    let status = if failed { "error" } else { "ok" };
    let failures = job.state.consecutive_errors.unwrap_or_default();
    job.state.running_at_ms = None;
    job.state.last_run_at_ms = Some(running.at_ms);
    job.state.last_status = Some(status.to_owned());
    job.state.last_error.clone_from(&outcome.error);
    job.state.last_duration_ms = Some(now_ms - running.at_ms);
    job.state.last_delivery_status = Some(outcome.delivery.to_owned());
    job.state.last_delivery_error.clone_from(&outcome.delivery_error);
    job.state.consecutive_errors = Some(if failed { failures + 1 } else { 0 });
    job.updated_at_ms = now_ms;
    if running.scheduled {
        job.state.next_run_at_ms = schedule::plan(job, now_ms);
        // What happens once is over, however it went: it shall not be tried again unasked.
        job.enabled &= job.state.next_run_at_ms.is_some();
    }
    CronRunEntry {
        ts: now_ms,
        job_id: job.id.clone(),
        action: "finished".to_owned(),
        status: status.to_owned(),
        completion_status: Some(if failed { "failed" } else { "succeeded" }.to_owned()),
        error: outcome.error.clone(),
        summary: outcome.summary.clone(),
        run_id: running.run_id.clone(),
        run_at_ms: running.at_ms,
        duration_ms: now_ms - running.at_ms,
        next_run_at_ms: job.state.next_run_at_ms,
        session_key: outcome.session_key.clone(),
        delivery_status: Some(outcome.delivery.to_owned()),
        job_name: Some(job.name.clone()),
    }
}

/// Runs a job and books how it went, whatever happens inside.
async fn carry_out(shared: Arc<Shared>, job: CronJob, run_id: String) {
    let outcome = guarded(execute::run(&shared, &job, &run_id)).await;
    info!(run = run_id, error = outcome.error, "job ended");
    if let Err(error) = shared.cron.end(&shared, &job.id, outcome).await {
        warn!(error = error.message, "the end of a job was not recorded");
    }
}

async fn guarded(work: impl Future<Output = Outcome>) -> Outcome {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        Outcome::failed("the gateway failed inside this job; its log says where".to_owned())
    })
}

/// Starts jobs when their time comes, until the gateway stops.
pub(crate) async fn follow(shared: Arc<Shared>) {
    let cron = &shared.cron;
    loop {
        let pause = match cron.turn(&shared).await {
            Ok(pause) => pause,
            Err(error) => {
                warn!(error = error.message, "jobs wait for a minute");
                Some(MINUTE)
            }
        };
        let sleep = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = cron.nudge.notified() => {}
            () = sleep => {}
        }
    }
}

/// Whether jobs run by themselves.
pub(crate) fn enabled(shared: &Shared) -> bool {
    let settings = shared.settings();
    settings.config().cron.enabled && settings.loaded.env.product("SKIP_CRON").is_none()
}

/// The job as a generation knows it.
pub(crate) fn shown(job: CronJob, generation: Generation) -> CronJob {
    job::shown(job, generation)
}

/// Where the answer of a job will go, in words.
pub(crate) fn preview(job: &CronJob) -> CronDeliveryPreview {
    job::preview(job)
}

/// Changes with any of `jobs`.
pub(crate) fn revision(jobs: &[CronJob]) -> String {
    let seen = |job: &CronJob| json!([job.id, job.enabled, job.schedule, job.updated_at_ms]);
    job::digest(&jobs.iter().map(seen).collect())
}

/// Tells everybody who may read that something has happened to a job.
pub(crate) fn announce(
    shared: &Shared,
    id: &str,
    action: &str,
    members: &Value,
    job: Option<&CronJob>,
) {
    let event = Broadcast {
        audience: Audience::Scope(Scope::Read),
        droppable: true,
        ..Broadcast::new("cron")
    };
    shared.hub.publish(&event, |generation| {
        let mut payload = Map::new();
        payload.insert("jobId".into(), json!(id));
        payload.insert("action".into(), json!(action));
        if let (Generation::V4, Some(job)) = (generation, job) {
            let shown = job::shown(job.clone(), generation);
            payload.insert("job".into(), json!(shown));
        }
        if let Some(next) = job.and_then(|job| job.state.next_run_at_ms) {
            payload.insert("nextRunAtMs".into(), json!(next));
        }
        if let Some(members) = members.as_object() {
            payload.extend(members.clone());
        }
        payload
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_has_failed() {
        let outcome = guarded(async { panic!("boom") }).await;
        assert!(outcome.error.is_some_and(|error| error.contains("failed inside this job")));
    }
}
