//! Starting jobs when their time comes, and booking how they went.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use clawdbot_protocol::{CronJob, CronRunEntry, CronSchedule, RpcError};
use clawdbot_store::DocChange;
use futures_util::FutureExt as _;
use serde_json::json;
use tracing::{Instrument as _, info, warn};

use super::execute::{self, Outcome};
use super::table::{self, Asked, Running, Table};
use super::{Cron, announce, enabled, schedule};
use crate::error::store_error;
use crate::shared::Shared;

/// Longest sleep while there is a job to wait for.
const MINUTE: Duration = Duration::from_secs(60);

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

impl Cron {
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
        job.state.last_run_at_ms = Some(now_ms);
        if scheduled {
            job.state.next_run_at_ms = schedule::plan(&job, now_ms);
        }
        let stored = shared.store.change_docs(vec![table::put(&job)?]).await;
        if let Err(error) = stored {
            table.asked.extend(asked);
            return Err(store_error(error));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_has_failed() {
        let outcome = guarded(async { panic!("boom") }).await;
        assert!(outcome.error.is_some_and(|error| error.contains("failed inside this job")));
    }
}
