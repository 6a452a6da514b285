//! `tools.catalog` and `tools.effective` (protocol §15): the tools that runs are given.

use clawdbot_agent::{ExecTool, ToolSpec};
use clawdbot_protocol::{OptionalAgentParams, RpcError, SessionKey, ToolsEffectiveParams};
use serde_json::{Value, json};

use super::{agent_of, resolve};
use crate::agents::Agent;
use crate::error::store_error;
use crate::exec;
use crate::router::{Ctx, Reply};
use crate::toolbox;

pub(super) async fn catalog(ctx: Ctx, params: OptionalAgentParams) -> Result<Reply, RpcError> {
    let agent = agent_of(&ctx, &params)?;
    let main = SessionKey::main(&agent.id, &ctx.gateway.settings().keys);
    Reply::ok(&json!({
        "agentId": agent.id,
        "profiles": [{"id": "full", "label": "Full"}],
        "groups": groups(&ctx, &agent, &main),
    }))
}

pub(super) async fn effective(ctx: Ctx, params: ToolsEffectiveParams) -> Result<Reply, RpcError> {
    let key = resolve(&ctx, &params.session_key)?;
    let session = ctx.gateway.store.session(key.as_str()).await.map_err(store_error)?;
    if session.is_none() {
        return Err(RpcError::invalid(format!("unknown session key \"{}\"", params.session_key)));
    }
    let agent = super::known_agent(&ctx, key.agent(&ctx.gateway.settings().keys))?;
    Reply::ok(
        &json!({"agentId": agent.id, "profile": "full", "groups": groups(&ctx, &agent, &key)}),
    )
}

fn groups(ctx: &Ctx, agent: &Agent, key: &SessionKey) -> Value {
    let settings = ctx.gateway.settings();
    let model = ctx.gateway.model_of(None, &agent.id);
    let mut tools: Vec<ToolSpec> = toolbox::reading(&ctx.gateway, &agent.id, key, None, &model)
        .iter()
        .map(|tool| tool.spec())
        .collect();
    if exec::is_offered(&ctx.gateway, key, agent) {
        tools.push(ExecTool::described());
    }
    tools.retain(|tool| settings.offers(&agent.id, &tool.name));
    tools
        .into_iter()
        .map(|tool| {
            let (id, label) = match tool.name.as_str() {
                "read" => ("fs", "Files"),
                "exec" => ("runtime", "Runtime"),
                _ => ("sessions", "Sessions"),
            };
            json!({"id": id, "label": label, "source": "core", "tools": [row(tool)]})
        })
        .collect()
}

fn row(tool: ToolSpec) -> Value {
    json!({
        "id": tool.name,
        "label": tool.name,
        "description": tool.description,
        "source": "core",
        "defaultProfiles": ["full"],
    })
}
