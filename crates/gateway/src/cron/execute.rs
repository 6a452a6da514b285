//! One run of a job.

use std::sync::Arc;
use std::time::Duration;

use clawdbot_protocol::{
    CronDelivery, CronDeliveryMode, CronJob, CronPayload, CronWakeMode, RpcError, SessionKey,
};
use clawdbot_store::RunStatus;
use serde_json::json;

use super::webhook;
use crate::rows::shorten;
use crate::runs::Ended;
use crate::shared::Shared;
use crate::submit::{Sender, Submission, Unattended};

/// Characters of an answer that are kept as its summary.
const SUMMARY: usize = 2_000;

/// How a run went.
pub(super) struct Outcome {
    pub(super) error: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) session_key: Option<String>,
    /// `not-requested`, `delivered` or `not-delivered`.
    pub(super) delivery: &'static str,
    pub(super) delivery_error: Option<String>,
}

impl Outcome {
    /// A run that came to nothing.
    pub(super) fn failed(error: String) -> Self {
        Self {
            error: Some(error),
            summary: None,
            session_key: None,
            delivery: "not-requested",
            delivery_error: None,
        }
    }
}

/// Does what the job says.
pub(super) async fn run(shared: &Arc<Shared>, job: &CronJob, run_id: &str) -> Outcome {
    let done = match &job.payload {
        CronPayload::SystemEvent { text } => tell_main(shared, job, text).await,
        CronPayload::AgentTurn { .. } => ask_agent(shared, job, run_id).await,
        CronPayload::Heartbeat {} => Err(RpcError::invalid("a heartbeat is no stored job")),
    };
    done.unwrap_or_else(|error| Outcome::failed(error.message))
}

fn agent_id(shared: &Shared, job: &CronJob) -> Result<String, RpcError> {
    let settings = shared.settings();
    let id = job.agent_id.as_deref().unwrap_or(settings.agents.default_id());
    match settings.agents.get(id) {
        Some(agent) => Ok(agent.id.clone()),
        None => Err(RpcError::invalid(format!("the agent \"{id}\" no longer exists"))),
    }
}

fn main_key(shared: &Shared, job: &CronJob) -> Result<SessionKey, RpcError> {
    Ok(SessionKey::main(&agent_id(shared, job)?, &shared.settings().keys))
}

async fn tell_main(shared: &Arc<Shared>, job: &CronJob, text: &str) -> Result<Outcome, RpcError> {
    let key = main_key(shared, job)?;
    shared.system_events.push(shared, &key, text).await?;
    if job.wake_mode == CronWakeMode::Now {
        shared.heartbeats.wake(key.clone());
    }
    Ok(Outcome {
        error: None,
        summary: Some(shorten(text, SUMMARY)),
        session_key: Some(key.to_string()),
        delivery: "not-requested",
        delivery_error: None,
    })
}

/// Lets the agent answer, in the conversation the job says, and passes the answer on.
async fn ask_agent(shared: &Arc<Shared>, job: &CronJob, run_id: &str) -> Result<Outcome, RpcError> {
    let key = conversation(shared, job).await?;
    let ended = answer(shared, job, run_id, key.clone()).await?;
    let error = match ended.status {
        RunStatus::Ok => None,
        RunStatus::Error => Some(ended.error.unwrap_or_else(|| "the run failed".to_owned())),
        _ => Some(match ended.stop_reason.as_deref() {
            Some("timeout") => "the run took too long and was stopped".to_owned(),
            Some("shutdown") => {
                "the gateway stopped during this run; it is not repeated".to_owned()
            }
            _ => "the run was stopped".to_owned(),
        }),
    };
    let text = ended.text.trim();
    let summary = (!text.is_empty()).then(|| text.chars().take(SUMMARY).collect::<String>());
    let mut outcome =
        Outcome { summary, session_key: Some(key.to_string()), ..Outcome::failed(String::new()) };
    outcome.error = error;
    if outcome.error.is_none() && !text.is_empty() {
        deliver(shared, job, &key, text, &mut outcome).await?;
    }
    Ok(outcome)
}

