//! `agent` and `agent.wait` (protocol §14.4).

use std::time::Duration;

use clawdbot_protocol::{AgentParams, AgentWaitParams, Outcome, RpcError, SessionKey};
use clawdbot_store::{RunRecord, RunStatus};
use serde_json::{Map, Value, json};

use super::resolve_known;
use crate::error::store_error;
use crate::router::{Ctx, Reply};
use crate::runs::Ended;
use crate::submit::{Submission, Submitted};

const DEFAULT_WAIT_MS: u64 = 30_000;
/// Longest wait one request may ask for.
const MAX_WAIT_MS: u64 = 24 * 3600 * 1000;

pub(super) async fn agent(ctx: Ctx, params: AgentParams) -> Result<Reply, RpcError> {
    let key = target(&ctx, &params)?;
    let run_id = params.idempotency_key.clone();
    let submission = Submission {
        key: key.clone(),
        requested_key: params.session_key.unwrap_or_else(|| key.to_string()),
        message: params.message,
        run_id: params.idempotency_key,
        attachments: params.attachments.unwrap_or_default(),
        thinking: params.thinking,
        timeout: params.timeout.filter(|s| *s > 0).map(Duration::from_secs),
        extra_prompt: params.extra_system_prompt,
        sender: ctx.peer.as_ref().into(),
    };
    let accepted = json!({
        "runId": run_id,
        "sessionKey": key,
        "agentId": key.agent(&ctx.gateway.settings().keys),
        "status": "accepted",
        "acceptedAt": ctx.gateway.now_ms(),
    });
    match submission.accept(&ctx.gateway).await? {
        Submitted::Started(started) => {
            let live = started.live.clone();
            Ok(Reply::ok(&accepted)?.then(move || {
                let gateway = ctx.gateway.clone();
                started.go(&gateway);
                gateway.tasks.spawn(async move {
                    if let Some(ended) = live.ended().await {
                        let outcome = second_answer(&run_id, &key, &ended);
                        ctx.peer.outbox.respond(&ctx.request_id, &outcome);
                    }
                });
            }))
        }
        Submitted::InFlight => Reply::ok(&accepted),
        Submitted::Finished(record) => finished(&run_id, &key, &record),
    }
}

/// The conversation meant, and that its agent exists.
fn target(ctx: &Ctx, params: &AgentParams) -> Result<SessionKey, RpcError> {
    let settings = ctx.gateway.settings();
    let agents = &settings.agents;
    let wanted = params.agent_id.as_deref().map(str::to_ascii_lowercase);
    if let Some(id) = wanted.as_deref().filter(|id| agents.get(id).is_none()) {
        return Err(RpcError::invalid(format!("invalid agent params: unknown agent id \"{id}\""))
            .with_details(json!({"code": "UNKNOWN_AGENT_ID", "agentId": id})));
    }
    let rules = &settings.keys;
    let Some(raw) = &params.session_key else {
        return Ok(SessionKey::main(wanted.as_deref().unwrap_or(agents.default_id()), rules));
    };
    let key = resolve_known(ctx, raw)?;
    match wanted {
        Some(id) if id != key.agent(rules) => Err(RpcError::invalid(format!(
            "invalid agent params: agent \"{id}\" does not match session key agent \"{}\"",
            key.agent(rules)
        ))),
        _ => Ok(key),
    }
}

fn second_answer(run_id: &str, key: &SessionKey, ended: &Ended) -> Outcome {
    let (payload, error) =
        final_payload(run_id, ended.status, ended.error.as_deref(), &result(key, &ended.summary()));
    match (serde_json::value::to_raw_value(&payload), error) {
        (Ok(payload), None) => Outcome::Ok(payload),
        (Ok(payload), Some(error)) => Outcome::Err(error, Some(payload)),
        (Err(error), _) => Outcome::Err(RpcError::unavailable(error.to_string()), None),
    }
}

