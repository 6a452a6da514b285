//! `exec.approval.*`, `approval.*`: single decisions (protocol §14.8).

use std::sync::Arc;
use std::time::Duration;

use clawdbot_protocol::{
    ApprovalDecision, ApprovalIdParams, ApprovalResolveParams, ApprovalShown, Decision,
    ExecApprovalRequestParams, Generation, NoParams, Outcome, RpcError,
};
use serde_json::{Value, json};

use crate::approvals::{Approval, End, Wish};
use crate::router::{Ctx, Reply};
use crate::text::visible;

const DEFAULT_TIMEOUT_MS: u64 = 120_000;
/// The longest a question may wait.
const MAX_TIMEOUT_MS: u64 = 24 * 60 * 60 * 1_000;

pub(super) async fn request(
    ctx: Ctx,
    params: ExecApprovalRequestParams,
) -> Result<Reply<ApprovalDecision>, RpcError> {
    let gateway = &ctx.gateway;
    let timeout = params.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS).min(MAX_TIMEOUT_MS);
    let wish = wish(&params)?;
    let timeout = Duration::from_millis(timeout);
    let asker = Some(ctx.peer.conn);
    let approval = gateway.approvals.open(params.id, asker, wish, gateway.now_ms(), timeout)?;
    // Generation 3 waits for somebody to connect; 4 says at once that nobody is there.
    let newer = ctx.peer.generation == Generation::V4;
    if newer && gateway.hub.approvers(Some(ctx.peer.conn)) == 0 {
        gateway.end_approval(&approval, End::NO_ROUTE);
        return Reply::of(&approval.answer(&End::NO_ROUTE, false));
    }
    gateway.announce_approval(&approval);
    // The question outlives the connection that put it: the answer can be fetched by another one.
    let (shared, waiting) = (Arc::clone(gateway), approval.clone());
    gateway.tasks.spawn(async move { shared.decision(&waiting).await });
    if newer && params.two_phase == Some(true) {
        accept(&ctx, &approval)?;
    }
    let end = approval.ended().await;
    Reply::of(&approval.answer(&end, false))
}

/// The first of two answers.
fn accept(ctx: &Ctx, approval: &Approval) -> Result<(), RpcError> {
    let accepted = serde_json::value::to_raw_value(&json!({
        "status": "accepted",
        "id": approval.id,
        "deliveryRoute": "approval-client",
        "createdAtMs": approval.created_ms,
        "expiresAtMs": approval.expires_ms,
    }))
    .map_err(|error| RpcError::unavailable(error.to_string()))?;
    ctx.peer.outbox.respond(&ctx.request_id, &Outcome::Ok(accepted));
    Ok(())
}

fn wish(params: &ExecApprovalRequestParams) -> Result<Wish, RpcError> {
    let mut allowed = vec![Decision::AllowOnce, Decision::AllowAlways, Decision::Deny];
    if params.ask.as_deref() == Some("always") {
        allowed.remove(1);
    }
    Ok(Wish {
        command: visible(&format!("{}{}", assignments(params), command(params)?)),
        cwd: params.cwd.clone(),
        host: params.host.clone(),
        node_id: params.node_id.clone(),
        security: params.security.clone(),
        ask: params.ask.clone(),
        agent_id: params.agent_id.clone(),
        resolved_path: params.resolved_path.clone(),
        session_key: params.session_key.clone(),
        allowed,
        ..Wish::default()
    })
}

/// What is shown is what runs: a list and a text that say different things are refused (EXE-07).
fn command(params: &ExecApprovalRequestParams) -> Result<String, RpcError> {
    let text = params.command.as_deref().filter(|text| !text.trim().is_empty());
    let argv = params.command_argv.as_deref().filter(|argv| !argv.is_empty());
    match (text, argv) {
        (Some(text), None) => Ok(text.to_owned()),
        (None, Some(argv)) => Ok(quoted(argv)),
        (Some(text), Some(argv)) if text == quoted(argv) || text == argv.join(" ") => {
            Ok(quoted(argv))
        }
        (Some(_), Some(_)) => Err(RpcError::invalid("command does not match commandArgv")),
        (None, None) => Err(RpcError::invalid("command is required")),
    }
}

/// Variables change what a command does, so they are shown with it (EXE-05, EXE-06).
fn assignments(params: &ExecApprovalRequestParams) -> String {
    let env = params.env.iter().flatten();
    env.map(|(name, value)| format!("{}={} ", quote(name), quote(value))).collect()
}

