//! `sessions.import`: a conversation from a transcript that somebody kept.

use clawdbot_protocol::{RpcError, SessionsImportParams, SessionsImported};
use clawdbot_store::{Batch, Transcript};
use serde_json::Map;

use super::resolve_known;
use crate::error::store_error;
use crate::rewrite::blocking;
use crate::router::{Ctx, Reply};

pub(super) async fn import(
    ctx: Ctx,
    params: SessionsImportParams,
) -> Result<Reply<SessionsImported>, RpcError> {
    let gateway = ctx.gateway.clone();
    let session_id = uuid::Uuid::new_v4().to_string();
    let default = gateway.settings().agents.default_id().to_owned();
    let otherwise = format!("agent:{default}:imported-{session_id}");
    let key = resolve_known(&ctx, params.key.as_deref().unwrap_or(&otherwise))?;
    if gateway.store.session(key.as_str()).await.map_err(store_error)?.is_some() {
        return Err(RpcError::invalid(format!(
            "there is a conversation {key} already; choose another key or delete that one first"
        )));
    }
    let transcript = params.transcript;
    let batches = blocking(move || batches(transcript)).await?;
    let messages: u64 = batches.iter().map(|batch| batch.messages.len() as u64).sum();
    let damaged_lines = batches.iter().map(|batch| batch.damaged).sum();
    if messages == 0 {
        return Err(RpcError::invalid(
            "there is no message in it; a transcript has one JSON object with a \"message\" a line",
        ));
    }
    let agent = key.agent(&gateway.settings().keys).to_owned();
    let staged = gateway.store.stage(&session_id, &agent).await.map_err(store_error)?;
    let staged = staged.ok_or_else(|| RpcError::unavailable("the new id is taken; try again"))?;
    for batch in batches.into_iter().filter(|batch| !batch.messages.is_empty()) {
        staged.append(batch.messages).await.map_err(store_error)?;
    }
    let now_ms = gateway.now_ms();
    let published = staged.publish(key.to_string(), otherwise, Map::new(), now_ms).await;
    let session = published.map_err(store_error)?;
    let imported = SessionsImported {
        ok: true,
        key: session.key.clone(),
        session_id,
        messages,
        damaged_lines,
    };
    Ok(Reply::of(&imported)?.then(move || gateway.announce_change(&session, "create")))
}

fn batches(transcript: String) -> Vec<Batch> {
    let mut transcript = Transcript::of_text(transcript);
    let mut batches = Vec::new();
    // Reading text cannot fail.
    while let Ok(batch) = transcript.next_batch() {
        let end = batch.end;
        batches.push(batch);
        if end {
            break;
        }
    }
    batches
}
