//! `wizard.start`, `wizard.next`, `wizard.cancel`, `wizard.status` (protocol §14.12).

use clawdbot_protocol::{
    ErrorCode, Generation, RpcError, WizardMode, WizardNextParams, WizardSessionParams,
    WizardStartParams, WizardStatus, WizardStep, WizardTurn,
};
use serde_json::json;

use crate::rewrite::change;
use crate::router::{Ctx, Reply};
use crate::wizard::Turn;

pub(super) async fn start(
    ctx: Ctx,
    params: WizardStartParams,
) -> Result<Reply<WizardTurn>, RpcError> {
    if params.mode == Some(WizardMode::Remote) {
        return Err(RpcError::invalid(
            "this gateway answers itself; a client of another gateway is set up in the client",
        ));
    }
    let started = ctx.gateway.wizards.start(params.workspace).ok_or_else(|| busy(&ctx))?;
    let (session_id, step) = started;
    Reply::of(&WizardTurn { session_id: Some(session_id), ..running(step, None) })
}

pub(super) async fn next(
    ctx: Ctx,
    params: WizardNextParams,
) -> Result<Reply<WizardTurn>, RpcError> {
    let gateway = &ctx.gateway;
    let WizardNextParams { session_id, answer } = params;
    let mut wizard = gateway.wizards.take(&session_id).ok_or_else(|| not_found(&ctx))?;
    let Some(answer) = answer else {
        let step = wizard.step();
        gateway.wizards.put_back(wizard);
        return Reply::of(&running(step, None));
    };
    if !wizard.is_at(&answer.step_id) {
        gateway.wizards.put_back(wizard);
        return Err(RpcError::invalid("wizard: no pending step"));
    }
    let catalog = gateway.settings().catalog.clone();
    let has_key =
        |provider: &str| catalog.list().iter().any(|info| info.reference.provider == provider);
    let problem = match wizard.answer(&answer.value, has_key) {
        Ok(Turn::Step) => None,
        Ok(Turn::Done(None)) => return Reply::of(&done()),
        Ok(Turn::Done(Some(patch))) => match change(gateway, patch).await {
            Ok(()) => return Reply::of(&done()),
            Err(error) => Some(error.message),
        },
        Err(problem) => Some(problem),
    };
    let step = wizard.step();
    gateway.wizards.put_back(wizard);
    Reply::of(&running(step, problem))
}

pub(super) async fn cancel(
    ctx: Ctx,
    params: WizardSessionParams,
) -> Result<Reply<WizardStatus>, RpcError> {
    ctx.gateway.wizards.take(&params.session_id).ok_or_else(|| not_found(&ctx))?;
    let cancelled = "cancelled".to_owned();
    Reply::of(&WizardStatus { status: cancelled.clone(), error: Some(cancelled) })
}

pub(super) async fn status(
    ctx: Ctx,
    params: WizardSessionParams,
) -> Result<Reply<WizardStatus>, RpcError> {
    if !ctx.gateway.wizards.is_running(&params.session_id) {
        return Err(not_found(&ctx));
    }
    Reply::of(&WizardStatus { status: "running".to_owned(), error: None })
}

fn running(step: WizardStep, error: Option<String>) -> WizardTurn {
    let status = "running".to_owned();
    WizardTurn { session_id: None, done: false, step: Some(step), status, error }
}

fn done() -> WizardTurn {
    let status = "done".to_owned();
    WizardTurn { session_id: None, done: true, step: None, status, error: None }
}

fn not_found(ctx: &Ctx) -> RpcError {
    let error = RpcError::invalid("wizard not found");
    match ctx.peer.generation {
        Generation::V3 => error,
        Generation::V4 => error.with_details(json!({"code": "WIZARD_NOT_FOUND"})),
    }
}

fn busy(ctx: &Ctx) -> RpcError {
    match ctx.peer.generation {
        Generation::V3 => RpcError::new(ErrorCode::Unavailable, "wizard already running"),
        Generation::V4 => RpcError {
            retryable: Some(true),
            ..RpcError::unavailable(
                "OpenClaw setup is already in progress; try again when it finishes.",
            )
            .with_details(json!({"code": "SETUP_ADMISSION_BUSY"}))
        },
    }
}
