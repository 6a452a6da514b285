//! `exec.approvals.*`, `exec.approval.grants.*`: standing decisions (protocol §14.8).

use clawdbot_protocol::{
    ExecApprovalsFile, ExecApprovalsNodeGetParams, ExecApprovalsNodeSetParams,
    ExecApprovalsSetParams, ExecApprovalsSnapshot, ExecRules, ExecSecurity, ExecSocket, Generation,
    Grant, GrantRevokeParams, GrantRevoked, Grants, GrantsListParams, NoParams, NodeInvokeParams,
    RpcError,
};
use serde_json::{Value, json};

use crate::exec::Policy;
use crate::router::{Ctx, Reply};

const DEFAULT_GRANTS: u32 = 200;

pub(super) async fn get(
    ctx: Ctx,
    _params: NoParams,
) -> Result<Reply<ExecApprovalsSnapshot>, RpcError> {
    Reply::of(&snapshot(&ctx).await)
}

pub(super) async fn set(
    ctx: Ctx,
    params: ExecApprovalsSetParams,
) -> Result<Reply<ExecApprovalsSnapshot>, RpcError> {
    ctx.gateway.exec.replace(params.base_hash.as_deref(), params.file).await?;
    tracing::info!(client = %ctx.peer.client_id, "exec approvals written");
    Reply::of(&snapshot(&ctx).await)
}

pub(super) async fn node_get(
    ctx: Ctx,
    params: ExecApprovalsNodeGetParams,
) -> Result<Reply, RpcError> {
    on_node(&ctx, params.node_id, "system.execApprovals.get", json!({})).await
}

pub(super) async fn node_set(
    ctx: Ctx,
    params: ExecApprovalsNodeSetParams,
) -> Result<Reply, RpcError> {
    let asked = json!({"file": params.file, "baseHash": params.base_hash});
    on_node(&ctx, params.node_id, "system.execApprovals.set", asked).await
}

/// A node keeps its own file; it is asked and its answer passed on.
async fn on_node(
    ctx: &Ctx,
    node_id: String,
    command: &str,
    params: Value,
) -> Result<Reply, RpcError> {
    let asked = NodeInvokeParams {
        node_id,
        command: command.to_owned(),
        params: Some(params),
        timeout_ms: None,
        idempotency_key: uuid::Uuid::new_v4().to_string(),
    };
    let known = ctx.gateway.invoke_node(&asked, ctx.peer.generation).await;
    Reply::ok(&known.map_err(unreached)?.payload)
}

/// As recorded: a node that is not there, approved or not, is not connected.
fn unreached(error: RpcError) -> RpcError {
    if !matches!(error.detail_code(), Some("NOT_CONNECTED" | "PAIRING_CHANGED")) {
        return error;
    }
    let (code, message) = ("NOT_CONNECTED", "node not connected");
    RpcError::unavailable(format!("{code}: {message}")).with_details(json!({
        "nodeError": {"code": code, "message": message},
        "nodeCommandDispatched": false,
    }))
}

async fn snapshot(ctx: &Ctx) -> ExecApprovalsSnapshot {
    let exec = &ctx.gateway.exec;
    let kept = exec.read().await;
    let settings = ctx.gateway.settings();
    let policy = Policy::of(&kept, &settings.config().tools.exec, None);
    let resolved = ExecRules {
        security: Some(policy.security),
        ask: Some(policy.ask),
        ask_fallback: Some(policy.fallback),
        auto_allow_skills: Some(false),
    };
    // An unreadable file counts as one that forbids everything, and is shown as that.
    let mut file = kept.file.unwrap_or_else(|_| ExecApprovalsFile {
        version: 1,
        defaults: ExecRules { security: Some(ExecSecurity::Deny), ..ExecRules::default() },
        ..ExecApprovalsFile::default()
    });
    file.socket = file.socket.map(|socket| ExecSocket { token: None, ..socket });
    ExecApprovalsSnapshot {
        path: exec.path().display().to_string(),
        exists: kept.exists,
        hash: kept.hash,
        file,
        resolved_defaults: (ctx.peer.generation == Generation::V4).then_some(resolved),
    }
}

pub(super) async fn grants(ctx: Ctx, params: GrantsListParams) -> Result<Reply<Grants>, RpcError> {
    let file = ctx.gateway.exec.read().await.file.unwrap_or_default();
    let limit = params.limit.unwrap_or(DEFAULT_GRANTS) as usize;
    let grants = file
        .agents
        .into_iter()
        .flat_map(|(agent_id, agent)| {
            agent.allowlist.into_iter().filter_map(move |entry| {
                Some(Grant {
                    id: entry.id?,
                    agent_id: agent_id.clone(),
                    pattern: entry.pattern,
                    created_at_ms: entry.last_used_at,
                })
            })
        })
        .take(limit)
        .collect();
    Reply::of(&Grants { grants })
}

pub(super) async fn revoke(
    ctx: Ctx,
    params: GrantRevokeParams,
) -> Result<Reply<GrantRevoked>, RpcError> {
    let found = ctx.gateway.exec.revoke(&params.grant_id).await?;
    Reply::of(&GrantRevoked { outcome: if found { "revoked" } else { "not-found" }.to_owned() })
}
