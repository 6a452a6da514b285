//! `sessions.compact`, `sessions.rewind`, `sessions.fork`, `sessions.branches.*`: other courses of a
//! conversation (protocol §14.2, §15). Nothing that was said is lost: what is no longer shown stays
//! in the database.

use clawdbot_protocol::{
    BranchSwitchParams, BranchesListParams, RpcError, SessionBranch, SessionBranches,
    SessionEntryParams, SessionForked, SessionKey, SessionRewound, SessionsCompactParams,
    SessionsCompacted,
};
use clawdbot_store::{Keep, Role, Session, Stored};
use serde_json::{Map, json};
use tokio::sync::OwnedMutexGuard;

use super::session_patch::put;
use super::{resolve, resolve_known};
use crate::archive;
use crate::compaction;
use crate::error::store_error;
use crate::router::{Ctx, Reply};

/// Choices a fork takes over.
const CHOICES: [&str; 9] = [
    "providerOverride",
    "modelOverride",
    "thinkingLevel",
    "verboseLevel",
    "reasoningLevel",
    "responseUsage",
    "execHost",
    "execSecurity",
    "execAsk",
];

pub(super) async fn compact(
    ctx: Ctx,
    params: SessionsCompactParams,
) -> Result<Reply<SessionsCompacted>, RpcError> {
    let key = resolve_known(&ctx, &params.key)?;
    let answer =
        SessionsCompacted { ok: true, key: key.to_string(), ..SessionsCompacted::default() };
    let session = ctx.gateway.store.session(key.as_str()).await.map_err(store_error)?;
    let idle = |reason: &str| {
        let reason = Some(reason.to_owned());
        Reply::of(&SessionsCompacted { reason, ..answer.clone() })
    };
    let Some(session) = session else {
        return idle("no sessionId");
    };
    match (session.message_count, params.max_lines) {
        (0, _) => idle("no transcript"),
        (count, Some(keep)) if count <= keep.into() => {
            Reply::of(&SessionsCompacted { kept: Some(count), ..answer })
        }
        (_, Some(keep)) => shorten(ctx, &key, &session, keep, answer).await,
        (_, None) => summarise(ctx, &key, &session, answer).await,
    }
}

/// Keeps the newest rows only.
async fn shorten(
    ctx: Ctx,
    key: &SessionKey,
    session: &Session,
    keep: u32,
    answer: SessionsCompacted,
) -> Result<Reply<SessionsCompacted>, RpcError> {
    let _quiet = quiet(&ctx, key).await?;
    let archived = archive::export(&ctx.gateway, key.as_str(), &session.session_id, "bak").await?;
    let session = branch(&ctx, key, Keep::Last(keep.into())).await?;
    let answer = SessionsCompacted {
        compacted: true,
        archived: Some(archived.display().to_string()),
        kept: Some(session.message_count),
        ..answer
    };
    announced(ctx, session, "compact", Reply::of(&answer)?)
}

/// Has the conversation's model summarise what was said before the last turns. Messages may come in
/// meanwhile.
async fn summarise(
    ctx: Ctx,
    key: &SessionKey,
    session: &Session,
    answer: SessionsCompacted,
) -> Result<Reply<SessionsCompacted>, RpcError> {
    drop(quiet(&ctx, key).await?);
    let gateway = &ctx.gateway;
    let reference = gateway.model_of(Some(session), &session.agent_id);
    let model =
        gateway.model(&reference).map_err(|error| RpcError::unavailable(error.to_string()))?;
    let work = compaction::compact(gateway, key, session, &*model, None);
    let Some(done) = gateway.closing.run_until_cancelled(work).await else {
        return Err(RpcError::unavailable("The gateway is shutting down."));
    };
    match done? {
        None => Reply::of(&SessionsCompacted { kept: Some(session.message_count), ..answer }),
        Some(done) => {
            let answer = SessionsCompacted { compacted: true, kept: Some(done.kept), ..answer };
            announced(ctx, done.session, "compact", Reply::of(&answer)?)
        }
    }
}

