//! `models.list`, `agents.list`, `agent.identity.get` (protocol §14.3).

use clawdbot_agent::ModelInfo;
use clawdbot_protocol::{AgentIdentityParams, Generation, ModelsListParams, NoParams, RpcError};
use serde_json::{Map, Value, json};

use super::resolve;
use crate::agents::Agent;
use crate::router::{Ctx, Reply};

const THINKING_LEVELS: [&str; 5] = ["off", "minimal", "low", "medium", "high"];

pub(super) async fn models_list(ctx: Ctx, params: ModelsListParams) -> Result<Reply, RpcError> {
    let catalog = ctx.gateway.settings().catalog.clone();
    if params.refresh == Some(true) {
        catalog.discover().await;
    }
    let default = catalog.default_model();
    let models: Vec<_> = catalog
        .list()
        .iter()
        .filter(|info| {
            params.provider.as_ref().is_none_or(|wanted| *wanted == info.reference.provider)
        })
        .map(|info| model_row(info, info.reference == default, ctx.peer.generation))
        .collect();
    Reply::ok(&json!({"models": models}))
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