/// The conversation of a run. An isolated one starts over each time: what earlier runs said stays in
/// the database and costs nothing.
async fn conversation(shared: &Arc<Shared>, job: &CronJob) -> Result<SessionKey, RpcError> {
    let agent = agent_id(shared, job)?;
    let keys = &shared.settings().keys;
    let resolve = |raw: &str| {
        SessionKey::resolve(raw, keys).map_err(|error| RpcError::invalid(error.to_string()))
    };
    if let Some(raw) = job.session_target.strip_prefix("session:") {
        return resolve(raw);
    }
    let key = resolve(&format!("agent:{agent}:cron:{}", job.id))?;
    shared.start_over(&key).await?;
    Ok(key)
}

async fn answer(
    shared: &Arc<Shared>,
    job: &CronJob,
    run_id: &str,
    key: SessionKey,
) -> Result<Ended, RpcError> {
    let CronPayload::AgentTurn { message, model, thinking, timeout_seconds, .. } = &job.payload
    else {
        return Err(RpcError::invalid("the job asks nothing"));
    };
    let model = model.as_deref().filter(|model| !model.is_empty()).map(str::parse).transpose();
    let model = model
        .map_err(|error: clawdbot_agent::InvalidModelRef| RpcError::invalid(error.to_string()))?;
    let submission = Submission {
        requested_key: key.to_string(),
        key,
        message: message.clone(),
        run_id: run_id.to_owned(),
        attachments: Vec::new(),
        thinking: thinking.clone(),
        timeout: timeout_seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs),
        extra_prompt: Some(
            "The user's message was sent by a scheduled job; nobody is waiting at the keyboard. \
             Do what it asks and answer with the result."
                .to_owned(),
        ),
        sender: Sender { id: "cron".into(), mode: "cron".into(), name: Some(job.name.clone()) },
    };
    submission.answered(shared, Unattended { model, quiet: false }).await
}

/// Passes an answer on, as generation 4 (`delivery`) or 3 (`isolation`) wants it.
async fn deliver(
    shared: &Arc<Shared>,
    job: &CronJob,
    from: &SessionKey,
    text: &str,
    outcome: &mut Outcome,
) -> Result<(), RpcError> {
    let main = main_key(shared, job)?;
    if let Some(isolation) = &job.isolation {
        let prefix = isolation.post_to_main_prefix.as_deref().unwrap_or("Cron");
        let summary = format!("{prefix}: {}", text.chars().take(SUMMARY).collect::<String>());
        shared.system_events.push(shared, &main, &summary).await?;
        if job.wake_mode == CronWakeMode::Now {
            shared.heartbeats.wake(main.clone());
        }
    }
    let Some(delivery) = &job.delivery else {
        return Ok(());
    };
    let delivered = match (delivery.mode, delivery.channel.as_deref()) {
        (CronDeliveryMode::None, _) => return Ok(()),
        (CronDeliveryMode::Webhook, _) => post(shared, job, delivery, from, text).await,
        (CronDeliveryMode::Announce, None | Some("" | "last" | "webchat")) => {
            if main != *from {
                shared.inject(&main, text).await?;
            }
            Ok(())
        }
        (CronDeliveryMode::Announce, Some(channel)) => {
            Err(format!("the channel \"{channel}\" is not connected to this gateway"))
        }
    };
    match delivered {
        Ok(()) => outcome.delivery = "delivered",
        Err(error) => {
            outcome.delivery = "not-delivered";
            outcome.delivery_error = Some(error.clone());
            if delivery.best_effort != Some(true) {
                outcome.error = Some(error);
            }
        }
    }
    Ok(())
}

/// The members are those of the `cron` event of a run that went well, with the whole answer.
async fn post(
    shared: &Shared,
    job: &CronJob,
    delivery: &CronDelivery,
    from: &SessionKey,
    text: &str,
) -> Result<(), String> {
    let url = webhook::address(delivery.to.as_deref()).map_err(|error| error.message)?;
    let body = json!({
        "jobId": job.id,
        "name": job.name,
        "action": "finished",
        "status": "ok",
        "summary": text.chars().take(SUMMARY).collect::<String>(),
        "text": text,
        "sessionKey": from,
        "ts": shared.now_ms(),
    });
    let private = shared.settings().config().cron.webhook_private_hosts.clone();
    webhook::post(url, &body, &private).await
}
