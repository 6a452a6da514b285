//! `node.*` for operators (protocol §14.7).

use std::time::{Duration, Instant};

use clawdbot_protocol::{
    NoParams, NodeApproved, NodeDescription, NodeError, NodeInvokeParams, NodeInvoked, NodeList,
    NodePairList, NodePairOpened, NodePairParams, NodeRef, NodeRejected, NodeRename, NodeVerified,
    NodeVerifyParams, RequestIdParams, Role, RpcError, Scope,
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::devices::may_manage;
use crate::gateway::Shared;
use crate::hub::ConnId;
use crate::nodes::{Claim, not_connected};
use crate::router::{Ctx, Reply, missing_scope};

const DEFAULT_TIMEOUT_MS: u64 = 30_000;
const MAX_TIMEOUT_MS: u64 = 3_600_000;

/// What `system.run` takes from a caller. Everything else is the node's to decide: above all
/// whether somebody approved it (SCP-06).
const RUN_PARAMS: [&str; 8] = [
    "command",
    "rawCommand",
    "cwd",
    "env",
    "timeoutMs",
    "needsScreenRecording",
    "agentId",
    "sessionKey",
];

pub(super) async fn list(ctx: Ctx, _params: NoParams) -> Result<Reply<NodeList>, RpcError> {
    let gateway = &ctx.gateway;
    Reply::of(&gateway.nodes.list(ctx.peer.generation, gateway.now_ms()).await?)
}

pub(super) async fn describe(
    ctx: Ctx,
    params: NodeRef,
) -> Result<Reply<NodeDescription>, RpcError> {
    let gateway = &ctx.gateway;
    let (generation, now_ms) = (ctx.peer.generation, gateway.now_ms());
    Reply::of(&gateway.nodes.describe(&params.node_id, generation, now_ms).await?)
}

pub(super) async fn rename(ctx: Ctx, params: NodeRename) -> Result<Reply<NodeRename>, RpcError> {
    let NodeRename { node_id, display_name } = params;
    let display_name = ctx.gateway.nodes.rename(&node_id, &display_name).await?;
    Reply::of(&NodeRename { node_id, display_name })
}

pub(super) async fn pair_list(
    ctx: Ctx,
    _params: NoParams,
) -> Result<Reply<NodePairList>, RpcError> {
    Reply::of(&ctx.gateway.nodes.pairings(ctx.gateway.now_ms()).await?)
}

pub(super) async fn pair_request(
    ctx: Ctx,
    params: NodePairParams,
) -> Result<Reply<NodePairOpened>, RpcError> {
    let gateway = &ctx.gateway;
    let silent = params.silent.unwrap_or(false);
    Reply::of(&gateway.nodes.request(gateway, params.facts, silent).await?)
}

pub(super) async fn pair_approve(
    ctx: Ctx,
    params: RequestIdParams,
) -> Result<Reply<NodeApproved>, RpcError> {
    let gateway = &ctx.gateway;
    let (id, now_ms) = (&params.request_id, gateway.now_ms());
    Reply::of(&gateway.nodes.approve(&gateway.hub, &ctx.peer, id, now_ms).await?)
}

pub(super) async fn pair_reject(
    ctx: Ctx,
    params: RequestIdParams,
) -> Result<Reply<NodeRejected>, RpcError> {
    let gateway = &ctx.gateway;
    let now_ms = gateway.now_ms();
    Reply::of(&gateway.nodes.reject(&gateway.hub, &params.request_id, now_ms).await?)
}

pub(super) async fn pair_verify(
    ctx: Ctx,
    params: NodeVerifyParams,
) -> Result<Reply<NodeVerified>, RpcError> {
    Reply::of(&ctx.gateway.nodes.verify(&params.node_id, &params.token).await?)
}

pub(super) async fn pair_remove(ctx: Ctx, params: NodeRef) -> Result<Reply<NodeRef>, RpcError> {
    let gateway = ctx.gateway.clone();
    if !may_manage(&ctx.peer, &params.node_id) {
        return Err(missing_scope(&ctx.peer, Scope::Admin));
    }
    let id = params.node_id.clone();
    gateway.nodes.remove(&gateway, &id).await?;
    Ok(Reply::of(&params)?.then(move || gateway.hub.close_device(&id, Some(Role::Node), None)))
}

pub(super) async fn invoke(
    ctx: Ctx,
    mut params: NodeInvokeParams,
) -> Result<Reply<NodeInvoked>, RpcError> {
    let begun = Instant::now();
    let gateway = &ctx.gateway;
    // How a node asks its owner is not for everybody who may talk (SCP-03).
    if params.command.starts_with("system.execApprovals.") && !ctx.peer.scopes.allow(Scope::Admin) {
        return Err(missing_scope(&ctx.peer, Scope::Admin));
    }
    if params.command == "system.run" {
        params.params = params.params.map(without_decisions);
    }
    let nodes = &gateway.nodes;
    let (node_id, command) = (&params.node_id, &params.command);
    let conn = nodes.route(&gateway.settings(), node_id, command, ctx.peer.generation).await?;
    let body = fingerprint(&params);
    match nodes.calls.claim(node_id, &params.idempotency_key, body, gateway.now_ms())? {
        Claim::Mine(teller) => {
            let outcome = call(gateway, conn, &params, begun).await;
            teller.send_replace(Some(outcome.clone()));
            Reply::of(&outcome?)
        }
        Claim::Theirs(mut outcome) => match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => Reply::of(&outcome.clone()?),
            _ => Err(not_connected()),
        },
    }
}

