//! `sessions.*` (protocol §14.2).

use std::sync::Arc;
use std::time::Duration;

use clawdbot_protocol::{
    ErrorCode, Generation, NoParams, RpcError, Scope, SessionKey, SessionKeyParams,
    SessionsCreateParams, SessionsDeleteParams, SessionsListParams, SessionsPreviewParams,
    SessionsResolveParams, SessionsSearchParams,
};
use clawdbot_store::{HistoryQuery, Role, Session, SessionQuery};
use serde_json::{Map, Value, json};

use super::session_patch::{put, set_model, set_thinking};
use super::{resolve, resolve_known};
use crate::archive;
use crate::error::store_error;
use crate::hub::MAX_CONVERSATIONS;
use crate::router::{Ctx, Reply};
use crate::submit::{Submission, Submitted};
use crate::{attachments, transcript};

const DEFAULT_LIMIT: u32 = 100;
/// Conversations one `sessions.preview` looks at.
const MAX_PREVIEWS: usize = 64;
/// Bytes of rows read for one preview.
const PREVIEW_BYTES: usize = 256 * 1024;
/// Conversations one `sessions.list` answers at most.
const MAX_LIMIT: u32 = 1000;
/// Hits looked through when only some conversations count.
const MAX_SEARCHED: usize = 1000;
/// How long a deletion waits for runs to have stopped.
const DELETE_WAIT: Duration = Duration::from_secs(5);

pub(super) async fn list(ctx: Ctx, params: SessionsListParams) -> Result<Reply, RpcError> {
    let gateway = &ctx.gateway;
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let offset = params.offset.unwrap_or(0);
    let now_ms = gateway.now_ms();
    let titles = params.include_derived_titles.unwrap_or(false);
    let previews = params.include_last_message.unwrap_or(false);
    let query = SessionQuery {
        agent_id: params.agent_id,
        search: params.search.filter(|text| !text.trim().is_empty()),
        label: params.label,
        spawned_by: params.spawned_by,
        archived: match params.archived {
            Some(Value::String(all)) if all == "all" => None,
            wanted => Some(wanted == Some(Value::Bool(true))),
        },
        updated_after_ms: params.active_minutes.map(|min| now_ms - i64::from(min) * 60_000),
        limit: limit as usize,
        offset: u64::from(offset),
        include_last_message: previews,
    };
    let page = gateway.store.sessions(query).await.map_err(store_error)?;
    let sessions: Vec<_> =
        page.sessions.iter().map(|listed| gateway.listed_row(listed, titles, previews)).collect();
    let next = u64::from(offset) + sessions.len() as u64;
    let more = next < page.total;
    let mut answer = Map::new();
    answer.insert("ts".into(), json!(now_ms));
    answer.insert("path".into(), json!(gateway.database()));
    answer.insert("count".into(), json!(sessions.len()));
    if ctx.peer.generation == Generation::V4 {
        answer.insert("totalCount".into(), json!(page.total));
        answer.insert("limitApplied".into(), json!(limit));
        answer.insert("nextOffset".into(), json!(more.then_some(next)));
        answer.insert("hasMore".into(), json!(more));
        answer.insert("owners".into(), json!([]));
    }
    answer.insert("defaults".into(), gateway.session_defaults());
    answer.insert("sessions".into(), json!(sessions));
    Reply::ok(&answer)
}

pub(super) async fn describe(ctx: Ctx, params: SessionKeyParams) -> Result<Reply, RpcError> {
    let key = resolve(&ctx, &params.key)?;
    let session = ctx.gateway.store.session(key.as_str()).await.map_err(store_error)?;
    Reply::ok(&json!({"session": session.map(|session| ctx.gateway.session_row(&session))}))
}

pub(super) async fn preview(ctx: Ctx, params: SessionsPreviewParams) -> Result<Reply, RpcError> {
    let mut previews = Vec::new();
    for raw in params.keys.iter().take(MAX_PREVIEWS) {
        previews.push(preview_one(&ctx, raw, &params).await?);
    }
    Reply::ok(&json!({"ts": ctx.gateway.now_ms(), "previews": previews}))
}

