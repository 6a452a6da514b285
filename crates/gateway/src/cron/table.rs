//! All jobs with what is under way, as the database has them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use clawdbot_protocol::{CronJob, CronRunEntry, RpcError};
use clawdbot_store::{DocChange, Store};
use serde_json::Value;
use tokio::sync::oneshot;
use tracing::warn;

use super::{job, schedule};
use crate::error::store_error;

/// Kind of the documents that hold jobs. A document may also be a job of generation 3's
/// `cron/jobs.json` as it is.
pub(crate) const JOBS: &str = "cron";
/// Runs remembered of each job.
pub(super) const MAX_RUNS: u32 = 200;

/// All jobs, and what is under way.
#[derive(Default)]
pub(super) struct Table {
    pub(super) jobs: BTreeMap<String, CronJob>,
    /// Runs somebody asked for, in order; at most one of each job.
    pub(super) asked: VecDeque<Asked>,
    /// What runs, by job.
    pub(super) running: HashMap<String, Running>,
    /// The latest time seen.
    pub(super) seen_ms: i64,
}

/// A run somebody asked for.
pub(super) struct Asked {
    pub(super) job_id: String,
    pub(super) run_id: String,
    pub(super) done: oneshot::Sender<()>,
}

/// A run under way.
pub(super) struct Running {
    pub(super) run_id: String,
    pub(super) at_ms: i64,
    /// Whether it is the run the schedule wanted, not one before its time.
    pub(super) scheduled: bool,
    pub(super) done: Option<oneshot::Sender<()>>,
}

impl Table {
    /// Reads the jobs and settles what the last process left behind: a run that was under way is
    /// over and is not repeated; of runs that were missed one is made up for.
    pub(super) async fn load(store: &Store, now_ms: i64) -> Result<Self, RpcError> {
        let mut table = Self { seen_ms: now_ms, ..Self::default() };
        for (id, body) in store.list_docs(JOBS).await.map_err(store_error)? {
            match job::read(body) {
                Ok(job) => drop(table.jobs.insert(id, job)),
                Err(error) => warn!(job = id, error = error.message, "a stored job is left out"),
            }
        }
        let mut changes = Vec::new();
        for job in table.jobs.values_mut() {
            if let Some(at_ms) = job.state.running_at_ms.take() {
                let entry = interrupted(job, at_ms, now_ms);
                changes.extend(log(&entry, 0)?);
            } else if job.state.next_run_at_ms.is_none_or(|next| next > now_ms) {
                job.state.next_run_at_ms = schedule::plan(job, now_ms);
                continue;
            } else {
                continue;
            }
            changes.push(put(job)?);
        }
        if !changes.is_empty() {
            store.change_docs(changes).await.map_err(store_error)?;
        }
        Ok(table)
    }

    /// Plans anew when the clock was set back: what was planned is too far ahead.
    pub(super) fn look_at_clock(&mut self, now_ms: i64) {
        if now_ms + schedule::SLACK_MS < self.seen_ms {
            warn!(by_ms = self.seen_ms - now_ms, "the clock was set back; jobs are planned anew");
            for job in self.jobs.values_mut() {
                job.state.next_run_at_ms = schedule::plan(job, now_ms);
            }
        }
        self.seen_ms = now_ms;
    }

    /// The job to start now: one that was asked for, else the one that has been due longest.
    pub(super) fn take_due(
        &mut self,
        now_ms: i64,
        enabled: bool,
    ) -> Option<(String, Option<Asked>)> {
        let Self { asked, running, jobs, .. } = self;
        let free = |id: &str| !running.contains_key(id) && jobs.contains_key(id);
        asked.retain(|asked| jobs.contains_key(&asked.job_id));
        if let Some(at) = asked.iter().position(|asked| free(&asked.job_id)) {
            let asked = asked.remove(at)?;
            return Some((asked.job_id.clone(), Some(asked)));
        }
        let due = jobs.values().filter(|job| enabled && free(&job.id)).filter_map(|job| {
            let next = job.state.next_run_at_ms.filter(|next| job.enabled && *next <= now_ms)?;
            Some((next, &job.id))
        });
        due.min().map(|(_, id)| (id.clone(), None))
    }

    /// When the next job is due that is not running.
    pub(super) fn next_ms(&self) -> Option<i64> {
        let idle =
            self.jobs.values().filter(|job| job.enabled && !self.running.contains_key(&job.id));
        idle.filter_map(|job| job.state.next_run_at_ms).min()
    }
}

/// Books a run that ended with its process.
fn interrupted(job: &mut CronJob, at_ms: i64, now_ms: i64) -> CronRunEntry {
    let error = "the gateway stopped during this run; it is not repeated";
    job.state.last_run_at_ms = Some(at_ms);
    job.state.last_status = Some("error".to_owned());
    job.state.last_error = Some(error.to_owned());
    job.state.consecutive_errors = Some(job.state.consecutive_errors.unwrap_or_default() + 1);
    job.state.next_run_at_ms = schedule::plan(job, now_ms);
    if job.state.next_run_at_ms.is_none() {
        job.enabled = false;
    }
    CronRunEntry {
        ts: now_ms,
        job_id: job.id.clone(),
        action: "finished".to_owned(),
        status: "error".to_owned(),
        completion_status: Some("failed".to_owned()),
        error: Some(error.to_owned()),
        summary: None,
        run_id: format!("cron:{}:{at_ms}", job.id),
        run_at_ms: at_ms,
        duration_ms: now_ms - at_ms,
        next_run_at_ms: job.state.next_run_at_ms,
        session_key: None,
        delivery_status: None,
        job_name: Some(job.name.clone()),
    }
}