/// Asks the node and waits for its answer.
async fn call(
    gateway: &Shared,
    conn: ConnId,
    params: &NodeInvokeParams,
    begun: Instant,
) -> Result<NodeInvoked, RpcError> {
    let id = uuid::Uuid::new_v4().to_string();
    let answer = gateway.nodes.calls.open(&id, conn)?;
    let asked = params.timeout_ms.filter(|ms| *ms > 0).unwrap_or(DEFAULT_TIMEOUT_MS);
    let timeout = Duration::from_millis(asked.min(MAX_TIMEOUT_MS)).saturating_sub(begun.elapsed());
    let mut request = Map::new();
    request.insert("id".into(), json!(id));
    request.insert("nodeId".into(), json!(params.node_id));
    request.insert("command".into(), json!(params.command));
    if let Some(params) = &params.params {
        request.insert("paramsJSON".into(), json!(params.to_string()));
    }
    request.insert("timeoutMs".into(), json!(timeout.as_millis()));
    request.insert("idempotencyKey".into(), json!(params.idempotency_key));
    if gateway.hub.tell_nodes(Some(conn), "node.invoke.request", &request) == 0 {
        return Err(not_connected());
    }
    let result = match tokio::time::timeout(timeout, answer).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => return Err(not_connected()),
        Err(_) => {
            return Err(node_failed(NodeError {
                code: Some("TIMEOUT".to_owned()),
                message: Some("node invoke timed out".to_owned()),
            }));
        }
    };
    if !result.ok {
        return Err(node_failed(result.error.unwrap_or_default()));
    }
    let text = result.payload_json;
    let parsed = text.as_deref().map(serde_json::from_str).transpose();
    let payload = result.payload.or(parsed.unwrap_or_default()).unwrap_or_default();
    Ok(NodeInvoked {
        ok: true,
        node_id: params.node_id.clone(),
        command: params.command.clone(),
        payload,
        payload_json: text,
    })
}

fn node_failed(error: NodeError) -> RpcError {
    let message = error.message.clone().filter(|message| !message.is_empty());
    RpcError::unavailable(message.unwrap_or_else(|| "node invoke failed".to_owned()))
        .with_details(json!({"nodeError": error}))
}

fn without_decisions(params: Value) -> Value {
    match params {
        Value::Object(mut members) => {
            members.retain(|name, _| RUN_PARAMS.contains(&name.as_str()));
            Value::Object(members)
        }
        other => other,
    }
}

fn fingerprint(params: &NodeInvokeParams) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(params.command.as_bytes());
    hash.update([0]);
    if let Some(params) = &params.params {
        hash.update(params.to_string().as_bytes());
    }
    hash.finalize().into()
}