/// A list as one would type it.
fn quoted(argv: &[String]) -> String {
    argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

pub(super) async fn list(ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    let waiting = ctx.gateway.approvals.waiting();
    let entries: Vec<_> =
        waiting.iter().map(|approval| approval.entry(ctx.peer.generation)).collect();
    Reply::ok(&entries)
}

pub(super) async fn get(
    ctx: Ctx,
    params: ApprovalIdParams,
) -> Result<Reply<ApprovalShown>, RpcError> {
    let approval = find(&ctx, &params.id)?;
    if approval.end().is_some() {
        return Err(not_found(&ctx));
    }
    let wish = &approval.wish;
    Reply::of(&ApprovalShown {
        id: approval.id.clone(),
        command_text: wish.command.clone(),
        command_preview: None,
        allowed_decisions: wish.allowed.clone(),
        host: wish.host.clone(),
        node_id: wish.node_id.clone(),
        agent_id: wish.agent_id.clone(),
        expires_at_ms: approval.expires_ms,
    })
}

pub(super) async fn wait_decision(
    ctx: Ctx,
    params: ApprovalIdParams,
) -> Result<Reply<ApprovalDecision>, RpcError> {
    let approval = find(&ctx, &params.id)?;
    let end = approval.ended().await;
    Reply::of(&approval.answer(&end, true))
}

pub(super) async fn resolve(ctx: Ctx, params: ApprovalResolveParams) -> Result<Reply, RpcError> {
    decide(&ctx, &params)?;
    Reply::ok(&json!({"ok": true}))
}

/// `approval.get`: the same in the words of the general method.
pub(super) async fn any_get(ctx: Ctx, params: ApprovalIdParams) -> Result<Reply, RpcError> {
    let approval = find(&ctx, &params.id)?;
    Reply::ok(&json!({"approval": described(&approval, ctx.peer.generation)}))
}

/// `approval.resolve`: the same in the words of the general method.
pub(super) async fn any_resolve(
    ctx: Ctx,
    params: ApprovalResolveParams,
) -> Result<Reply, RpcError> {
    let approval = decide(&ctx, &params)?;
    let approval = described(&approval, ctx.peer.generation);
    Reply::ok(&json!({"applied": true, "approval": approval}))
}

fn described(approval: &Approval, generation: Generation) -> Value {
    let (status, decision, by) = match approval.end() {
        None => ("pending", None, None),
        Some(End::Decided(decision, by)) => ("resolved", Some(decision), Some(by)),
        Some(End::Undecided(reason)) => (reason, None, None),
    };
    json!({
        "id": approval.id,
        "kind": "exec",
        "status": status,
        "decision": decision,
        "resolvedBy": by,
        "request": approval.wish.request(generation),
        "createdAtMs": approval.created_ms,
        "expiresAtMs": approval.expires_ms,
    })
}

/// The first decision counts.
fn decide(ctx: &Ctx, params: &ApprovalResolveParams) -> Result<Arc<Approval>, RpcError> {
    let decision =
        Decision::parse(&params.decision).ok_or_else(|| RpcError::invalid("invalid decision"))?;
    let approval = find(ctx, &params.id)?;
    if approval.end().is_none() && !approval.wish.allowed.contains(&decision) {
        return Err(RpcError::invalid(
            "allow-always is unavailable for this command; use allow-once or deny",
        )
        .with_details(json!({"reason": "APPROVAL_ALLOW_ALWAYS_UNAVAILABLE"})));
    }
    let peer = &ctx.peer;
    let by = peer.client_name.clone().unwrap_or_else(|| peer.client_id.clone());
    if ctx.gateway.end_approval(&approval, End::Decided(decision, by)) {
        return Ok(approval);
    }
    let decided = matches!(approval.end(), Some(End::Decided(..)));
    if decided && peer.generation == Generation::V4 {
        return Err(RpcError::invalid("approval already resolved")
            .with_details(json!({"reason": "APPROVAL_ALREADY_RESOLVED"})));
    }
    Err(not_found(ctx))
}

fn find(ctx: &Ctx, id: &str) -> Result<Arc<Approval>, RpcError> {
    ctx.gateway.approvals.find(id).ok_or_else(|| not_found(ctx))
}

fn not_found(ctx: &Ctx) -> RpcError {
    match ctx.peer.generation {
        Generation::V3 => RpcError::invalid("unknown approval id"),
        Generation::V4 => RpcError::invalid("unknown or expired approval id")
            .with_details(json!({"reason": "APPROVAL_NOT_FOUND"})),
    }
}