async fn preview_one(
    ctx: &Ctx,
    raw: &str,
    params: &SessionsPreviewParams,
) -> Result<Value, RpcError> {
    let missing = json!({"key": raw, "status": "missing", "items": []});
    let Ok(key) = resolve(ctx, raw) else {
        return Ok(missing);
    };
    let limit = params.limit.unwrap_or(12).min(100) as usize;
    let max_chars = params.max_chars.unwrap_or(240) as usize;
    let query = HistoryQuery { limit, max_bytes: Some(PREVIEW_BYTES), ..HistoryQuery::default() };
    let page = ctx.gateway.store.history(key.as_str(), query).await.map_err(store_error)?;
    if page.session_id.is_none() {
        return Ok(missing);
    }
    let items: Vec<Value> = page
        .messages
        .iter()
        .filter(|row| !row.text.is_empty())
        .map(|row| {
            let role = match row.role {
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::ToolResult => "tool",
                Role::System => "system",
            };
            json!({"role": role, "text": crate::rows::shorten(&row.text, max_chars)})
        })
        .collect();
    let status = if items.is_empty() { "empty" } else { "ok" };
    Ok(json!({"key": raw, "status": status, "items": items}))
}

pub(super) async fn resolve_session(
    ctx: &Ctx,
    params: &SessionsResolveParams,
) -> Result<(String, Option<Session>), RpcError> {
    let store = &ctx.gateway.store;
    if let Some(raw) = &params.key {
        let key = resolve(ctx, raw)?;
        return Ok((raw.clone(), store.session(key.as_str()).await.map_err(store_error)?));
    }
    if let Some(id) = &params.session_id {
        return Ok((id.clone(), store.session_by_id(id).await.map_err(store_error)?));
    }
    if let Some(label) = &params.label {
        return Ok((label.clone(), store.session_by_label(label).await.map_err(store_error)?));
    }
    Err(RpcError::invalid(match ctx.peer.generation {
        Generation::V3 => "Either key, sessionId, or label is required",
        Generation::V4 => "Either key, sessionId, label, shortId, or reference is required",
    }))
}

pub(super) async fn resolve_method(
    ctx: Ctx,
    params: SessionsResolveParams,
) -> Result<Reply, RpcError> {
    let (asked, session) = resolve_session(&ctx, &params).await?;
    match session {
        Some(session) => {
            let mut answer = Map::new();
            answer.insert("ok".into(), json!(true));
            answer.insert("key".into(), json!(session.key));
            answer.insert("agentId".into(), json!(session.agent_id));
            if let Some(label) = session.fields.get("label") {
                answer.insert("displayName".into(), label.clone());
            }
            Reply::ok(&answer)
        }
        None if params.allow_missing == Some(true) => Reply::ok(&json!({"ok": true})),
        None => Err(RpcError::invalid(format!("No session found: {asked}"))),
    }
}

pub(super) async fn search(ctx: Ctx, params: SessionsSearchParams) -> Result<Reply, RpcError> {
    let limit = params.limit.unwrap_or(20) as usize;
    let keys = match &params.session_keys {
        Some(raw) => Some(raw.iter().map(|raw| resolve(&ctx, raw)).collect::<Result<Vec<_>, _>>()?),
        None => None,
    };
    let wanted = if keys.is_some() { MAX_SEARCHED } else { limit + 1 };
    let hits = ctx.gateway.store.search(&params.query, wanted).await.map_err(store_error)?;
    let mut results: Vec<Value> = hits
        .iter()
        .filter(|hit| {
            keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key.as_str() == hit.session_key))
        })
        .map(|hit| {
            json!({"sessionKey": hit.session_key, "messageId": hit.message_id,
                "messageSeq": hit.seq, "ts": hit.ts_ms, "snippet": hit.snippet})
        })
        .collect();
    let truncated = results.len() > limit;
    results.truncate(limit);
    Reply::ok(&json!({"results": results, "truncated": truncated}))
}

