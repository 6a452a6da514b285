//! Scheduled jobs, their parameters and results (protocol §14.9).
//!
//! One type serves both generations: 3 writes `schedule.atMs` and puts the delivery members into the
//! payload, 4 writes `schedule.at` and a `delivery` block. Both are accepted from everybody.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A scheduled job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronJob {
    /// Its id.
    pub id: String,
    /// What it stands for, when the gateway itself keeps it (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration_key: Option<String>,
    /// A name for people, when the gateway itself keeps it (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The agent that works on it; the default one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// Whether it is removed once it has run well; only for `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_run: Option<bool>,
    /// When it was made, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// When it was last changed or run.
    pub updated_at_ms: i64,
    /// When it runs.
    pub schedule: CronSchedule,
    /// `main`, `isolated` or `session:<key>`.
    pub session_target: String,
    /// Whether a `main` job waits for the next heartbeat.
    pub wake_mode: CronWakeMode,
    /// What it does.
    pub payload: CronPayload,
    /// How an isolated job reports to the main conversation (generation 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<CronIsolation>,
    /// Where its answer goes (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<CronDelivery>,
    /// How it fares.
    #[serde(default)]
    pub state: CronState,
    /// Changes with the job's settings (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_revision: Option<String>,
    /// The same as `state.nextRunAtMs` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    /// The same as in `state` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_at_ms: Option<i64>,
    /// The same as `state.lastStatus` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_status: Option<String>,
    /// The same as in `state` (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_delivery_status: Option<String>,
    /// The agent that works on it, filled in (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_agent_id: Option<String>,
    /// Where its answer will go, in words (generation 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_preview: Option<CronDeliveryPreview>,
}

/// When a job runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CronSchedule {
    /// Once. One of the two members is needed.
    At {
        /// Milliseconds since the epoch (generation 3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_ms: Option<i64>,
        /// ISO 8601; UTC unless it says otherwise (generation 4).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 64))]
        at: Option<String>,
    },
    /// Again and again.
    Every {
        /// The time between two runs.
        #[schemars(range(min = 1, max = 315_360_000_000_i64))]
        every_ms: i64,
        /// A time at which it runs; when it was made, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0))]
        anchor_ms: Option<i64>,
    },
    /// By the calendar.
    Cron {
        /// Five fields (minute, hour, day, month, weekday), or six with seconds first.
        #[schemars(length(min = 1, max = 256))]
        expr: String,
        /// IANA time zone; the computer's when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1, max = 64))]
        tz: Option<String>,
        /// The job runs up to so much later, always by the same amount.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0, max = 86_400_000))]
        stagger_ms: Option<i64>,
    },
}

/// Whether a `main` job waits for the next heartbeat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CronWakeMode {
    /// It waits for the next heartbeat or message.
    #[default]
    NextHeartbeat,
    /// A heartbeat begins at once.
    Now,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CronPayload {
    /// Tells the main conversation something.
    SystemEvent {
        /// What it is told.
        #[schemars(length(min = 1, max = 20_000))]
        text: String,
    },
    /// Asks the agent in a conversation of its own.
    AgentTurn {
        /// What it is asked.
        #[schemars(length(min = 1, max = 20_000))]
        message: String,
        /// Model to use, as `provider/model`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 256))]
        model: Option<String>,
        /// How much to think.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 32))]
        thinking: Option<String>,
        /// Stop after so long; 0 means as configured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0, max = 86_400))]
        timeout_seconds: Option<u64>,
        /// Whether the answer is delivered (generation 3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deliver: Option<bool>,
        /// Channel it is delivered to (generation 3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 64))]
        channel: Option<String>,
        /// Receiver it is delivered to (generation 3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 512))]
        to: Option<String>,
        /// Whether a failed delivery is no failure of the job (generation 3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        best_effort_deliver: Option<bool>,
    },
    /// A heartbeat; the gateway keeps such a job by itself.
    Heartbeat {},
}

/// How an isolated job reports to the main conversation (generation 3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronIsolation {
    /// What its summary begins with; `Cron` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub post_to_main_prefix: Option<String>,
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronDelivery {
    /// Whether it goes anywhere.
    pub mode: CronDeliveryMode,
    /// Channel; `last` or absent is the agent's main conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub channel: Option<String>,
    /// Receiver on that channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub to: Option<String>,
    /// Whether a failed delivery is no failure of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_effort: Option<bool>,
}

/// Whether an answer goes anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CronDeliveryMode {
    /// It stays in the job's conversation.
    None,
    /// It is told.
    Announce,
    /// It is sent to an address; refused by this gateway.
    Webhook,
}

/// How a job fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CronState {
    /// When it was last switched on or off (generation 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_activated_at_ms: Option<i64>,
    /// When it runs next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    /// When the run under way began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_at_ms: Option<i64>,
    /// When the last run began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_at_ms: Option<i64>,
    /// The same as `lastStatus` (generation 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_status: Option<String>,
    /// `ok` or `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// How long the last run took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_duration_ms: Option<i64>,
    /// `not-requested`, `delivered` or `not-delivered` (generation 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_status: Option<String>,
    /// Why the answer was not delivered (generation 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_error: Option<String>,
    /// Failures in a row (generation 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_errors: Option<u32>,
}

/// Where an answer will go, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CronDeliveryPreview {
    /// In a few words.
    pub label: String,
    /// In more words.
    pub detail: String,
}

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
    pub delivery_previews: Option<std::collections::BTreeMap<String, CronDeliveryPreview>>,
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