fn finished(run_id: &str, key: &SessionKey, record: &RunRecord) -> Result<Reply, RpcError> {
    let stored = record.result.clone().unwrap_or_default();
    let result = result(key, &stored);
    let (payload, error) = final_payload(run_id, record.status, record.error.as_deref(), &result);
    match error {
        None => Reply::ok(&payload),
        Some(error) => Reply::failed(error, &payload),
    }
}

fn result(key: &SessionKey, run: &Value) -> Value {
    let payloads = match run["text"].as_str() {
        None | Some("") => json!([]),
        Some(text) => json!([{"text": text, "mediaUrl": null}]),
    };
    json!({
        "payloads": payloads,
        "meta": {
            "durationMs": run["durationMs"],
            "agentMeta": {
                "sessionKey": key,
                "sessionId": run["sessionId"],
                "provider": run["provider"],
                "model": run["model"],
                "usage": run["usage"],
            },
        },
    })
}

fn final_payload(
    run_id: &str,
    status: RunStatus,
    error: Option<&str>,
    result: &Value,
) -> (Value, Option<RpcError>) {
    if status == RunStatus::Error {
        let summary = error.unwrap_or("the run failed");
        let payload = json!({"runId": run_id, "status": "error", "summary": summary});
        return (payload, Some(RpcError::unavailable(summary)));
    }
    let summary = if status == RunStatus::Ok { "completed" } else { "aborted" };
    (json!({"runId": run_id, "status": "ok", "summary": summary, "result": result}), None)
}

pub(super) async fn wait(ctx: Ctx, params: AgentWaitParams) -> Result<Reply, RpcError> {
    let run_id = params.run_id;
    let timeout = params.timeout_ms.unwrap_or(DEFAULT_WAIT_MS).min(MAX_WAIT_MS);
    let timeout = Duration::from_millis(timeout);
    let deadline = async {
        tokio::select! {
            () = ctx.gateway.stop.cancelled() => {}
            () = tokio::time::sleep(timeout) => {}
        }
    };
    tokio::pin!(deadline);
    let waited = match ctx.gateway.runs.find(&run_id) {
        Some((_, live)) => tokio::select! {
            ended = live.ended() => ended,
            () = &mut deadline => return Reply::ok(&json!({"runId": run_id, "status": "timeout"})),
        },
        None => None,
    };
    if let Some(ended) = waited {
        return Reply::ok(&waited_for(
            &run_id,
            ended.status,
            Some((ended.started_ms, ended.ended_ms)),
            ended.stop_reason,
            ended.error,
        ));
    }
    let record = ctx.gateway.store.run(&run_id).await.map_err(store_error)?;
    match record {
        Some(record) if record.status != RunStatus::Running => Reply::ok(&waited_for(
            &run_id,
            record.status,
            record.ended_ms.map(|ended| (record.started_ms, ended)),
            record.stop_reason,
            record.error,
        )),
        Some(_) => Reply::ok(&json!({"runId": run_id, "status": "timeout"})),
        None => {
            // A run nobody knows may still be announced; the caller asked to wait that long.
            deadline.await;
            Reply::ok(&json!({"runId": run_id, "status": "timeout"}))
        }
    }
}

fn waited_for(
    run_id: &str,
    status: RunStatus,
    times: Option<(i64, i64)>,
    stop_reason: Option<String>,
    error: Option<String>,
) -> Map<String, Value> {
    let word = if status == RunStatus::Error { "error" } else { "ok" };
    let mut answer = Map::new();
    answer.insert("runId".into(), json!(run_id));
    answer.insert("status".into(), json!(word));
    if let Some((started, ended)) = times {
        answer.insert("startedAt".into(), json!(started));
        answer.insert("endedAt".into(), json!(ended));
    }
    for (name, value) in [("stopReason", stop_reason), ("error", error)] {
        if let Some(value) = value {
            answer.insert(name.into(), json!(value));
        }
    }
    answer
}