pub(super) async fn subscribe(ctx: Ctx, params: SessionsListParams) -> Result<Reply, RpcError> {
    ctx.gateway.hub.subscribe_sessions(ctx.peer.conn, true);
    let wants_list = params.limit.is_some()
        || params.include_derived_titles.is_some()
        || params.include_last_message.is_some();
    if !wants_list {
        return Reply::ok(&json!({"subscribed": true}));
    }
    list(ctx, params).await?.wrapped("list", json!({"subscribed": true}))
}

pub(super) async fn unsubscribe(ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    ctx.gateway.hub.subscribe_sessions(ctx.peer.conn, false);
    Reply::ok(&json!({"subscribed": false}))
}

pub(super) async fn messages_subscribe(
    ctx: Ctx,
    params: SessionKeyParams,
) -> Result<Reply, RpcError> {
    let key = resolve(&ctx, &params.key)?;
    if !ctx.gateway.hub.subscribe_messages(ctx.peer.conn, key.as_str(), true) {
        return Err(RpcError::invalid(format!(
            "this connection follows {MAX_CONVERSATIONS} conversations already; unsubscribe from one \
             first"
        )));
    }
    let mut answer = Map::new();
    answer.insert("subscribed".into(), json!(true));
    answer.insert("key".into(), json!(key));
    if params.include_approvals == Some(true) {
        answer.insert(
            "approvalReplay".into(),
            json!({"sessionKey": key, "updatedAtMs": ctx.gateway.now_ms(),
                "approvals": open_approvals(&ctx, &key), "truncated": false}),
        );
    }
    Reply::ok(&answer)
}

/// What waits for a decision in one conversation, for those who may decide (SCP-05).
fn open_approvals(ctx: &Ctx, key: &SessionKey) -> Vec<Value> {
    if !ctx.peer.scopes.allow(Scope::Approvals) {
        return Vec::new();
    }
    let waiting = ctx.gateway.approvals.waiting();
    let is_here = |raw: &String| resolve(ctx, raw).is_ok_and(|of| of == *key);
    let here = waiting.iter().filter(|open| open.wish.session_key.as_ref().is_some_and(is_here));
    here.map(|approval| approval.entry(ctx.peer.generation)).collect()
}

pub(super) async fn messages_unsubscribe(
    ctx: Ctx,
    params: SessionKeyParams,
) -> Result<Reply, RpcError> {
    let key = resolve(&ctx, &params.key)?;
    ctx.gateway.hub.subscribe_messages(ctx.peer.conn, key.as_str(), false);
    Reply::ok(&json!({"subscribed": false, "key": key}))
}

pub(super) async fn create(ctx: Ctx, params: SessionsCreateParams) -> Result<Reply, RpcError> {
    let gateway = &ctx.gateway;
    let settings = gateway.settings();
    let agent = params.agent_id.as_deref().unwrap_or(settings.agents.default_id());
    // A repeat means the conversation that its first message went to.
    let earlier = match &params.idempotency_key {
        Some(run_id) => gateway.store.run(run_id).await.map_err(store_error)?,
        None => None,
    };
    let raw = params
        .key
        .clone()
        .or(earlier.map(|run| run.session_key))
        .unwrap_or_else(|| format!("agent:{agent}:dashboard:{}", uuid::Uuid::new_v4()));
    let key = resolve_known(&ctx, &raw)?;
    let mut fields = Map::new();
    if let Some(model) = &params.model {
        set_model(&ctx, &mut fields, Some(model))?;
    }
    if let Some(level) = &params.thinking_level {
        set_thinking(&mut fields, Some(level))?;
    }
    let session = put(&ctx, &key, fields, params.label).await?;
    let run_id = params.idempotency_key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let first = match params.message.filter(|text| !text.trim().is_empty()) {
        Some(message) => {
            let submission = Submission {
                key: key.clone(),
                requested_key: key.to_string(),
                message,
                run_id: run_id.clone(),
                attachments: Vec::new(),
                thinking: None,
                timeout: None,
                extra_prompt: None,
                sender: ctx.peer.as_ref().into(),
            };
            Some(submission.accept(&ctx.gateway).await?)
        }
        None => None,
    };
    let mut answer = Map::new();
    answer.insert("ok".into(), json!(true));
    answer.insert("key".into(), json!(key));
    answer.insert("sessionId".into(), json!(session.session_id));
    answer.insert("entry".into(), gateway.session_entry(&session));
    answer.insert("resolved".into(), gateway.resolved_model(&session));
    let started = matches!(first, Some(Submitted::Started(_)));
    answer.insert("runStarted".into(), json!(started));
    if first.is_some() {
        answer.insert("runId".into(), json!(run_id));
    }
    let gateway = Arc::clone(gateway);
    Ok(Reply::ok(&answer)?.then(move || {
        gateway.announce_change(&session, "create");
        if let Some(Submitted::Started(started)) = first {
            started.go(&gateway);
        }
    }))
}

