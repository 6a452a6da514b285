//! `tools.catalog` and `tools.effective` (protocol §15): the tools that runs are given.

use clawdbot_agent::{ExecTool, ReadTool, SessionStatusTool, Tool as _, ToolSpec};
use clawdbot_protocol::{OptionalAgentParams, RpcError, ToolsEffectiveParams};
use serde_json::{Value, json};

use super::{agent_of, resolve};
use crate::agents::Agent;
use crate::error::store_error;
use crate::exec;
use crate::router::{Ctx, Reply};
use crate::skills;

pub(super) async fn catalog(ctx: Ctx, params: OptionalAgentParams) -> Result<Reply, RpcError> {
    let agent = agent_of(&ctx, &params)?;
    Reply::ok(&json!({
        "agentId": agent.id,
        "profiles": [{"id": "full", "label": "Full"}],
        "groups": groups(&ctx, &agent),
    }))
}

pub(super) async fn effective(ctx: Ctx, params: ToolsEffectiveParams) -> Result<Reply, RpcError> {
    let key = resolve(&ctx, &params.session_key)?;
    let session = ctx.gateway.store.session(key.as_str()).await.map_err(store_error)?;
    if session.is_none() {
        return Err(RpcError::invalid(format!("unknown session key \"{}\"", params.session_key)));
    }
    let agent = super::known_agent(&ctx, key.agent(&ctx.gateway.settings().keys))?;
    Reply::ok(&json!({"agentId": agent.id, "profile": "full", "groups": groups(&ctx, &agent)}))
}

fn groups(ctx: &Ctx, agent: &Agent) -> Value {
    let skills = skills::managed_dir(&ctx.gateway);
    let files = ReadTool::with_skills(&agent.workspace, &skills).ok().map(|tool| tool.spec());
    let session = SessionStatusTool::new(|| Value::Null).spec();
    let exec = exec::is_offered(&ctx.gateway, agent).then(ExecTool::described);
    let groups = [
        ("fs", "Files", files),
        ("runtime", "Runtime", exec),
        ("sessions", "Sessions", Some(session)),
    ];
    groups
        .into_iter()
        .filter_map(|(id, label, tool)| {
            let tools = [row(tool?)];
            Some(json!({"id": id, "label": label, "source": "core", "tools": tools}))
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