/// Kind of the documents that hold the runs of a job.
pub(super) fn runs_of(job_id: &str) -> String {
    format!("cron-run:{job_id}")
}

/// The change that stores a job.
pub(super) fn put(job: &CronJob) -> Result<DocChange, RpcError> {
    let body = Value::Object(job::encode(job)?);
    Ok(DocChange::Put { kind: JOBS.to_owned(), id: job.id.clone(), body })
}

/// The changes that remove a job with its runs.
pub(super) fn remove(job_id: &str) -> Vec<DocChange> {
    let runs = DocChange::Trim { kind: runs_of(job_id), keep: 0 };
    vec![DocChange::Delete { kind: JOBS.to_owned(), id: job_id.to_owned() }, runs]
}

/// The changes that add a run to the job's log; the oldest leave it.
pub(super) fn log(entry: &CronRunEntry, count: u64) -> Result<[DocChange; 2], RpcError> {
    let body = serde_json::to_value(entry)
        .map_err(|error| RpcError::unavailable(format!("cannot encode a run: {error}")))?;
    let kind = runs_of(&entry.job_id);
    let id = format!("{:015}-{count:09}", entry.ts);
    Ok([DocChange::Put { kind: kind.clone(), id, body }, DocChange::Trim { kind, keep: MAX_RUNS }])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    fn hourly(id: &str, next_ms: i64) -> CronJob {
        job::read(json!({
            "id": id, "name": id, "enabled": true, "createdAtMs": DAY, "updatedAtMs": DAY,
            "schedule": {"kind": "every", "everyMs": HOUR}, "sessionTarget": "main",
            "wakeMode": "now", "payload": {"kind": "systemEvent", "text": "t"},
            "state": {"nextRunAtMs": next_ms},
        }))
        .unwrap()
    }

    fn table(jobs: &[CronJob], now_ms: i64) -> Table {
        let jobs = jobs.iter().map(|job| (job.id.clone(), job.clone())).collect();
        Table { jobs, seen_ms: now_ms, ..Table::default() }
    }

    /// Lets everything that is due run in no time; answers which.
    fn run_due(table: &mut Table, now_ms: i64) -> Vec<String> {
        table.look_at_clock(now_ms);
        let mut ran = Vec::new();
        while let Some((id, _)) = table.take_due(now_ms, true) {
            let job = table.jobs.get_mut(&id).unwrap();
            job.state.last_run_at_ms = Some(now_ms);
            job.state.next_run_at_ms = schedule::plan(job, now_ms);
            ran.push(id);
            assert!(ran.len() < 10, "a storm");
        }
        ran
    }

    #[test]
    fn a_clock_that_jumps_a_day_and_back_causes_neither_storm_nor_silence() {
        let now = 100 * DAY + 5;
        let mut table = table(&[hourly("a", now + HOUR)], now);
        assert_eq!(run_due(&mut table, now), [""; 0]);
        assert_eq!(run_due(&mut table, now + DAY), ["a"], "24 missed hours are one run");
        assert_eq!(run_due(&mut table, now + DAY + 1), [""; 0]);
        assert_eq!(run_due(&mut table, now + 2), [""; 0], "back again");
        let next = table.next_ms().unwrap();
        assert!(next <= now + 2 + HOUR, "{}", next - now);
        assert_eq!(run_due(&mut table, next), ["a"]);
    }

    #[test]
    fn a_clock_corrected_by_seconds_changes_nothing() {
        let now = 100 * DAY;
        let mut table = table(&[hourly("a", now)], now);
        assert_eq!(run_due(&mut table, now), ["a"]);
        assert_eq!(run_due(&mut table, now - 5_000), [""; 0]);
        assert_eq!(run_due(&mut table, now), [""; 0]);
    }

    #[test]
    fn what_has_been_due_longest_comes_first_and_what_was_asked_for_before_it() {
        let now = 100 * DAY;
        let jobs = [hourly("a", now - 1), hourly("b", now - 2), hourly("c", now + HOUR)];
        let mut table = table(&jobs, now);
        let (done, _heard) = oneshot::channel();
        table.asked.push_back(Asked { job_id: "c".into(), run_id: "r".into(), done });
        assert!(matches!(table.take_due(now, true), Some((id, Some(_))) if id == "c"));
        assert!(matches!(table.take_due(now, true), Some((id, None)) if id == "b"));
        assert!(table.take_due(now, false).is_none(), "cron is off");
        let running = Running { run_id: "r".into(), at_ms: now, scheduled: true, done: None };
        table.running.insert("b".into(), running);
        assert!(matches!(table.take_due(now, true), Some((id, None)) if id == "a"));
    }
}
