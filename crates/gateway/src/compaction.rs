//! Compaction: when a conversation nears the end of its model's window, or somebody asks for it, the
//! model tells its older part in a summary. The last turns stay word for word, and everything that was
//! said stays in the database and in the history that people see.

use clawdbot_agent::{Message, Model, ModelError, ModelInfo, Usage, summarize};
use clawdbot_protocol::{RpcError, SessionKey};
use clawdbot_store::{ContextQuery, NewMessage, Role, Session, Stored};
use serde_json::{Value, json};

use crate::error::store_error;
use crate::shared::Shared;
use crate::transcript;

/// Turns that stay word for word, if they fit.
const KEEP_TURNS: usize = 4;
/// Tokens of a model's window left to its answer and its tools (protocol: `reserveTokensFloor`).
const RESERVE: u64 = 20_000;
/// Messages looked at, and bytes of them for each token of the window.
const MAX_ROWS: usize = 20_000;
const BYTES_PER_TOKEN: u64 = 12;
/// Tokens counted for an attachment that is no text.
const FILE_TOKENS: u64 = 3_000;

/// What a compaction has done.
pub(crate) struct Compacted {
    /// The session after it.
    pub(crate) session: Session,
    /// The summary's row.
    pub(crate) row: Stored,
    /// Messages that stay word for word.
    pub(crate) kept: u64,
    /// What it cost.
    pub(crate) usage: Usage,
}

/// Why a conversation was not compacted; it is then as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompactionError {
    /// The model made no summary.
    #[error("The conversation could not be summarised. {0}")]
    Model(#[from] ModelError),
    /// The database or the conversation's state.
    #[error("{}", .0.message)]
    Refused(RpcError),
}

impl From<CompactionError> for RpcError {
    fn from(error: CompactionError) -> Self {
        match error {
            CompactionError::Refused(error) => error,
            model @ CompactionError::Model(_) => Self::unavailable(model.to_string()),
        }
    }
}

/// Tokens a conversation may take of the window, system prompt and tools included.
pub(crate) fn room(shared: &Shared, info: &ModelInfo) -> u64 {
    let window = window(shared, info);
    window - RESERVE.min(window / 4)
}

/// `agents.defaults.contextTokens`, at most what the model has.
pub(crate) fn window(shared: &Shared, info: &ModelInfo) -> u64 {
    let configured = shared.settings().config().agents.defaults.context_tokens;
    configured.map_or(info.context_window, |tokens| info.context_window.min(tokens.into()))
}

/// Summarises what was said before the last turns; `None` when there is nothing before them.
pub(crate) async fn compact(
    shared: &Shared,
    key: &SessionKey,
    session: &Session,
    model: &dyn Model,
    through: Option<i64>,
) -> Result<Option<Compacted>, CompactionError> {
    let refused = |error| CompactionError::Refused(store_error(error));
    let window = window(shared, model.info());
    let max_bytes = window.saturating_mul(BYTES_PER_TOKEN);
    let query = ContextQuery { through, limit: MAX_ROWS, max_bytes };
    let context = shared.store.context(key.as_str(), query).await.map_err(refused)?;
    let mut older = context.messages;
    let kept = older.split_off(first_kept(&older, room(shared, model.info()) / 4));
    let Some(first) = kept.first().filter(|_| !older.is_empty()) else {
        return Ok(None);
    };
    let before = context.summary.as_ref().map(|summary| summary.text.as_str());
    let messages = transcript::without_media(shared, older).await;
    let tokens_before: u64 = messages.iter().map(Message::tokens).sum();
    let summary = summarize(model, before, &messages).await?;
    let now_ms = shared.now_ms();
    let mut row = row(&summary.text, summary.usage, now_ms).map_err(CompactionError::Refused)?;
    row.meta.insert("tokensBefore".into(), json!(tokens_before));
    let revision = &session.lifecycle_revision;
    let added = shared.store.summarize(key.as_str(), revision, &first.id, row).await;
    let Some((row, session)) = added.map_err(refused)? else {
        return Err(CompactionError::Refused(RpcError::unavailable(
            "The conversation changed while it was being summarised. Try again.",
        )));
    };
    Ok(Some(Compacted { session, row, kept: kept.len() as u64, usage: summary.usage }))
}

/// Where the last turns begin: as many as fit into `tokens`, but never less than the last one.
fn first_kept(rows: &[Stored], tokens: u64) -> usize {
    let (mut first, mut turns, mut used) = (None, 0, 0);
    for (at, row) in rows.iter().enumerate().rev() {
        used += weight(row);
        if first.is_some() && (used > tokens || turns == KEEP_TURNS) {
            break;
        }
        if row.role == Role::User {
            first = Some(at);
            turns += 1;
        }
    }
    first.unwrap_or(0)
}

/// About how many tokens a row is read as, attachments included.
fn weight(row: &Stored) -> u64 {
    let media = row.meta.get("media").and_then(Value::as_array);
    let media = media.into_iter().flatten().map(|entry| {
        let text = entry["contentType"].as_str().is_some_and(|kind| kind.starts_with("text/"));
        let size = entry["sizeBytes"].as_u64().unwrap_or(0);
        if text { size.min(transcript::MAX_TEXT_FILE as u64) / 3 } else { FILE_TOKENS }
    });
    clawdbot_agent::tokens_in(row.body.get()) + media.sum::<u64>()
}

fn row(summary: &str, usage: Usage, now_ms: i64) -> Result<NewMessage, RpcError> {
    let body = json!({"role": "system", "content": [{"type": "text", "text": summary}],
        "timestamp": now_ms, "usage": usage});
    let body = serde_json::value::to_raw_value(&body)
        .map_err(|error| RpcError::unavailable(format!("cannot encode a message: {error}")))?;
    Ok(NewMessage::new(Role::System, body, summary, now_ms))
}
