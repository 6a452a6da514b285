//! Parameters and results of `cron.*` (protocol §14.9).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    CronDelivery, CronDeliveryPreview, CronIsolation, CronJob, CronPayload, CronSchedule,
    CronWakeMode,
};

/// `cron.add`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronAddParams {
    /// Its name.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The agent that works on it; the default one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub agent_id: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2_000))]
    pub description: Option<String>,
    /// Whether it runs by itself (default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it is removed once it has run well; only for `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_run: Option<bool>,
    /// When it runs.
    pub schedule: CronSchedule,
    /// `main`, `isolated`, `current` or `session:<key>`; as the payload needs it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 520))]
    pub session_target: Option<String>,
    /// The conversation that `current` means; the agent's main one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub session_key: Option<String>,
    /// Whether a `main` job waits for the next heartbeat (default).
    #[serde(default)]
    pub wake_mode: CronWakeMode,
    /// What it does.
    pub payload: CronPayload,
    /// How an isolated job reports to the main conversation (generation 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<CronIsolation>,
    /// Where its answer goes (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<CronDelivery>,
}

/// A job by id: `cron.get`, `cron.remove`. Generation 3 clients may say `jobId`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronIdParams {
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub id: Option<String>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub job_id: Option<String>,
}

/// `cron.update`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronUpdateParams {
    /// The job.
    #[serde(flatten)]
    pub job: CronIdParams,
    /// Members to change; `null` clears an optional one, and inside `payload`, `delivery` and
    /// `isolation` absent members stay.
    pub patch: Map<String, Value>,
}

/// `cron.run`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronRunParams {
    /// The job.
    #[serde(flatten)]
    pub job: CronIdParams,
    /// Whether it runs only if its time has come; `due` for generation 3, `force` for 4 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<CronRunMode>,
}

/// Whether a job is to run before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CronRunMode {
    /// Only if its time has come.
    Due,
    /// In any case.
    Force,
}

/// `cron.run`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronRunResult {
    /// Always true.
    pub ok: bool,
    /// Whether it ran (generation 3, and 4 when it did not).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<bool>,
    /// `not-due` or `already-running`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it will run as soon as there is room (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enqueued: Option<bool>,
    /// The run, as `cron.runs` will name it (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Changes with every start of the gateway (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_instance_id: Option<String>,
}

/// `cron.remove`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CronRemoveResult {
    /// Always true.
    pub ok: bool,
    /// Whether there was such a job.
    pub removed: bool,
}

/// `cron.list`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronListParams {
    /// Whether jobs that are switched off are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_disabled: Option<bool>,
    /// The same as a choice (generation 4); it counts more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<CronListEnabled>,
    /// Of one agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Text in the name, the description or what the job says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub query: Option<String>,
    /// Jobs at most (all by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
    /// Jobs to skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// What they are sorted by; the next run when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<CronSortBy>,
    /// Which end comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_dir: Option<CronSortDir>,
    /// Whether `deliveryPreviews` is filled in (default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_delivery_previews: Option<bool>,
}

/// Which jobs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CronListEnabled {
    /// All.
    All,
    /// Those that are on.
    Enabled,
    /// Those that are off.
    Disabled,
}

/// What jobs are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CronSortBy {
    /// When they run next.
    #[default]
    NextRunAtMs,
    /// When they were last changed or run.
    UpdatedAtMs,
    /// Their names.
    Name,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CronSortDir {
    /// The smallest.
    #[default]
    Asc,
    /// The largest.
    Desc,
}

/// `cron.list`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronListResult {
    /// The jobs.
    pub jobs: Vec<CronJob>,
    /// Changes with any of them (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_revision: Option<String>,
    /// Where in all of them this page lies (generation 4).
    #[serde(flatten)]
    pub page: Option<CronPage>,
    /// Where their answers will go, by id (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_previews: Option<BTreeMap<String, CronDeliveryPreview>>,
}

/// A page of a longer list (generation 4).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronPage {
    /// How many there are.
    pub total: usize,
    /// How many were skipped.
    pub offset: usize,
    /// How many the page may hold.
    pub limit: usize,
    /// Whether there are more.
    pub has_more: bool,
    /// The `offset` of the next page.
    pub next_offset: Option<usize>,
}

/// `cron.status`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronStatus {
    /// Whether jobs run by themselves.
    pub enabled: bool,
    /// Whether anything starts by itself (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggers_enabled: Option<bool>,
    /// Where they are kept.
    pub store_path: String,
    /// Always `sqlite` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Where they are kept (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite_path: Option<String>,
    /// How many there are.
    pub jobs: usize,
    /// When the next one runs.
    pub next_wake_at_ms: Option<i64>,
}

/// `cron.runs`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronRunsParams {
    /// The job.
    #[serde(flatten)]
    pub job: CronIdParams,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub limit: Option<usize>,
    /// Entries to skip (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
}

/// `cron.runs`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CronRunsResult {
    /// The runs: the newest first for generation 4, last for 3.
    pub entries: Vec<CronRunEntry>,
    /// Where in all of them this page lies (generation 4).
    #[serde(flatten)]
    pub page: Option<CronPage>,
}

/// A run of a job that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronRunEntry {
    /// When it ended.
    pub ts: i64,
    /// The job.
    pub job_id: String,
    /// Always `finished`.
    pub action: String,
    /// `ok` or `error`.
    pub status: String,
    /// `succeeded` or `failed` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_status: Option<String>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The run.
    pub run_id: String,
    /// When it began.
    pub run_at_ms: i64,
    /// How long it took.
    pub duration_ms: i64,
    /// When the job runs next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    /// The conversation it ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// `not-requested`, `delivered` or `not-delivered` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_status: Option<String>,
    /// The job's name then (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
}
