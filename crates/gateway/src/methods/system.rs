//! `health`, `status`, `system-presence`, `config.get`, `logs.tail` … (protocol §14.1, §14.5).

use clawdbot_protocol::{LogsTailParams, NoParams, RpcError};
use clawdbot_store::{SessionListed, SessionQuery};
use serde_json::{Map, Value, json};

use crate::error::store_error;
use crate::host;
use crate::rewrite::blocking;
use crate::router::{Ctx, Reply};
use crate::shared::Shared;
use crate::tail::Tail;

/// Sessions shown in `status`.
const RECENT: usize = 10;

pub(super) async fn health(ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    ctx.gateway.refresh_recent().await;
    Reply::ok(&ctx.gateway.health())
}

pub(super) async fn status(ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    let gateway = &ctx.gateway;
    let path = gateway.database();
    let settings = gateway.settings();
    let default = settings.catalog.default_model();
    let all = sessions(&ctx, None).await?;
    let mut by_agent = Vec::new();
    for agent in settings.agents.all() {
        let Listed { count, recent } = sessions(&ctx, Some(agent.id.clone())).await?;
        let row = json!({"agentId": agent.id, "path": path, "count": count, "recent": recent});
        by_agent.push(row);
    }
    let memory = blocking(host::process_memory).await?;
    let waiting = gateway.system_events.texts(gateway, &gateway.main_key()).await?;
    let mut answer = Map::new();
    answer.insert("runtimeVersion".into(), json!(gateway.version));
    answer.insert("pid".into(), json!(std::process::id()));
    answer.insert("uptimeMs".into(), json!(gateway.uptime_ms()));
    answer.insert("processMemory".into(), json!(memory));
    answer.insert("address".into(), json!(gateway.address()));
    if let Some(published) = gateway.published() {
        answer.insert("tailscale".into(), published);
    }
    answer.insert(
        "heartbeat".into(),
        json!({"defaultAgentId": settings.agents.default_id(), "agents": heartbeats(gateway)}),
    );
    answer.insert("channelSummary".into(), json!([]));
    answer.insert("queuedSystemEvents".into(), json!(waiting));
    answer.insert("warnings".into(), json!(gateway.warnings));
    answer.insert(
        "sessions".into(),
        json!({
            "paths": [path],
            "count": all.count,
            "defaults": {"model": default.id, "contextTokens": gateway.context_tokens(&default)},
            "recent": all.recent,
            "byAgent": by_agent,
        }),
    );
    Reply::ok(&answer)
}

struct Listed {
    count: u64,
    recent: Vec<Value>,
}

/// The newest conversations of one agent, or of all.
async fn sessions(ctx: &Ctx, agent_id: Option<String>) -> Result<Listed, RpcError> {
    let query = SessionQuery { limit: RECENT, agent_id, ..SessionQuery::default() };
    let page = ctx.gateway.store.sessions(query).await.map_err(store_error)?;
    let now_ms = ctx.gateway.now_ms();
    let row = |listed: &SessionListed| {
        let mut row = ctx.gateway.session_row(&listed.session);
        row.insert("age".into(), json!(now_ms - listed.session.updated_ms));
        Value::Object(row)
    };
    Ok(Listed { count: page.total, recent: page.sessions.iter().map(row).collect() })
}

pub(super) async fn presence(ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    Reply::ok(&ctx.gateway.presence.list())
}

/// The agents' heartbeats in short.
fn heartbeats(gateway: &Shared) -> Vec<Value> {
    let row = |agent: &crate::agents::Agent| {
        let heartbeat = gateway.heartbeat_row(&agent.id);
        json!({
            "agentId": agent.id,
            "enabled": heartbeat["enabled"],
            "every": heartbeat["every"],
            "everyMs": heartbeat["everyMs"],
        })
    };
    gateway.settings().agents.all().iter().map(row).collect()
}

pub(super) async fn logs_tail(ctx: Ctx, params: LogsTailParams) -> Result<Reply, RpcError> {
    let file = ctx.gateway.paths.log_file.clone();
    let tail = tokio::task::spawn_blocking(move || {
        Tail::read(&file, params.cursor, params.limit, params.max_bytes).map(|tail| (file, tail))
    })
    .await
    .map_err(|_| RpcError::unavailable("reading the log failed"))?;
    let (file, tail) =
        tail.map_err(|error| RpcError::unavailable(format!("the log cannot be read: {error}")))?;
    Reply::ok(&json!({
        "file": file,
        "cursor": tail.size,
        "size": tail.size,
        "lines": tail.lines,
        "truncated": tail.truncated,
        "reset": tail.reset,
    }))
}
