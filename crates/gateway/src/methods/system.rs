//! `health`, `status`, `system-presence`, `config.get`, `logs.tail` … (protocol §14.1, §14.5).

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use clawdbot_protocol::{LogsTailParams, NoParams, RpcError};
use clawdbot_store::{SessionListed, SessionQuery};
use serde_json::{Map, Value, json};

use crate::error::store_error;
use crate::gateway::Shared;
use crate::host;
use crate::rewrite::blocking;
use crate::router::{Ctx, Reply};

const DEFAULT_LINES: u32 = 500;
const DEFAULT_BYTES: u64 = 250_000;
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
    let tail = tokio::task::spawn_blocking(move || Tail::read(&file, &params).map(|t| (file, t)))
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

struct Tail {
    size: u64,
    lines: Vec<String>,
    truncated: bool,
    reset: bool,
}

impl Tail {
    fn read(path: &Path, params: &LogsTailParams) -> std::io::Result<Self> {
        let max_bytes = params.max_bytes.unwrap_or(DEFAULT_BYTES);
        let limit = params.limit.unwrap_or(DEFAULT_LINES) as usize;
        let mut file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { size: 0, lines: Vec::new(), truncated: false, reset: false });
            }
            Err(error) => return Err(error),
        };
        let size = file.metadata()?.len();
        let fits = |cursor: &u64| *cursor <= size && size - *cursor <= max_bytes;
        let reset = params.cursor.as_ref().is_some_and(|cursor| !fits(cursor));
        let start =
            params.cursor.filter(|cursor| fits(cursor)).unwrap_or(size.saturating_sub(max_bytes));
        // One byte more than asked for tells whether the first line is whole.
        let from = start.saturating_sub(1);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(size - from).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let whole = match start {
            0 => &text,
            _ => text.split_once('\n').map_or("", |(_, rest)| rest),
        };
        let lines: Vec<&str> = whole.lines().collect();
        let skip = lines.len().saturating_sub(limit);
        Ok(Self {
            size,
            truncated: skip > 0 || (params.cursor.is_none() && start > 0),
            lines: lines.into_iter().skip(skip).map(str::to_owned).collect(),
            reset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &str, params: &LogsTailParams) -> Tail {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Tail::read(file.path(), params).unwrap()
    }

    #[test]
    fn the_cursor_goes_on_where_the_last_answer_ended() {
        let all = tail("a\nb\n", &LogsTailParams::default());
        assert_eq!((all.lines, all.size, all.reset), (vec!["a".into(), "b".into()], 4, false));
        let params = LogsTailParams { cursor: Some(4), ..Default::default() };
        assert_eq!(tail("a\nb\nc\n", &params).lines, ["c"]);
    }

    #[test]
    fn a_cursor_beyond_the_end_or_too_far_back_resets() {
        let beyond = LogsTailParams { cursor: Some(100), ..Default::default() };
        assert!(tail("a\n", &beyond).reset);
        let far = LogsTailParams { cursor: Some(0), max_bytes: Some(3), ..Default::default() };
        let far = tail("aaaa\nb\n", &far);
        assert!(far.reset);
        assert_eq!(far.lines, ["b"], "the cut first line is left out");
    }

    #[test]
    fn limits_keep_the_newest_lines() {
        let params = LogsTailParams { limit: Some(1), ..Default::default() };
        let tail = tail("a\nb\nc\n", &params);
        assert_eq!(tail.lines, ["c"]);
        assert!(tail.truncated);
    }
}
