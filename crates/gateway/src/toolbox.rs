//! The tools that only look: given to every run, and offered to other programs over HTTP.

use std::sync::Arc;

use clawdbot_agent::{ModelRef, ReadTool, SessionStatusTool, Tool};
use clawdbot_protocol::SessionKey;
use clawdbot_store::Session;
use serde_json::json;

use crate::shared::Shared;
use crate::skills;

/// Tools that read an agent's workspace and the state of one conversation.
pub(crate) fn reading(
    shared: &Shared,
    agent_id: &str,
    key: &SessionKey,
    session: Option<&Session>,
    model: &ModelRef,
) -> Vec<Arc<dyn Tool>> {
    let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
    let settings = shared.settings();
    if let Some(agent) = settings.agents.get(agent_id)
        && let Ok(read) = ReadTool::with_skills(&agent.workspace, &skills::managed_dir(shared))
    {
        tools.push(Arc::new(read));
    }
    let field = |name: &str| session.and_then(|session| session.fields.get(name)).cloned();
    let status = json!({
        "sessionKey": key,
        "model": model.to_string(),
        "tokens": {
            "input": field("inputTokens"),
            "output": field("outputTokens"),
            "context": field("totalTokens"),
        },
        "time": jiff::Zoned::now().strftime("%Y-%m-%d %H:%M %Z").to_string(),
        "gatewayVersion": shared.version,
        "uptimeSeconds": shared.uptime_ms() / 1000,
    });
    tools.push(Arc::new(SessionStatusTool::new(move || status.clone())));
    tools
}
