//! The session list: filtered, newest first, with what a sidebar shows of each.

use rusqlite::{Connection, named_params};

use crate::error::StoreError;
use crate::sessions::{self, Session};
use crate::{Store, json};

/// Characters kept of a preview.
pub(crate) const PREVIEW_CHARS: usize = 512;

/// Which sessions to list.
#[derive(Debug, Clone)]
pub struct SessionQuery {
    /// Only this agent's.
    pub agent_id: Option<String>,
    /// Only those whose label, first user message or key contains this text, in any case.
    pub search: Option<String>,
    /// Only those with exactly this label.
    pub label: Option<String>,
    /// Only those whose `spawnedBy` is this key.
    pub spawned_by: Option<String>,
    /// Only archived ones, or only those that are not.
    pub archived: Option<bool>,
    /// Only those active after this time.
    pub updated_after_ms: Option<i64>,
    /// At most this many; 100 by default.
    pub limit: usize,
    /// Skip this many of the newest.
    pub offset: u64,
    /// Also read the newest message's text.
    pub include_last_message: bool,
}

impl Default for SessionQuery {
    fn default() -> Self {
        Self {
            agent_id: None,
            search: None,
            label: None,
            spawned_by: None,
            archived: None,
            updated_after_ms: None,
            limit: 100,
            offset: 0,
            include_last_message: false,
        }
    }
}

/// One page of sessions, most recently active first.
#[derive(Debug, Clone)]
pub struct SessionPage {
    /// The page.
    pub sessions: Vec<SessionListed>,
    /// How many match in all.
    pub total: u64,
}

/// A session in a list.
#[derive(Debug, Clone)]
pub struct SessionListed {
    /// The session.
    pub session: Session,
    /// Start of the first user message of the transcript (512 characters), for a title.
    pub first_user_text: Option<String>,
    /// Start of the newest user or assistant message (512 characters), when asked for.
    pub last_message_text: Option<String>,
}

impl Store {
    /// Lists sessions, most recently active first.
    pub async fn sessions(&self, q: SessionQuery) -> Result<SessionPage, StoreError> {
        self.readers.run(move |conn| list(conn, &q)).await
    }
}

const FILTER: &str = "(:agent IS NULL OR s.agent_id = :agent)
    AND (:label IS NULL OR s.label = :label)
    AND (:spawned IS NULL OR json_extract(s.fields, '$.spawnedBy') = :spawned)
    AND (:archived IS NULL OR coalesce(json_extract(s.fields, '$.archived'), 0) = :archived)
    AND (:after IS NULL OR s.updated_ms > :after)
    AND (:pattern IS NULL OR fold(s.label) LIKE :pattern ESCAPE '\\'
      OR fold(t.first_user_text) LIKE :pattern ESCAPE '\\'
      OR fold(s.key) LIKE :pattern ESCAPE '\\')";

const LAST_MESSAGE: &str = "(SELECT substr(m.text, 1, 512) FROM messages m
    WHERE m.transcript = t.id AND m.role IN ('user', 'assistant') AND m.text <> ''
    ORDER BY m.seq DESC LIMIT 1)";

fn list(conn: &Connection, q: &SessionQuery) -> Result<SessionPage, StoreError> {
    let pattern = q.search.as_deref().filter(|text| !text.is_empty()).map(like_pattern);
    let total: i64 = conn
        .prepare_cached(&format!("SELECT count(*) FROM {} WHERE {FILTER}", sessions::TABLES))?
        .query_row(
            named_params! { ":agent": q.agent_id, ":label": q.label, ":spawned": q.spawned_by, ":archived": q.archived, ":after": q.updated_after_ms, ":pattern": pattern },
            |row| row.get(0),
        )?;
    let last = if q.include_last_message { LAST_MESSAGE } else { "NULL" };
    let mut query = conn.prepare_cached(&format!(
        "SELECT {}, t.first_user_text, {last} FROM {} WHERE {FILTER}
         ORDER BY s.updated_ms DESC, s.id DESC LIMIT :limit OFFSET :offset",
        sessions::COLUMNS,
        sessions::TABLES
    ))?;
    let rows = query.query_and_then(
        named_params! {
            ":agent": q.agent_id,
            ":label": q.label,
            ":spawned": q.spawned_by,
            ":archived": q.archived,
            ":after": q.updated_after_ms,
            ":pattern": pattern,
            ":limit": i64::try_from(q.limit).unwrap_or(i64::MAX),
            ":offset": i64::try_from(q.offset).unwrap_or(i64::MAX),
        },
        |row| {
            Ok::<_, StoreError>(SessionListed {
                session: sessions::read(row)?.session,
                first_user_text: json::optional_text(row, 10)?,
                last_message_text: json::optional_text(row, 11)?,
            })
        },
    )?;
    Ok(SessionPage { sessions: rows.collect::<Result<_, _>>()?, total: total.cast_unsigned() })
}

/// A LIKE pattern that matches `text` literally, anywhere.
fn like_pattern(text: &str) -> String {
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
