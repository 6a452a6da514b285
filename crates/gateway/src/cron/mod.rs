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
mod scheduler;
mod table;
mod webhook;

use std::sync::atomic::{AtomicU64, Ordering};

use clawdbot_protocol::{
    CronAddParams, CronDeliveryPreview, CronJob, CronRunEntry, CronRunMode, Generation, RpcError,
    Scope,
};
use serde_json::{Map, Value, json};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, Notify, oneshot};

pub(crate) use self::scheduler::follow;
pub(crate) use self::table::JOBS as KIND;
use self::table::{Asked, Table};
use crate::error::store_error;
use crate::hub::{Audience, Broadcast};
use crate::shared::Shared;

/// Jobs that may exist; another one is refused.
pub(crate) const MAX_JOBS: usize = 500;

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
}

/// Whether a document can be kept as a job.
pub(crate) fn readable(body: &Value) -> Result<(), RpcError> {
    job::read(body.clone()).map(drop)
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
