//! `wake`, `system-event`, `last-heartbeat`, `set-heartbeats` (protocol §14.1).

use clawdbot_protocol::{
    CronWakeMode, Generation, HeartbeatEvent, NoParams, RpcError, SessionKey, SetHeartbeatsParams,
    SetHeartbeatsResult, SystemEventParams, WakeParams, WakeResult,
};
use serde_json::json;

use super::resolve_known;
use crate::router::{Ctx, Reply};

const DONE: WakeResult = WakeResult { ok: true };

pub(super) async fn wake(ctx: Ctx, params: WakeParams) -> Result<Reply<WakeResult>, RpcError> {
    if params.text.trim().is_empty() {
        return Err(RpcError::invalid("invalid wake params: text must say something"));
    }
    let key = conversation(&ctx, &params)?;
    let gateway = ctx.gateway.clone();
    gateway.system_events.push(&gateway, &key, &params.text).await?;
    Ok(Reply::of(&DONE)?.then(move || {
        if params.mode == CronWakeMode::Now {
            gateway.heartbeats.wake(key);
        }
    }))
}

/// The conversation meant. Generation 3 knows only the main one.
fn conversation(ctx: &Ctx, params: &WakeParams) -> Result<SessionKey, RpcError> {
    let settings = ctx.gateway.settings();
    if ctx.peer.generation == Generation::V3 {
        return Ok(ctx.gateway.main_key());
    }
    if let Some(raw) = &params.session_key {
        return resolve_known(ctx, raw);
    }
    let id = params.agent_id.as_deref().unwrap_or(settings.agents.default_id());
    match settings.agents.get(&id.to_ascii_lowercase()) {
        Some(agent) => Ok(SessionKey::main(&agent.id, &settings.keys)),
        None => Err(RpcError::invalid(format!("unknown agent id \"{id}\""))
            .with_details(json!({"code": "UNKNOWN_AGENT_ID", "agentId": id}))),
    }
}

pub(super) async fn system_event(
    ctx: Ctx,
    params: SystemEventParams,
) -> Result<Reply<WakeResult>, RpcError> {
    let gateway = &ctx.gateway;
    let text = params.text.as_deref().map(str::trim);
    match text {
        None if ctx.peer.generation == Generation::V4 => Err(RpcError::invalid(
            "invalid system-event params: must have required property 'text'",
        )),
        None | Some("") => Err(RpcError::invalid("text required")),
        // What nodes say of themselves is for the list of who is there, not for a conversation.
        Some(text) if text.starts_with("Node:") => {
            gateway.presence.note(params, gateway.now_ms());
            let gateway = ctx.gateway.clone();
            Ok(Reply::of(&DONE)?.then(move || gateway.announce_presence()))
        }
        Some(text) => {
            gateway.system_events.push(gateway, &gateway.main_key(), text).await?;
            Reply::of(&DONE)
        }
    }
}

pub(super) async fn last_heartbeat(
    ctx: Ctx,
    _params: NoParams,
) -> Result<Reply<Option<HeartbeatEvent>>, RpcError> {
    Reply::of(&ctx.gateway.heartbeats.last())
}

pub(super) async fn set_heartbeats(
    ctx: Ctx,
    params: SetHeartbeatsParams,
) -> Result<Reply<SetHeartbeatsResult>, RpcError> {
    let Some(enabled) = params.enabled.as_bool() else {
        return Err(RpcError::invalid("invalid set-heartbeats params: enabled (boolean) required"));
    };
    ctx.gateway.heartbeats.switch(enabled);
    let gateway = ctx.gateway.clone();
    Ok(Reply::of(&SetHeartbeatsResult { ok: true, enabled })?
        .then(move || gateway.announce_health()))
}
