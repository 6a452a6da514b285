//! `models.list`, `models.authStatus`, `chat.metadata`, `agents.list`, `agent.identity.get`
//! (protocol §14.3).

use clawdbot_agent::{Demo, ModelInfo, ModelRef, provider_choices};
use clawdbot_protocol::{
    AgentIdentityParams, Generation, ModelsListParams, ModelsView, NoParams, OptionalAgentParams,
    RpcError,
};
use serde_json::{Map, Value, json};

use super::{agent_of, commands, resolve};
use crate::agents::Agent;
use crate::router::{Ctx, Reply};

const THINKING_LEVELS: [&str; 5] = ["off", "minimal", "low", "medium", "high"];

pub(super) async fn models_list(ctx: Ctx, params: ModelsListParams) -> Result<Reply, RpcError> {
    let catalog = ctx.gateway.settings().catalog.clone();
    if params.refresh == Some(true) {
        catalog.discover().await;
    }
    let agent = OptionalAgentParams {
        agent_id: params.agent_id.clone(),
        session_key: params.session_key.clone(),
    };
    let default = ctx.gateway.model_of(None, &agent_of(&ctx, &agent)?.id);
    let view = params.view.unwrap_or(ModelsView::Default);
    let models = model_rows(&ctx, &default, |info| {
        let wanted = params.provider.as_ref();
        wanted.is_none_or(|wanted| *wanted == info.reference.provider) && in_view(&ctx, view, info)
    });
    Reply::ok(&json!({"models": models}))
}

/// What the composer of a conversation shows at once: models and commands.
pub(super) async fn chat_metadata(
    ctx: Ctx,
    params: OptionalAgentParams,
) -> Result<Reply, RpcError> {
    let default = ctx.gateway.model_of(None, &agent_of(&ctx, &params)?.id);
    Reply::ok(&json!({
        "models": model_rows(&ctx, &default, |_| true),
        "commands": commands::rows(),
        "swarmEnabled": false,
    }))
}

/// Which providers have a key, and where it comes from.
pub(super) async fn auth_status(ctx: Ctx, params: OptionalAgentParams) -> Result<Reply, RpcError> {
    agent_of(&ctx, &params)?;
    let settings = ctx.gateway.settings();
    let configured = &settings.config().models.providers;
    let usable: Vec<String> =
        settings.catalog.list().into_iter().map(|info| info.reference.provider).collect();
    // The built-in demonstration asks nobody.
    let demo = Demo::reference().provider;
    let mut ids: Vec<&String> =
        usable.iter().chain(configured.keys()).filter(|id| **id != demo).collect();
    ids.sort();
    ids.dedup();
    let row = |id: &&String| {
        let known = provider_choices().into_iter().find(|choice| choice.id == id.as_str());
        let from_config = configured.get(*id).is_some_and(|provider| provider.api_key.is_some());
        let source = match known {
            _ if from_config => Some("config"),
            Some(known) if known.needs_key && usable.contains(id) => Some("env"),
            _ => None,
        };
        let mut row = Map::new();
        row.insert("provider".into(), json!(id));
        row.insert("authProvider".into(), json!(id));
        row.insert("displayName".into(), json!(id));
        let status = if usable.contains(id) { "static" } else { "missing" };
        row.insert("status".into(), json!(status));
        row.insert("profiles".into(), json!([]));
        if let Some(source) = source {
            row.insert("apiKey".into(), json!({"source": source}));
        }
        row
    };
    let providers: Vec<_> = ids.iter().map(row).collect();
    // Keys are set with the wizard or in the configuration, not by a method of their own.
    let capabilities: Vec<_> = provider_choices()
        .iter()
        .map(|choice| {
            json!({
                "provider": choice.id,
                "apiKeySupported": choice.needs_key,
                "quickApiKeySetup": false,
            })
        })
        .collect();
    Reply::ok(&json!({
        "ts": ctx.gateway.now_ms(),
        "providers": providers,
        "providerCapabilities": capabilities,
    }))
}

fn in_view(ctx: &Ctx, view: ModelsView, info: &ModelInfo) -> bool {
    let settings = ctx.gateway.settings();
    let configured = &settings.config().models.providers;
    match view {
        ModelsView::Default | ModelsView::All => true,
        ModelsView::Configured if configured.is_empty() => true,
        ModelsView::Configured | ModelsView::ProviderConfig => {
            configured.contains_key(&info.reference.provider)
        }
    }
}

