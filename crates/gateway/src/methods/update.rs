//! `update.run` and `update.status` (protocol §14.12). This build does not replace itself: a package
//! manager or its owner does, and says so.

use clawdbot_protocol::{
    ConfigRestart, NoParams, RpcError, UpdateInstall, UpdateResult, UpdateRun, UpdateRunParams,
    UpdateSchedule, UpdateSentinel, UpdateSentinelPayload, UpdateStatus,
};
use serde_json::json;

use crate::router::{Ctx, Reply};

/// Why nothing was done, and what to do.
const REASON: &str = "This build does not update itself. Install the new version the way this one \
                      was installed, then restart the gateway.";

pub(super) async fn run(ctx: Ctx, params: UpdateRunParams) -> Result<Reply<UpdateRun>, RpcError> {
    tracing::info!(note = params.note, client = %ctx.peer.client_id, "asked to update; skipped");
    let result = UpdateResult {
        status: "skipped".to_owned(),
        mode: "unknown".to_owned(),
        reason: REASON.to_owned(),
        steps: Vec::new(),
        duration_ms: 0,
    };
    let stats = json!({
        "mode": result.mode,
        "before": null,
        "after": null,
        "steps": result.steps,
        "reason": result.reason,
        "durationMs": result.duration_ms,
    });
    Reply::of(&UpdateRun {
        ok: true,
        restart: ConfigRestart {
            ok: false,
            pid: std::process::id(),
            delay_ms: 0,
            mode: "none".to_owned(),
            reason: "nothing was updated".to_owned(),
        },
        sentinel: UpdateSentinel {
            path: None,
            payload: UpdateSentinelPayload {
                kind: "update".to_owned(),
                status: result.status.clone(),
                ts: ctx.gateway.now_ms(),
                session_key: params.session_key,
                message: params.note,
                stats,
            },
        },
        result,
    })
}

pub(super) async fn status(ctx: Ctx, _params: NoParams) -> Result<Reply<UpdateStatus>, RpcError> {
    let settings = ctx.gateway.settings();
    let channel = settings.loaded.value["update"]["channel"].as_str().unwrap_or("stable");
    Reply::of(&UpdateStatus {
        sentinel: None,
        update_available: None,
        effective_channel: channel.to_owned(),
        schedule: UpdateSchedule {
            channel: channel.to_owned(),
            auto_enabled: false,
            install: UpdateInstall { kind: "package".to_owned() },
        },
    })
}
