//! `chat.send`, `chat.abort`, `chat.inject` (protocol §13).

use std::time::Duration;

use clawdbot_protocol::{ChatAbortParams, ChatInjectParams, ChatSendParams, RpcError, SessionKey};
use clawdbot_store::RunStatus;
use serde_json::json;

use super::{commands, resolve, resolve_known};
use crate::error::store_error;
use crate::router::{Ctx, Reply};
use crate::runs::Live;
use crate::submit::{Submission, Submitted, status_word};
use crate::transcript;

/// Whole messages that stop the conversation's runs instead of starting one.
const STOP_WORDS: [&str; 7] = ["/stop", "stop", "abort", "esc", "wait", "exit", "interrupt"];
/// How long `chat.abort` waits for a run to have stopped.
const ABORT_WAIT: Duration = Duration::from_secs(3);

pub(super) async fn send(ctx: Ctx, params: ChatSendParams) -> Result<Reply, RpcError> {
    let key = resolve_known(&ctx, &params.session_key)?;
    let attachments = params.attachments.unwrap_or_default();
    let text = params.message.trim().to_ascii_lowercase();
    if attachments.is_empty() {
        if STOP_WORDS.contains(&text.as_str()) {
            let stopped = stop(&ctx, &key, None, "stop").await;
            return Reply::ok(
                &json!({"ok": true, "aborted": !stopped.is_empty(), "runIds": stopped}),
            );
        }
        if let Some(command) = commands::parse(&params.message) {
            return commands::run(ctx, key, params.session_key, command, params.idempotency_key)
                .await;
        }
    }
    let run_id = params.idempotency_key.clone();
    let submission = Submission {
        key,
        requested_key: params.session_key,
        message: params.message,
        run_id: params.idempotency_key,
        attachments,
        thinking: params.thinking,
        timeout: params.timeout_ms.filter(|ms| *ms > 0).map(Duration::from_millis),
        extra_prompt: None,
        sender: ctx.peer.as_ref().into(),
    };
    match submission.accept(&ctx.gateway).await? {
        Submitted::Started(started) => {
            let payload = json!({
                "runId": run_id,
                "status": "started",
                "messageSeq": started.job.user.seq,
            });
            let gateway = ctx.gateway.clone();
            Ok(Reply::ok(&payload)?.then(move || started.go(&gateway)))
        }
        Submitted::InFlight => Reply::ok(&json!({"runId": run_id, "status": "in_flight"})),
        Submitted::Finished(record) if record.status == RunStatus::Error => {
            let summary = record.error.unwrap_or_else(|| "the run failed".to_owned());
            Reply::failed(
                RpcError::unavailable(summary.clone()),
                &json!({"runId": run_id, "status": "error", "summary": summary}),
            )
        }
        Submitted::Finished(record) => {
            Reply::ok(&json!({"runId": run_id, "status": status_word(record.status)}))
        }
    }
}

pub(super) async fn abort(ctx: Ctx, params: ChatAbortParams) -> Result<Reply, RpcError> {
    let key = resolve(&ctx, &params.session_key)?;
    if let Some(run_id) = &params.run_id
        && let Some((owner, _)) = ctx.gateway.runs.find(run_id)
        && owner != key
    {
        return Err(RpcError::invalid("runId does not match sessionKey"));
    }
    let stopped = stop(&ctx, &key, params.run_id.as_deref(), "rpc").await;
    Reply::ok(&json!({"ok": true, "aborted": !stopped.is_empty(), "runIds": stopped}))
}

/// Stops runs and waits until what they had said is stored.
pub(super) async fn stop(
    ctx: &Ctx,
    key: &SessionKey,
    run_id: Option<&str>,
    why: &'static str,
) -> Vec<String> {
    let stopped = ctx.gateway.runs.abort(key, run_id, why);
    let (ids, live): (Vec<String>, Vec<Live>) = stopped.into_iter().unzip();
    let all = futures_util::future::join_all(live.iter().map(Live::ended));
    let _ = tokio::time::timeout(ABORT_WAIT, all).await;
    ids
}

pub(super) async fn inject(ctx: Ctx, params: ChatInjectParams) -> Result<Reply, RpcError> {
    let gateway = &ctx.gateway;
    let key = resolve(&ctx, &params.session_key)?;
    let session = gateway.store.session(key.as_str()).await.map_err(store_error)?;
    let Some(session) = session else {
        return Err(RpcError::invalid("session not found"));
    };
    let text = match &params.label {
        Some(label) => format!("[{label}]\n\n{}", params.message),
        None => params.message,
    };
    let row = transcript::injected_row(&text, gateway.now_ms(), None)?;
    let stored = gateway.store.append(key.as_str(), row).await.map_err(store_error)?;
    let payload = json!({"ok": true, "messageId": stored.id});
    let gateway = gateway.clone();
    Ok(Reply::ok(&payload)?.then(move || gateway.announce_injected(&key, &session, &stored, &text)))
}
