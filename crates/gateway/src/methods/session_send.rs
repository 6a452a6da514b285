//! `sessions.send`, `sessions.steer`, `sessions.abort`: the chat methods by session key (protocol
//! §14.2).

use clawdbot_protocol::{
    ChatSendParams, RpcError, SessionsAbortParams, SessionsAborted, SessionsSendParams,
};

use super::{chat, resolve};
use crate::router::{Ctx, Reply};

pub(super) async fn send(ctx: Ctx, params: SessionsSendParams) -> Result<Reply, RpcError> {
    let new_id = || uuid::Uuid::new_v4().to_string();
    let params = ChatSendParams {
        session_key: params.key,
        message: params.message,
        idempotency_key: params.idempotency_key.unwrap_or_else(new_id),
        thinking: params.thinking,
        attachments: params.attachments,
        timeout_ms: params.timeout_ms,
    };
    chat::send(ctx, params).await
}

/// The message takes the place of whatever the conversation is busy with.
pub(super) async fn steer(ctx: Ctx, params: SessionsSendParams) -> Result<Reply, RpcError> {
    let key = resolve(&ctx, &params.key)?;
    // A repeated request must not stop the run it started itself.
    let id = params.idempotency_key.as_deref();
    let repeated = id.is_some_and(|id| ctx.gateway.runs.find(id).is_some());
    if !repeated {
        chat::stop(&ctx, &key, None, "steer").await;
    }
    send(ctx, params).await
}

pub(super) async fn abort(
    ctx: Ctx,
    params: SessionsAbortParams,
) -> Result<Reply<SessionsAborted>, RpcError> {
    let key = match (&params.key, &params.run_id) {
        (Some(key), _) => Some(resolve(&ctx, key)?),
        (None, Some(run_id)) => ctx.gateway.runs.find(run_id).map(|(key, _)| key),
        (None, None) => return Err(RpcError::invalid("key or runId is required")),
    };
    let stopped = match &key {
        Some(key) => chat::stop(&ctx, key, params.run_id.as_deref(), "rpc").await,
        None => Vec::new(),
    };
    let aborted = stopped.into_iter().next();
    let status = if aborted.is_some() { "aborted" } else { "no-active-run" };
    Reply::of(&SessionsAborted { ok: true, aborted_run_id: aborted, status: status.to_owned() })
}