pub(super) async fn rewind(
    ctx: Ctx,
    params: SessionEntryParams,
) -> Result<Reply<SessionRewound>, RpcError> {
    let key = resolve_known(&ctx, &params.session_key)?;
    let _quiet = quiet(&ctx, &key).await?;
    let entry = entry(&ctx, &key, &params.entry_id).await?;
    if entry.role != Role::User {
        return Err(RpcError::invalid("entryId must be that of a user message"));
    }
    let session = branch(&ctx, &key, Keep::Before(entry.seq)).await?;
    let reply = Reply::of(&SessionRewound { editor_text: Some(entry.text) })?;
    announced(ctx, session, "rewind", reply)
}

pub(super) async fn fork(
    ctx: Ctx,
    params: SessionEntryParams,
) -> Result<Reply<SessionForked>, RpcError> {
    let from = resolve_known(&ctx, &params.session_key)?;
    let entry = entry(&ctx, &from, &params.entry_id).await?;
    let (keep, editor_text) = match entry.role {
        Role::User => (Keep::Before(entry.seq), Some(entry.text)),
        _ => (Keep::Through(entry.seq), None),
    };
    let store = &ctx.gateway.store;
    let source = store.session(from.as_str()).await.map_err(store_error)?;
    let mut fields = source.map(|session| session.fields).unwrap_or_default();
    fields.retain(|name, _| CHOICES.contains(&name.as_str()));
    fields.insert("parentSessionKey".into(), json!(from));
    let agent = from.agent(&ctx.gateway.settings().keys).to_owned();
    let key = resolve(&ctx, &format!("agent:{agent}:dashboard:{}", uuid::Uuid::new_v4()))?;
    put(&ctx, &key, fields, None).await?;
    let copied = store.copy_transcript(from.as_str(), key.as_str(), keep).await;
    let session = copied.map_err(store_error)?;
    let reply = Reply::of(&SessionForked { session_key: key.to_string(), editor_text })?;
    announced(ctx, session, "create", reply)
}

pub(super) async fn branches(
    ctx: Ctx,
    params: BranchesListParams,
) -> Result<Reply<SessionBranches>, RpcError> {
    let key = resolve(&ctx, &params.session_key)?;
    let branches = ctx.gateway.store.branches(key.as_str()).await.map_err(store_error)?;
    let branches = branches
        .into_iter()
        .map(|branch| SessionBranch {
            leaf_entry_id: branch.leaf_id,
            message_count: branch.message_count,
            updated_at: branch.updated_ms,
            active: branch.current,
        })
        .collect();
    Reply::of(&SessionBranches { branches })
}

pub(super) async fn switch(ctx: Ctx, params: BranchSwitchParams) -> Result<Reply, RpcError> {
    let key = resolve_known(&ctx, &params.session_key)?;
    let _quiet = quiet(&ctx, &key).await?;
    let (store, now_ms) = (&ctx.gateway.store, ctx.gateway.now_ms());
    let switched = store.switch_branch(key.as_str(), &params.leaf_entry_id, now_ms).await;
    match switched.map_err(store_error)? {
        Some(session) => announced(ctx, session, "branch", Reply::ok(&Map::new())?),
        None => Err(RpcError::invalid("branch not found; see sessions.branches.list")),
    }
}

/// Makes sure that nothing of a conversation is under way; nothing begins while the guard lives.
async fn quiet(ctx: &Ctx, key: &SessionKey) -> Result<OwnedMutexGuard<()>, RpcError> {
    let turn = ctx.gateway.runs.turn(key).await;
    if ctx.gateway.runs.active_in(key.as_str()).is_empty() {
        return Ok(turn);
    }
    Err(RpcError::unavailable(format!("Session {key} is still active; try again in a moment."))
        .retry_after(1_000))
}

async fn entry(ctx: &Ctx, key: &SessionKey, id: &str) -> Result<Stored, RpcError> {
    let found = ctx.gateway.store.message(key.as_str(), id).await.map_err(store_error)?;
    found.ok_or_else(|| RpcError::invalid("entry not found in this conversation"))
}

async fn branch(ctx: &Ctx, key: &SessionKey, keep: Keep) -> Result<Session, RpcError> {
    let gateway = &ctx.gateway;
    gateway.store.branch_session(key.as_str(), keep, gateway.now_ms()).await.map_err(store_error)
}

/// Tells everybody, once the answer is out, that the conversation shows other rows.
fn announced<T>(
    ctx: Ctx,
    session: Session,
    reason: &'static str,
    reply: Reply<T>,
) -> Result<Reply<T>, RpcError> {
    Ok(reply.then(move || ctx.gateway.announce_change(&session, reason)))
}
