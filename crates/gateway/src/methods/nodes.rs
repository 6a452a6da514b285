//! `node.*` for operators (protocol §14.7).

use clawdbot_protocol::{
    NoParams, NodeApproved, NodeDescription, NodeEnqueueParams, NodeEnqueued, NodeInvokeParams,
    NodeInvoked, NodeList, NodePairList, NodePairOpened, NodePairParams, NodeRef, NodeRejected,
    NodeRename, NodeVerified, NodeVerifyParams, RequestIdParams, Role, RpcError, Scope,
};
use serde_json::Value;

use crate::devices::may_manage;
use crate::router::{Ctx, Reply, missing_scope};

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

pub(super) async fn enqueue(
    ctx: Ctx,
    params: NodeEnqueueParams,
) -> Result<Reply<NodeEnqueued>, RpcError> {
    Reply::of(&ctx.gateway.nodes.enqueue(params, ctx.gateway.now_ms()).await?)
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
    let gateway = &ctx.gateway;
    // How a node asks its owner is not for everybody who may talk (SCP-03).
    if params.command.starts_with("system.execApprovals.") && !ctx.peer.scopes.allow(Scope::Admin) {
        return Err(missing_scope(&ctx.peer, Scope::Admin));
    }
    if params.command == "system.run" {
        params.params = params.params.map(without_decisions);
    }
    Reply::of(&gateway.invoke_node(&params, ctx.peer.generation).await?)
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
