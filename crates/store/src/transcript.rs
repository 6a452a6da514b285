//! Transcripts: numbered rows per session, read by key.

use rusqlite::{Connection, Row, params};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::StoreError;
use crate::session_list::PREVIEW_CHARS;
use crate::{Store, json, sessions};

/// Who a message is from; the names are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// A person.
    User,
    /// The model.
    Assistant,
    /// What a tool returned.
    ToolResult,
    /// Dividers and notices.
    System,
}

impl Role {
    /// Name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::ToolResult => "toolResult",
            Self::System => "system",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        [Self::User, Self::Assistant, Self::ToolResult, Self::System]
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or_else(|| StoreError::corrupt(std::io::Error::other(format!("role {name:?}"))))
    }
}

/// A message to be stored.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Id, unique in its transcript; a new UUID when absent.
    pub id: Option<String>,
    /// Who it is from.
    pub role: Role,
    /// The wire's message object as JSON text, without `__openclaw`.
    pub body: Box<RawValue>,
    /// Plain text for search, previews and titles; may be empty.
    pub text: String,
    /// Run it belongs to.
    pub run_id: Option<String>,
    /// Key the sender gave it.
    pub idempotency_key: Option<String>,
    /// When it was made.
    pub ts_ms: i64,
    /// Extra members of `__openclaw`.
    pub meta: Map<String, Value>,
}

impl NewMessage {
    /// A message with only what every message has.
    pub fn new(role: Role, body: Box<RawValue>, text: impl Into<String>, ts_ms: i64) -> Self {
        Self {
            id: None,
            role,
            body,
            text: text.into(),
            run_id: None,
            idempotency_key: None,
            ts_ms,
            meta: Map::new(),
        }
    }
}

/// A message as stored. The members are those of [`NewMessage`], plus its number.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Id, unique in its transcript.
    pub id: String,
    /// 1 for the first message of the transcript, without gaps.
    pub seq: i64,
    /// Who it is from.
    pub role: Role,
    /// The wire's message object as JSON text, without `__openclaw`.
    pub body: Box<RawValue>,
    /// Plain text.
    pub text: String,
    /// Run it belongs to.
    pub run_id: Option<String>,
    /// Key the sender gave it.
    pub idempotency_key: Option<String>,
    /// When it was made.
    pub ts_ms: i64,
    /// Extra members of `__openclaw`.
    pub meta: Map<String, Value>,
}

/// Which part of the history to read. The newest messages of the range are kept.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    /// At most this many; 200 by default.
    pub limit: usize,
    /// Only messages before this number.
    pub before_seq: Option<i64>,
    /// Only messages after this number.
    pub after_seq: Option<i64>,
    /// Skip this many of the newest messages of the transcript.
    pub offset: Option<u64>,
    /// Stop before the bodies and metadata together exceed this; one message is always returned.
    pub max_bytes: Option<usize>,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self { limit: 200, before_seq: None, after_seq: None, offset: None, max_bytes: None }
    }
}

/// A part of the history.
#[derive(Debug, Clone, Default)]
pub struct HistoryPage {
    /// Absent when there is no such session.
    pub session_id: Option<String>,
    /// Oldest first.
    pub messages: Vec<Stored>,
    /// Messages in the whole transcript.
    pub total: u64,
    /// Whether the range asked for has messages older than these.
    pub has_more: bool,
}

impl Store {
    /// Adds a message to the session's transcript, creating the session when missing.
    pub async fn append(&self, key: &str, message: NewMessage) -> Result<Stored, StoreError> {
        let key = key.to_owned();
        let work = move |conn: &Connection| {
            let row = sessions::ensure(conn, &key, None, message.ts_ms)?;
            insert(conn, row.transcript, message)
        };
        self.writer.run(work).await
    }

    /// A part of the session's current transcript, by default the newest 200 messages.
    pub async fn history(&self, key: &str, q: HistoryQuery) -> Result<HistoryPage, StoreError> {
        let key = key.to_owned();
        self.readers.run(move |conn| history(conn, &key, &q)).await
    }

    /// One message of the session's current transcript.
    pub async fn message(&self, key: &str, id: &str) -> Result<Option<Stored>, StoreError> {
        let (key, id) = (key.to_owned(), id.to_owned());
        let work = move |conn: &Connection| {
            let Some(row) = sessions::by_key(conn, &key)? else {
                return Ok(None);
            };
            let mut query = conn.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM messages WHERE transcript = ?1 AND id = ?2"
            ))?;
            query.query_and_then(params![row.transcript, id], read)?.next().transpose()
        };
        self.readers.run(work).await
    }
}

const COLUMNS: &str = "id, seq, role, body, text, run_id, idempotency_key, ts_ms, meta";

/// The page query. Numbers have no gaps, so an offset is a bound, not a scan.
pub(crate) const PAGE: &str =
    "SELECT id, seq, role, body, text, run_id, idempotency_key, ts_ms, meta FROM messages
     WHERE transcript = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4";