fn model_rows(
    ctx: &Ctx,
    default: &ModelRef,
    wanted: impl Fn(&ModelInfo) -> bool,
) -> Vec<Map<String, Value>> {
    let settings = ctx.gateway.settings();
    let own = &settings.config().agents.defaults.models;
    let list = settings.catalog.list();
    let row = |info: &ModelInfo| {
        let mut row = model_row(info, info.reference == *default, ctx.peer.generation);
        let alias = own.get(&info.reference.to_string()).and_then(|own| own.alias.as_ref());
        if let Some(alias) = alias.filter(|_| ctx.peer.generation == Generation::V4) {
            row.insert("alias".into(), json!(alias));
        }
        row
    };
    list.iter().filter(|info| wanted(info)).map(row).collect()
}

fn model_row(info: &ModelInfo, is_default: bool, generation: Generation) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("id".into(), json!(info.reference.id));
    row.insert("name".into(), json!(info.name));
    row.insert("provider".into(), json!(info.reference.provider));
    row.insert("contextWindow".into(), json!(info.context_window));
    row.insert("reasoning".into(), json!(info.reasoning));
    row.insert("input".into(), json!(info.input));
    if generation == Generation::V4 {
        row.insert("available".into(), json!(true));
        row.insert("tags".into(), json!(if is_default { vec!["default"] } else { vec![] }));
        row.insert("thinkingLevels".into(), levels(info.reasoning));
        let default = if info.reasoning { "low" } else { "off" };
        row.insert("thinkingDefault".into(), json!(default));
    }
    row
}

fn levels(reasoning: bool) -> Value {
    let count = if reasoning { THINKING_LEVELS.len() } else { 1 };
    THINKING_LEVELS.iter().take(count).map(|id| json!({"id": id, "label": id})).collect()
}

pub(super) async fn agents_list(ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    let gateway = &ctx.gateway;
    let settings = gateway.settings();
    let agents: Vec<_> = settings.agents.all().iter().map(|agent| agent_row(&ctx, agent)).collect();
    let mut answer = Map::new();
    answer.insert("defaultId".into(), json!(settings.agents.default_id()));
    answer.insert("mainKey".into(), json!(settings.keys.main_key));
    let scope = if settings.keys.global_scope { "global" } else { "per-sender" };
    answer.insert("scope".into(), json!(scope));
    if ctx.peer.generation == Generation::V4 {
        answer.insert("ownership".into(), json!("sole"));
        answer.insert("selectionRequired".into(), json!(false));
    }
    answer.insert("agents".into(), json!(agents));
    Reply::ok(&answer)
}

fn agent_row(ctx: &Ctx, agent: &Agent) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("id".into(), json!(agent.id));
    if let Some(name) = &agent.name {
        row.insert("name".into(), json!(name));
        let mut identity = Map::new();
        identity.insert("name".into(), json!(name));
        for (member, value) in [("emoji", &agent.emoji), ("avatar", &agent.avatar)] {
            if let Some(value) = value {
                identity.insert(member.into(), json!(value));
            }
        }
        row.insert("identity".into(), Value::Object(identity));
    }
    if ctx.peer.generation == Generation::V4 {
        let model = ctx.gateway.model_of(None, &agent.id).to_string();
        row.insert("workspace".into(), json!(agent.workspace));
        row.insert("model".into(), json!({"primary": model}));
    }
    row
}

pub(super) async fn identity(ctx: Ctx, params: AgentIdentityParams) -> Result<Reply, RpcError> {
    let settings = ctx.gateway.settings();
    let from_key = match &params.session_key {
        Some(raw) => Some(resolve(&ctx, raw)?.agent(&settings.keys).to_owned()),
        None => None,
    };
    let id = match (params.agent_id, from_key) {
        (Some(id), Some(other)) if id != other => {
            return Err(RpcError::invalid(format!(
                "invalid agent.identity.get params: agent \"{id}\" does not match session key \
                 agent \"{other}\""
            )));
        }
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => settings.agents.default_id().to_owned(),
    };
    let agent = settings.agents.get(&id);
    let name = agent.and_then(|agent| agent.name.clone());
    let source = if name.is_some() { "config" } else { "default" };
    let avatar = agent.and_then(|agent| agent.avatar.clone().or_else(|| agent.emoji.clone()));
    Reply::ok(&json!({
        "agentId": id,
        "name": name.unwrap_or_else(|| "Assistant".to_owned()),
        "nameSource": source,
        "avatar": avatar.unwrap_or_else(|| "A".to_owned()),
    }))
}
