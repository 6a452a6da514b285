//! `chat.history`, `chat.startup`, `chat.message.get` (protocol §13.9, §13.11).

use clawdbot_protocol::{ChatHistoryParams, ChatMessageGetParams, Generation, RpcError};
use clawdbot_store::{HistoryPage, HistoryQuery};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::resolve;
use crate::error::store_error;
use crate::router::{Ctx, Reply};
use crate::rows;

/// Rows without a limit given.
const DEFAULT_LIMIT: u32 = 200;
/// JSON size of an answer's rows, in bytes (protocol §2).
const BUDGET: u64 = 6 * 1024 * 1024;
/// Longest text of one row without a limit given, in characters.
const DEFAULT_MAX_CHARS: u32 = 500_000;

pub(super) async fn history(ctx: Ctx, params: ChatHistoryParams) -> Result<Reply, RpcError> {
    let gateway = &ctx.gateway;
    let key = resolve(&ctx, &params.session_key)?;
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    let after = params.cursor.as_deref().map(Cursor::parse);
    let query = HistoryQuery {
        limit: limit as usize,
        offset: params.offset,
        after_seq: after.as_ref().map(|cursor| cursor.seq),
        max_bytes: Some(params.max_bytes.unwrap_or(BUDGET).min(BUDGET) as usize),
        ..HistoryQuery::default()
    };
    let session = gateway.store.session(key.as_str()).await.map_err(store_error)?;
    let page = gateway.store.history(key.as_str(), query).await.map_err(store_error)?;
    let revision = session.as_ref().map_or("", |session| session.lifecycle_revision.as_str());
    if after.as_ref().is_some_and(|cursor| cursor.revision != revision || page.has_more) {
        return Reply::ok(&json!({"kind": "reset"}));
    }
    let max_chars = params.max_chars.unwrap_or(DEFAULT_MAX_CHARS) as usize;
    let mut answer = Map::new();
    if after.is_some() {
        answer.insert("kind".into(), json!("delta"));
    }
    answer.insert("sessionKey".into(), json!(params.session_key));
    if let Some(id) = &page.session_id {
        answer.insert("sessionId".into(), json!(id));
    }
    let level = session.as_ref().and_then(|session| session.fields.get("thinkingLevel"));
    if let Some(level) = level {
        answer.insert("thinkingLevel".into(), level.clone());
    } else if ctx.peer.generation == Generation::V3 {
        answer.insert("thinkingLevel".into(), json!("off"));
    }
    if ctx.peer.generation == Generation::V4 {
        let last = page.messages.last().map_or(0, |row| row.seq);
        let info = match &session {
            Some(session) => gateway.session_row(session),
            None => gateway.empty_row(&key),
        };
        paging(&mut answer, &page, params.offset.unwrap_or(0));
        answer.insert("pendingInputs".into(), json!({"items": [], "total": 0}));
        answer.insert("deltaCursor".into(), json!(Cursor::format(revision, last)));
        answer.insert("defaults".into(), gateway.session_defaults());
        answer.insert("sessionInfo".into(), Value::Object(info));
        if let Some((run_id, text)) = gateway.runs.in_flight(&key) {
            answer.insert("inFlightRun".into(), json!({"runId": run_id, "text": text}));
        }
    }
    let messages = page
        .messages
        .iter()
        .map(|stored| rows::message_within(stored, max_chars))
        .collect::<Result<Vec<_>, _>>()?;
    reply_with_messages(&answer, &messages)
}

fn paging(answer: &mut Map<String, Value>, page: &HistoryPage, offset: u64) {
    answer.insert("hasMore".into(), json!(page.has_more));
    answer.insert("totalMessages".into(), json!(page.total));
    if page.has_more {
        let next = offset + page.messages.len() as u64;
        answer.insert("nextOffset".into(), json!(next));
    }
}

/// Rows are already JSON; they are put in as they are.
fn reply_with_messages(
    answer: &Map<String, Value>,
    messages: &[Box<RawValue>],
) -> Result<Reply, RpcError> {
    #[derive(serde::Serialize)]
    struct Answer<'a> {
        #[serde(flatten)]
        members: &'a Map<String, Value>,
        messages: &'a [Box<RawValue>],
    }
    Reply::ok(&Answer { members: answer, messages })
}

/// A position in one revision of a conversation.
struct Cursor {
    revision: String,
    seq: i64,
}

impl Cursor {
    fn parse(text: &str) -> Self {
        let (revision, seq) = text.rsplit_once(':').unwrap_or(("", ""));
        // A cursor that makes no sense matches no revision, which answers `reset`.
        match seq.parse() {
            Ok(seq) => Self { revision: revision.to_owned(), seq },
            Err(_) => Self { revision: "invalid".to_owned(), seq: 0 },
        }
    }

    fn format(revision: &str, seq: i64) -> String {
        format!("{revision}:{seq}")
    }
}

pub(super) async fn message_get(ctx: Ctx, params: ChatMessageGetParams) -> Result<Reply, RpcError> {
    let key = resolve(&ctx, &params.session_key)?;
    let found =
        ctx.gateway.store.message(key.as_str(), &params.message_id).await.map_err(store_error)?;
    match found {
        Some(stored) => Reply::ok(&json!({"ok": true, "message": rows::message(&stored)?})),
        None => Reply::ok(&json!({"ok": false, "unavailableReason": "not_found"})),
    }
}