pub(crate) fn read(row: &Row<'_>) -> Result<Stored, StoreError> {
    let (id, text, ts_ms) = (json::text(row, 0)?, json::text(row, 4)?, row.get(7)?);
    let whole = || {
        let role = Role::parse(&json::text(row, 2)?)?;
        Ok((role, json::raw(json::text(row, 3)?)?, json::map(&json::text(row, 8)?)?))
    };
    let (role, body, meta) = match whole() {
        Ok(whole) => whole,
        Err(error @ StoreError::Corrupt(_)) => {
            tracing::error!(%id, ?error, "a message is damaged; what is left of it is shown");
            let meta = Map::from_iter([("damaged".to_owned(), true.into())]);
            (Role::System, remains(&text, ts_ms)?, meta)
        }
        Err(error) => return Err(error),
    };
    Ok(Stored {
        id,
        seq: row.get(1)?,
        role,
        body,
        text,
        run_id: json::optional_text(row, 5)?,
        idempotency_key: json::optional_text(row, 6)?,
        ts_ms,
        meta,
    })
}

/// The body of a message of which only the text is left.
fn remains(text: &str, ts_ms: i64) -> Result<Box<RawValue>, StoreError> {
    let content = serde_json::json!([{"type": "text", "text": text}]);
    let body = serde_json::json!({"role": "system", "content": content, "timestamp": ts_ms});
    json::raw(json::to_text(&body)?)
}

fn history(conn: &Connection, key: &str, q: &HistoryQuery) -> Result<HistoryPage, StoreError> {
    let Some(row) = sessions::by_key(conn, key)? else {
        return Ok(HistoryPage::default());
    };
    let total = row.session.message_count.cast_signed();
    let offset = i64::try_from(q.offset.unwrap_or(0)).unwrap_or(i64::MAX);
    let before =
        q.before_seq.unwrap_or(i64::MAX).min(total.saturating_sub(offset).saturating_add(1));
    let after = q.after_seq.unwrap_or(0).max(0);
    let limit = i64::try_from(q.limit).unwrap_or(i64::MAX);

    let mut query = conn.prepare_cached(PAGE)?;
    let mut rows = query.query(params![row.transcript, after, before, limit])?;
    let mut messages = Vec::new();
    let mut bytes = 0_usize;
    while let Some(row) = rows.next()? {
        bytes = bytes.saturating_add(size(row)?);
        if !messages.is_empty() && q.max_bytes.is_some_and(|max| bytes > max) {
            break;
        }
        messages.push(read(row)?);
    }
    messages.reverse();
    let oldest = messages.first().map_or(before, |message| message.seq);
    Ok(HistoryPage {
        session_id: Some(row.session.session_id),
        messages,
        total: row.session.message_count,
        has_more: oldest > after.saturating_add(1),
    })
}

/// Bytes of a row's body and metadata.
pub(crate) fn size(row: &Row<'_>) -> Result<usize, StoreError> {
    let bytes = |column| {
        Ok::<_, StoreError>(row.get_ref(column)?.as_bytes().map_err(StoreError::corrupt)?.len())
    };
    Ok(bytes(3)? + bytes(8)?)
}

/// Writes a message as the newest of `transcript`; its session was active then.
pub(crate) fn insert(
    conn: &Connection,
    transcript: i64,
    message: NewMessage,
) -> Result<Stored, StoreError> {
    let seq: i64 = conn
        .prepare_cached(
            "UPDATE transcripts SET message_count = message_count + 1,
               first_user_text = coalesce(first_user_text, ?2) WHERE id = ?1
             RETURNING message_count",
        )?
        .query_row(params![transcript, title(&message)], |row| row.get(0))?;
    let stored = Stored {
        id: message.id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        seq,
        role: message.role,
        body: message.body,
        text: message.text,
        run_id: message.run_id,
        idempotency_key: message.idempotency_key,
        ts_ms: message.ts_ms,
        meta: message.meta,
    };
    conn.prepare_cached(
        "INSERT INTO messages (transcript, id, seq, role, body, text, run_id, idempotency_key, ts_ms, meta)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        transcript,
        stored.id,
        stored.seq,
        stored.role.as_str(),
        stored.body.get(),
        stored.text,
        stored.run_id,
        stored.idempotency_key,
        stored.ts_ms,
        json::to_text(&stored.meta)?,
    ])?;
    conn.prepare_cached(
        "UPDATE sessions SET updated_ms = max(updated_ms, ?2)
         WHERE id = (SELECT session FROM transcripts WHERE id = ?1)",
    )?
    .execute([transcript, stored.ts_ms])?;
    Ok(stored)
}

fn title(message: &NewMessage) -> Option<String> {
    let text = message.text.trim();
    let titled = message.role == Role::User && !text.is_empty();
    titled.then(|| text.chars().take(PREVIEW_CHARS).collect())
}
