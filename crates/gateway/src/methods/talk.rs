//! `voicewake.*`, `talk.*`, `tts.status` (protocol §14.11). The gateway remembers and passes on; it
//! neither listens nor speaks itself.

use clawdbot_config::redact;
use clawdbot_protocol::{
    Generation, NoParams, RpcError, Scope, TalkCatalog, TalkConfig, TalkConfigParams,
    TalkConfigParts, TalkMode, TalkModeParams, TtsStatus, VoiceWake, VoiceWakeSetParams,
};
use serde_json::{Value, json};

use crate::error::store_error;
use crate::hub::{Audience, Broadcast};
use crate::router::{Ctx, Reply, missing_scope};

const KIND: &str = "setting";
const VOICEWAKE: &str = "voicewake";
/// Words kept, and characters of each.
const MAX_TRIGGERS: usize = 32;
const MAX_CHARS: usize = 64;

pub(super) async fn voicewake_get(
    ctx: Ctx,
    _params: NoParams,
) -> Result<Reply<VoiceWake>, RpcError> {
    let stored = ctx.gateway.store.get_doc(KIND, VOICEWAKE).await.map_err(store_error)?;
    let stored = stored.and_then(|body| serde_json::from_value(body).ok());
    Reply::of(&stored.unwrap_or_else(|| usual(ctx.peer.generation)))
}

pub(super) async fn voicewake_set(
    ctx: Ctx,
    params: VoiceWakeSetParams,
) -> Result<Reply<VoiceWake>, RpcError> {
    let given = params.triggers.as_array();
    let words = given.and_then(|all| all.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    let Some(words) = words else {
        return Err(RpcError::invalid("voicewake.set requires triggers: string[]"));
    };
    let triggers: Vec<String> = words
        .into_iter()
        .map(|word| word.trim().chars().take(MAX_CHARS).collect::<String>())
        .filter(|word| !word.is_empty())
        .take(MAX_TRIGGERS)
        .collect();
    let wake = match triggers.is_empty() {
        true => usual(ctx.peer.generation),
        false => VoiceWake { triggers },
    };
    let body = json!(wake);
    ctx.gateway.store.put_doc(KIND, VOICEWAKE, &body).await.map_err(store_error)?;
    let gateway = ctx.gateway.clone();
    Ok(Reply::of(&wake)?.then(move || {
        let event = Broadcast {
            audience: Audience::Scope(Scope::Read),
            droppable: true,
            ..Broadcast::new("voicewake.changed")
        };
        gateway.hub.publish(&event, |_| &wake);
        gateway.hub.tell_nodes(None, "voicewake.changed", &wake);
    }))
}

/// The words where nobody has chosen any: each generation answers to its own name.
fn usual(generation: Generation) -> VoiceWake {
    let name = match generation {
        Generation::V3 => "clawd",
        Generation::V4 => "openclaw",
    };
    VoiceWake { triggers: [name, "claude", "computer"].map(str::to_owned).to_vec() }
}

pub(super) async fn mode(ctx: Ctx, params: TalkModeParams) -> Result<Reply<TalkMode>, RpcError> {
    let is_webchat = ctx.peer.client_mode == "webchat" || ctx.peer.client_id.starts_with("webchat");
    // Pages of generation 3 cannot listen; a phone has to.
    if ctx.peer.generation == Generation::V3 && is_webchat && !ctx.gateway.hub.has_nodes() {
        return Err(RpcError::unavailable("talk disabled: no connected iOS/Android nodes"));
    }
    let TalkModeParams { enabled, phase } = params;
    let mode = TalkMode { enabled, phase, ts: ctx.gateway.now_ms() };
    let gateway = ctx.gateway.clone();
    Ok(Reply::of(&mode)?.then(move || {
        let event = Broadcast {
            audience: Audience::Scope(Scope::Read),
            droppable: true,
            ..Broadcast::new("talk.mode")
        };
        gateway.hub.publish(&event, |_| &mode);
    }))
}

pub(super) async fn config(
    ctx: Ctx,
    params: TalkConfigParams,
) -> Result<Reply<TalkConfig>, RpcError> {
    let secrets = params.include_secrets == Some(true);
    if secrets && !ctx.peer.scopes.allow(Scope::TalkSecrets) {
        return Err(missing_scope(&ctx.peer, Scope::TalkSecrets));
    }
    let value = &ctx.gateway.settings().loaded.value;
    let shown = if secrets { value.clone() } else { redact(value) };
    let only =
        |block: &str, name: &str| shown.get(block)?.get(name).map(|value| json!({name: value}));
    Reply::of(&TalkConfig {
        config: TalkConfigParts {
            talk: shown.get("talk").cloned(),
            session: only("session", "mainKey"),
            ui: only("ui", "seamColor"),
        },
    })
}

pub(super) async fn catalog(_ctx: Ctx, _params: NoParams) -> Result<Reply<TalkCatalog>, RpcError> {
    Reply::of(&TalkCatalog::default())
}

pub(super) async fn tts_status(ctx: Ctx, _params: NoParams) -> Result<Reply<TtsStatus>, RpcError> {
    let prefs = ctx.gateway.paths.state_dir.join("settings").join("tts.json");
    Reply::of(&TtsStatus {
        auto: "off".to_owned(),
        prefs_path: prefs.display().to_string(),
        ..TtsStatus::default()
    })
}
