//! What nodes send: answers to commands and events of their own (protocol §14.7).

use std::time::Duration;

use clawdbot_protocol::{
    Generation, NodeAckParams, NodeAcked, NodeEventParams, NodeEventTaken, NodeInvokeResultParams,
    NodePending, NodePendingParams, NodeResultTaken, RpcError, SessionKey,
};
use serde::Deserialize;
use serde_json::Value;
use tracing::debug;

use super::resolve_known;
use crate::router::{Ctx, Reply};
use crate::submit::{Submission, Submitted};

/// Longest text a node may say, in characters.
const MAX_TEXT: usize = 20_000;

pub(super) async fn result(
    ctx: Ctx,
    params: NodeInvokeResultParams,
) -> Result<Reply<NodeResultTaken>, RpcError> {
    if ctx.peer.device_id.as_deref() != Some(params.node_id.as_str()) {
        return Err(RpcError::invalid("nodeId mismatch"));
    }
    let ignored = !ctx.gateway.nodes.calls.answer(ctx.peer.conn, params);
    Reply::of(&NodeResultTaken { ok: true, ignored })
}

/// What waits for the node that asks.
pub(super) async fn pull(
    ctx: Ctx,
    params: NodePendingParams,
) -> Result<Reply<NodePending>, RpcError> {
    waiting(&ctx, &params, false).await
}

/// The same, taken out of the queue.
pub(super) async fn drain(
    ctx: Ctx,
    params: NodePendingParams,
) -> Result<Reply<NodePending>, RpcError> {
    waiting(&ctx, &params, true).await
}

async fn waiting(
    ctx: &Ctx,
    params: &NodePendingParams,
    take: bool,
) -> Result<Reply<NodePending>, RpcError> {
    let (nodes, now_ms) = (&ctx.gateway.nodes, ctx.gateway.now_ms());
    Reply::of(&nodes.waiting(own_id(ctx)?, params.max_items, take, now_ms).await?)
}

pub(super) async fn ack(ctx: Ctx, params: NodeAckParams) -> Result<Reply<NodeAcked>, RpcError> {
    let (nodes, now_ms) = (&ctx.gateway.nodes, ctx.gateway.now_ms());
    Reply::of(&nodes.acknowledge(own_id(&ctx)?, &params.ids, now_ms).await?)
}

/// A node is its device.
fn own_id(ctx: &Ctx) -> Result<&str, RpcError> {
    ctx.peer.device_id.as_deref().ok_or_else(|| RpcError::invalid("device identity required"))
}

pub(super) async fn event(
    ctx: Ctx,
    params: NodeEventParams,
) -> Result<Reply<NodeEventTaken>, RpcError> {
    let NodeEventParams { event, payload, payload_json } = params;
    let parsed = payload_json.as_deref().map(serde_json::from_str).transpose();
    let payload: Value = payload.or(parsed.unwrap_or_default()).unwrap_or_default();
    match event.as_str() {
        "voice.transcript" | "agent.request" => said(ctx, &event, payload).await,
        "chat.subscribe" => follow(&ctx, &event, &payload, true),
        "chat.unsubscribe" => follow(&ctx, &event, &payload, false),
        // Nothing waits for what a node did on its own account.
        "exec.started" | "exec.finished" | "exec.denied" => {
            unused(&ctx, event, "unmatched_exec_event")
        }
        _ => unused(&ctx, event, "unknown_event"),
    }
}

/// `voice.transcript {text}` and `agent.request {message}`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    #[serde(alias = "message")]
    text: String,
    session_key: Option<String>,
    thinking: Option<String>,
    timeout_seconds: Option<u64>,
}

/// Somebody talked to the node: a message like any other.
async fn said(ctx: Ctx, event: &str, payload: Value) -> Result<Reply<NodeEventTaken>, RpcError> {
    let said: Said = serde_json::from_value(payload).unwrap_or_default();
    let text = said.text.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT {
        return unused(&ctx, event.to_owned(), "text_empty_or_too_long");
    }
    let (key, requested_key) = conversation(&ctx, said.session_key)?;
    let submission = Submission {
        key,
        requested_key,
        message: text.to_owned(),
        run_id: uuid::Uuid::new_v4().to_string(),
        attachments: Vec::new(),
        thinking: said.thinking,
        timeout: said.timeout_seconds.filter(|s| *s > 0).map(Duration::from_secs),
        extra_prompt: None,
        sender: ctx.peer.as_ref().into(),
    };
    let reply = Reply::of(&NodeEventTaken { ok: true, ..NodeEventTaken::default() })?;
    Ok(match submission.accept(&ctx.gateway).await? {
        Submitted::Started(started) => reply.then(move || started.go(&ctx.gateway)),
        Submitted::InFlight | Submitted::Finished(_) => reply,
    })
}

/// `chat.subscribe` and `chat.unsubscribe`.
fn follow(
    ctx: &Ctx,
    event: &str,
    payload: &Value,
    on: bool,
) -> Result<Reply<NodeEventTaken>, RpcError> {
    let Some(raw) = payload["sessionKey"].as_str().filter(|key| !key.is_empty()) else {
        return unused(ctx, event.to_owned(), "session_key_missing");
    };
    let (key, _) = conversation(ctx, Some(raw.to_owned()))?;
    if !ctx.gateway.hub.follow(ctx.peer.conn, key.as_str(), on) {
        return unused(ctx, event.to_owned(), "too_many_subscriptions");
    }
    Reply::of(&NodeEventTaken { ok: true, ..NodeEventTaken::default() })
}

/// The conversation meant: the main one unless named.
fn conversation(ctx: &Ctx, raw: Option<String>) -> Result<(SessionKey, String), RpcError> {
    match raw.filter(|key| !key.trim().is_empty()) {
        Some(raw) => Ok((resolve_known(ctx, &raw)?, raw)),
        None => {
            let key = ctx.gateway.main_key();
            let raw = key.to_string();
            Ok((key, raw))
        }
    }
}

/// The event arrived and nothing came of it; only generation 4 has words for that.
fn unused(ctx: &Ctx, event: String, reason: &str) -> Result<Reply<NodeEventTaken>, RpcError> {
    debug!(event = %event.escape_debug(), reason, "node event without effect");
    let v4 = ctx.peer.generation == Generation::V4;
    Reply::of(&NodeEventTaken {
        ok: true,
        event: v4.then_some(event),
        handled: v4.then_some(false),
        reason: v4.then(|| reason.to_owned()),
    })
}
