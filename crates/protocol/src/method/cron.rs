//! Scheduled jobs (protocol §14.9).
//!
//! One type serves both generations: 3 writes `schedule.atMs` and puts the delivery members into the
//! payload, 4 writes `schedule.at` and a `delivery` block. Both are accepted from everybody.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl CronJob {
    /// A job made at `now_ms` that is on and has not run; for the main conversation.
    pub fn new(
        id: String,
        name: String,
        schedule: CronSchedule,
        payload: CronPayload,
        now_ms: i64,
    ) -> Self {
        Self {
            id,
            declaration_key: None,
            display_name: None,
            agent_id: None,
            name,
            description: None,
            enabled: true,
            delete_after_run: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            schedule,
            session_target: "main".to_owned(),
            wake_mode: CronWakeMode::default(),
            payload,
            isolation: None,
            delivery: None,
            state: CronState::default(),
            config_revision: None,
            next_run_at_ms: None,
            last_run_at_ms: None,
            last_run_status: None,
            last_delivery_status: None,
            effective_agent_id: None,
            delivery_preview: None,
        }
    }
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
    /// Receiver on that channel; the URL of a webhook.
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
    /// It is posted as JSON to the URL in `to`.
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
