//! Jobs: made from what somebody sent, kept in one way, shown in each generation's.

use clawdbot_agent::{ModelRef, ThinkingLevel};
use clawdbot_protocol::{
    CronAddParams, CronDelivery, CronDeliveryMode, CronDeliveryPreview, CronJob, CronPayload,
    CronSchedule, CronState, Generation, RpcError, SessionKey,
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::schedule;
use super::webhook;
use crate::settings::Settings;

/// Members of a job that `cron.update` may change.
const CHANGEABLE: [&str; 11] = [
    "name",
    "agentId",
    "description",
    "enabled",
    "deleteAfterRun",
    "schedule",
    "sessionTarget",
    "wakeMode",
    "payload",
    "isolation",
    "delivery",
];
/// Of these, the ones whose absent members stay.
const MERGED: [&str; 3] = ["payload", "isolation", "delivery"];

/// A new job from the params of `cron.add`.
pub(super) fn create(
    params: CronAddParams,
    settings: &Settings,
    now_ms: i64,
) -> Result<CronJob, RpcError> {
    let target = match (params.session_target.as_deref(), &params.payload) {
        (Some("current"), _) => current(&params, settings),
        (Some(target), _) => target.to_owned(),
        (None, CronPayload::AgentTurn { .. }) => "isolated".to_owned(),
        (None, _) => "main".to_owned(),
    };
    let schedule = schedule::accept(params.schedule, now_ms, now_ms)?;
    let id = uuid::Uuid::new_v4().to_string();
    let job = CronJob {
        agent_id: params.agent_id,
        description: params.description,
        enabled: params.enabled.unwrap_or(true),
        delete_after_run: params.delete_after_run,
        session_target: target,
        wake_mode: params.wake_mode,
        isolation: params.isolation,
        delivery: params.delivery,
        ..CronJob::new(id, params.name, schedule, params.payload, now_ms)
    };
    let mut job = checked(job, settings)?;
    job.state.next_run_at_ms = schedule::plan(&job, now_ms);
    Ok(job)
}

/// The conversation a job belongs to whose maker said `current`.
fn current(params: &CronAddParams, settings: &Settings) -> String {
    let agent = params.agent_id.as_deref().unwrap_or(settings.agents.default_id());
    let main = || SessionKey::main(agent, &settings.keys).to_string();
    format!("session:{}", params.session_key.clone().unwrap_or_else(main))
}

/// The job after `cron.update`.
pub(super) fn change(
    job: &CronJob,
    patch: Map<String, Value>,
    settings: &Settings,
    now_ms: i64,
) -> Result<CronJob, RpcError> {
    let mut whole = encode(job)?;
    let rescheduled = patch.contains_key("schedule");
    for (name, value) in patch.into_iter().filter(|(name, _)| CHANGEABLE.contains(&name.as_str())) {
        match (whole.get_mut(&name), value) {
            (_, Value::Null) => drop(whole.shift_remove(&name)),
            (Some(Value::Object(old)), Value::Object(new)) if MERGED.contains(&name.as_str()) => {
                merge(old, new);
            }
            (_, value) => drop(whole.insert(name, value)),
        }
    }
    let mut changed: CronJob = serde_json::from_value(Value::Object(whole))
        .map_err(|error| RpcError::invalid(format!("invalid cron.update params: {error}")))?;
    limits(&changed)?;
    changed.schedule = match rescheduled {
        true => schedule::accept(changed.schedule, now_ms, now_ms)?,
        false => schedule::canonical(changed.schedule, job.created_at_ms)?,
    };
    let mut changed = checked(changed, settings)?;
    changed.updated_at_ms = now_ms;
    if changed.enabled != job.enabled || rescheduled {
        changed.state.schedule_activated_at_ms = Some(now_ms);
        changed.state.consecutive_errors = Some(0);
        changed.state.next_run_at_ms = schedule::plan(&changed, now_ms);
    }
    Ok(changed)
}

/// Puts `new` over `old`; a payload of another kind replaces the old one.
fn merge(old: &mut Map<String, Value>, new: Map<String, Value>) {
    if new.get("kind").is_some_and(|kind| old.get("kind") != Some(kind)) {
        *old = new;
        return;
    }
    for (name, value) in new {
        match value {
            Value::Null => drop(old.shift_remove(&name)),
            value => drop(old.insert(name, value)),
        }
    }
}

/// What the schema of `cron.add` limits, for what a patch has put together.
fn limits(job: &CronJob) -> Result<(), RpcError> {
    let value = Value::Object(encode(job)?);
    match CHECK.params("cron.update", &value.to_string()) {
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

static CHECK: clawdbot_protocol::Checker<CronAddParams> = clawdbot_protocol::Checker::new();

/// A job as the database has it. Jobs of generation 3 (`cron/jobs.json`) are read as well.
pub(super) fn read(body: Value) -> Result<CronJob, RpcError> {
    let mut job: CronJob = serde_json::from_value(body)
        .map_err(|error| RpcError::invalid(format!("it cannot be read: {error}")))?;
    job.schedule = schedule::canonical(job.schedule, job.created_at_ms)?;
    Ok(with_delivery(job))
}

/// Everything a job has to fulfil, with delivery in one way.
fn checked(job: CronJob, settings: &Settings) -> Result<CronJob, RpcError> {
    let mut job = with_delivery(job);
    if let Some(id) = &mut job.agent_id {
        *id = id.to_ascii_lowercase();
        if settings.agents.get(id).is_none() {
            return Err(RpcError::invalid(format!("unknown agent id \"{id}\""))
                .with_details(json!({"code": "UNKNOWN_AGENT_ID", "agentId": id})));
        }
    }
    match (job.session_target.as_str(), &job.payload) {
        (_, CronPayload::Heartbeat {}) => {
            return Err(RpcError::invalid(
                "heartbeats are set in the configuration (agents.defaults.heartbeat)",
            ));
        }
        ("main", CronPayload::SystemEvent { text }) if !text.trim().is_empty() => {}
        ("main", CronPayload::SystemEvent { .. }) => {
            return Err(RpcError::invalid("payload.text must say something"));
        }
        ("main", _) => {
            return Err(RpcError::invalid("main cron jobs require payload.kind=\"systemEvent\""));
        }
        (target, CronPayload::AgentTurn { message, model, thinking, .. }) => {
            session(target, settings)?;
            turn(message, model.as_deref(), thinking.as_deref())?;
        }
        (target, _) => {
            session(target, settings)?;
            return Err(RpcError::invalid("isolated cron jobs require payload.kind=\"agentTurn\""));
        }
    }
    match &job.delivery {
        Some(CronDelivery { mode: CronDeliveryMode::Webhook, to, .. }) => {
            webhook::address(to.as_deref()).map(|_| job)
        }
        _ => Ok(job),
    }
}

fn session(target: &str, settings: &Settings) -> Result<(), RpcError> {
    match target.strip_prefix("session:") {
        None if target == "isolated" => Ok(()),
        None => {
            Err(RpcError::invalid("sessionTarget must be main, isolated, current or session:<key>"))
        }
        Some(raw) => {
            let key = SessionKey::resolve(raw, &settings.keys)
                .map_err(|error| RpcError::invalid(format!("sessionTarget: {error}")))?;
            let agent = key.agent(&settings.keys);
            match settings.agents.get(agent) {
                Some(_) => Ok(()),
                None => Err(RpcError::invalid(format!("unknown agent id \"{agent}\""))),
            }
        }
    }
}

fn turn(message: &str, model: Option<&str>, thinking: Option<&str>) -> Result<(), RpcError> {
    if message.trim().is_empty() {
        return Err(RpcError::invalid("payload.message must say something"));
    }
    if let Some(model) = model.filter(|model| !model.is_empty()) {
        model
            .parse::<ModelRef>()
            .map_err(|error| RpcError::invalid(format!("payload.model: {error}")))?;
    }
    if let Some(level) = thinking.filter(|level| !level.is_empty()) {
        level
            .parse::<ThinkingLevel>()
            .map_err(|error| RpcError::invalid(format!("payload.thinking: {error}")))?;
    }
    Ok(())
}

/// Moves generation 3's delivery members out of the payload.
fn with_delivery(mut job: CronJob) -> CronJob {
    let CronPayload::AgentTurn { deliver, channel, to, best_effort_deliver, .. } = &mut job.payload
    else {
        return job;
    };
    let (deliver, channel, to) = (deliver.take(), channel.take(), to.take());
    let best_effort = best_effort_deliver.take();
    if job.delivery.is_none()
        && (deliver.is_some() || channel.is_some() || to.is_some() || best_effort.is_some())
    {
        let wanted = deliver.unwrap_or(to.is_some());
        let mode = if wanted { CronDeliveryMode::Announce } else { CronDeliveryMode::None };
        job.delivery = Some(CronDelivery { mode, channel, to, best_effort });
    }
    job
}

/// The job as a generation knows it.
pub(super) fn shown(mut job: CronJob, generation: Generation) -> CronJob {
    match generation {
        Generation::V3 => {
            job.state = CronState {
                next_run_at_ms: job.state.next_run_at_ms,
                running_at_ms: job.state.running_at_ms,
                last_run_at_ms: job.state.last_run_at_ms,
                last_status: job.state.last_status,
                last_error: job.state.last_error,
                last_duration_ms: job.state.last_duration_ms,
                ..CronState::default()
            };
            if let (
                Some(delivery),
                CronPayload::AgentTurn { deliver, channel, to, best_effort_deliver, .. },
            ) = (job.delivery.take(), &mut job.payload)
            {
                *deliver = Some(delivery.mode != CronDeliveryMode::None);
                *channel = delivery.channel;
                *to = delivery.to;
                *best_effort_deliver = delivery.best_effort;
            }
        }
        Generation::V4 => {
            if let CronSchedule::At { at_ms, at } = &mut job.schedule {
                *at = at_ms.take().map(schedule::iso);
            }
            job.config_revision = Some(revision(&job));
            job.state.last_run_status.clone_from(&job.state.last_status);
            job.next_run_at_ms = job.state.next_run_at_ms;
            job.last_run_at_ms = job.state.last_run_at_ms;
            job.last_run_status.clone_from(&job.state.last_status);
            job.last_delivery_status.clone_from(&job.state.last_delivery_status);
        }
    }
    job
}

/// Changes with the job's settings, not with its runs.
fn revision(job: &CronJob) -> String {
    let mut whole = encode(job).unwrap_or_default();
    whole.retain(|name, _| CHANGEABLE.contains(&name.as_str()));
    digest(&Value::Object(whole))
}

/// `sha256:` and the digest of a value.
pub(super) fn digest(value: &Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let digest = Sha256::digest(value.to_string().as_bytes());
    format!("sha256:{}", URL_SAFE_NO_PAD.encode(digest))
}

/// Where the answer of a job will go, in words.
pub(super) fn preview(job: &CronJob) -> CronDeliveryPreview {
    let (label, detail) = match &job.delivery {
        Some(CronDelivery { mode: CronDeliveryMode::Announce, channel, .. }) => {
            let channel = channel.as_deref().filter(|name| *name != "last");
            let label = channel.unwrap_or("main conversation");
            (label.to_owned(), format!("announced in the {label}"))
        }
        Some(CronDelivery { mode: CronDeliveryMode::Webhook, to, .. }) => {
            let url = webhook::address(to.as_deref()).ok();
            let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
            ("webhook".to_owned(), format!("posted to {host}"))
        }
        _ => ("not requested".to_owned(), "not requested".to_owned()),
    };
    CronDeliveryPreview { label, detail }
}

/// The job's members.
pub(super) fn encode(job: &CronJob) -> Result<Map<String, Value>, RpcError> {
    match serde_json::to_value(job) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(RpcError::unavailable("the job cannot be encoded")),
    }
}