pub(super) async fn reset(ctx: Ctx, params: SessionKeyParams) -> Result<Reply, RpcError> {
    let key = resolve_known(&ctx, &params.key)?;
    let session = reset_now(&ctx, &key).await?;
    Reply::ok(&json!({
        "ok": true,
        "key": key,
        "entry": ctx.gateway.session_entry(&session),
        "resolved": ctx.gateway.resolved_model(&session),
    }))
}

/// Starts a conversation over and tells everybody.
pub(super) async fn reset_now(ctx: &Ctx, key: &SessionKey) -> Result<Session, RpcError> {
    let gateway = &ctx.gateway;
    stop_runs(ctx, key).await?;
    let now_ms = gateway.now_ms();
    if gateway.store.session(key.as_str()).await.map_err(store_error)?.is_none() {
        put(ctx, key, Map::new(), None).await?;
    }
    let divider = transcript::divider_row(now_ms)?;
    let session =
        gateway.store.reset_session(key.as_str(), divider, now_ms).await.map_err(store_error)?;
    gateway.announce_change(&session, "reset");
    Ok(session)
}

pub(super) async fn delete(ctx: Ctx, params: SessionsDeleteParams) -> Result<Reply, RpcError> {
    let gateway = &ctx.gateway;
    let key = resolve(&ctx, &params.key)?;
    if key == SessionKey::main(key.agent(&gateway.settings().keys), &gateway.settings().keys) {
        return Err(RpcError::invalid(format!("Cannot delete the main session ({key}).")));
    }
    if params.delete_transcript == Some(false) {
        return Err(RpcError::invalid(
            "deleteTranscript: false is not supported; the session and its transcript are one. \
             Archive the session instead with sessions.patch.",
        ));
    }
    stop_runs(&ctx, &key).await?;
    let session = gateway.store.session(key.as_str()).await.map_err(store_error)?;
    let archived = match session.filter(|session| session.message_count > 0) {
        Some(session) => {
            let id = &session.session_id;
            vec![archive::export(gateway, key.as_str(), id, "deleted").await?]
        }
        None => Vec::new(),
    };
    let deleted = gateway.store.delete_session(key.as_str()).await.map_err(store_error)?;
    if let Some(deleted) = &deleted {
        let files: Vec<_> = deleted.media.iter().map(|media| media_path(&ctx, media)).collect();
        attachments::discard(&files);
    }
    let answer =
        json!({"ok": true, "key": key, "deleted": deleted.is_some(), "archived": archived});
    let gateway = Arc::clone(gateway);
    Ok(Reply::ok(&answer)?.then(move || {
        if let Some(deleted) = deleted {
            gateway.announce_change(&deleted.session, "delete");
        }
    }))
}

fn media_path(ctx: &Ctx, media: &clawdbot_store::MediaRecord) -> std::path::PathBuf {
    ctx.gateway.inbound_dir().join(attachments::stored_name(media))
}

async fn stop_runs(ctx: &Ctx, key: &SessionKey) -> Result<(), RpcError> {
    let stopped = ctx.gateway.runs.abort(key, None, "rpc");
    let all = futures_util::future::join_all(stopped.iter().map(|(_, live)| live.ended()));
    tokio::time::timeout(DELETE_WAIT, all).await.map(|_| ()).map_err(|_| {
        RpcError::new(
            ErrorCode::Unavailable,
            format!("Session {key} is still active; try again in a moment."),
        )
        .retry_after(1_000)
    })
}
