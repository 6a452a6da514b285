//! Sessions: one row per conversation, found by key, id or label.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::StoreError;
use crate::media::{self, MediaRecord};
use crate::{Store, json, now_ms, search};

/// A conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Routing key, such as `agent:main:main`.
    pub key: String,
    /// UUID; stays the same when the session is reset.
    pub session_id: String,
    /// Agent the session belongs to.
    pub agent_id: String,
    /// When it was created.
    pub created_ms: i64,
    /// When it was last active.
    pub updated_ms: i64,
    /// UUID that changes with each reset.
    pub lifecycle_revision: String,
    /// Messages of the current transcript.
    pub message_count: u64,
    /// Everything else by its wire name: `label`, `thinkingLevel`, `modelOverride`, `inputTokens`…
    pub fields: Map<String, Value>,
}

/// What [`Store::put_session`] changes.
#[derive(Debug, Clone, Default)]
pub struct SessionChange {
    /// Create the session when it is missing; otherwise that is an error.
    pub create: bool,
    /// Merged into [`Session::fields`]; `null` removes a field.
    pub fields: Map<String, Value>,
    /// New agent. When creating without it, the agent named in the key, else `main`.
    pub agent_id: Option<String>,
    /// Activity at this time; `updated_ms` never moves back.
    pub touch_ms: Option<i64>,
    /// Sets `label`, unless another session has it.
    pub unique_label: Option<String>,
}

/// What [`Store::delete_session`] removed.
#[derive(Debug, Clone)]
pub struct DeletedSession {
    /// The session as it was.
    pub session: Session,
    /// Messages removed, those of earlier transcripts included.
    pub messages: u64,
    /// Records of its files, which the caller can now delete.
    pub media: Vec<MediaRecord>,
}

impl Store {
    /// The session with this key.
    pub async fn session(&self, key: &str) -> Result<Option<Session>, StoreError> {
        let key = key.to_owned();
        self.readers.run(move |conn| Ok(find(conn, "s.key", &key)?.map(|row| row.session))).await
    }

    /// The session with this UUID.
    pub async fn session_by_id(&self, session_id: &str) -> Result<Option<Session>, StoreError> {
        let id = session_id.to_owned();
        let work =
            move |conn: &Connection| Ok(find(conn, "s.session_id", &id)?.map(|row| row.session));
        self.readers.run(work).await
    }

    /// The session with this label; the most recently active one should several share it.
    pub async fn session_by_label(&self, label: &str) -> Result<Option<Session>, StoreError> {
        let label = label.to_owned();
        self.readers
            .run(move |conn| Ok(find(conn, "s.label", &label)?.map(|row| row.session)))
            .await
    }

    /// Changes a session, creating it when `change.create` allows.
    ///
    /// # Errors
    ///
    /// `LABEL_IN_USE` when another session has `change.unique_label`, `SESSION_UNKNOWN` when it
    /// is missing and may not be created.
    pub async fn put_session(
        &self,
        key: &str,
        change: SessionChange,
    ) -> Result<Session, StoreError> {
        let key = key.to_owned();
        self.writer.run(move |conn| put(conn, &key, change)).await
    }

    /// Removes a session with all its transcripts, runs, index entries and media records.
    pub async fn delete_session(&self, key: &str) -> Result<Option<DeletedSession>, StoreError> {
        let key = key.to_owned();
        self.writer.run(move |conn| delete(conn, &key)).await
    }
}

/// A session together with its row numbers.
pub(crate) struct SessionRow {
    pub(crate) id: i64,
    pub(crate) transcript: i64,
    pub(crate) session: Session,
}

/// Columns that [`read`] expects; `s` is the session, `t` its current transcript.
pub(crate) const COLUMNS: &str = "s.id, t.id, s.key, s.session_id, s.agent_id, s.created_ms, \
    s.updated_ms, s.lifecycle_revision, t.message_count, s.fields";
pub(crate) const TABLES: &str =
    "sessions s JOIN transcripts t ON t.session = s.id AND t.generation = s.generation";

pub(crate) fn read(row: &Row<'_>) -> Result<SessionRow, StoreError> {
    let session = Session {
        key: json::text(row, 2)?,
        session_id: json::text(row, 3)?,
        agent_id: json::text(row, 4)?,
        created_ms: row.get(5)?,
        updated_ms: row.get(6)?,
        lifecycle_revision: json::text(row, 7)?,
        message_count: row.get::<_, i64>(8)?.cast_unsigned(),
        fields: json::map(&json::text(row, 9)?)?,
    };
    Ok(SessionRow { id: row.get(0)?, transcript: row.get(1)?, session })
}

pub(crate) fn by_key(conn: &Connection, key: &str) -> Result<Option<SessionRow>, StoreError> {
    find(conn, "s.key", key)
}

fn find(conn: &Connection, column: &str, value: &str) -> Result<Option<SessionRow>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE {column} = ?1 ORDER BY s.updated_ms DESC LIMIT 1"
    ))?;
    query.query_and_then([value], read)?.next().transpose()
}

/// The session with this key, created when missing.
pub(crate) fn ensure(
    conn: &Connection,
    key: &str,
    agent_id: Option<&str>,
    at_ms: i64,
) -> Result<SessionRow, StoreError> {
    if let Some(row) = by_key(conn, key)? {
        return Ok(row);
    }
    let session = Session {
        key: key.to_owned(),
        session_id: Uuid::new_v4().to_string(),
        agent_id: agent_id.unwrap_or_else(|| agent_of(key)).to_owned(),
        created_ms: at_ms,
        updated_ms: at_ms,
        lifecycle_revision: Uuid::new_v4().to_string(),
        message_count: 0,
        fields: Map::new(),
    };
    conn.prepare_cached(
        "INSERT INTO sessions (key, session_id, agent_id, created_ms, updated_ms,
           lifecycle_revision, generation, fields) VALUES (?1, ?2, ?3, ?4, ?4, ?5, 1, '{}')",
    )?
    .execute(params![
        key,
        session.session_id,
        session.agent_id,
        at_ms,
        session.lifecycle_revision
    ])?;
    let id = conn.last_insert_rowid();
    let transcript = start_transcript(conn, id, 1)?;
    Ok(SessionRow { id, transcript, session })
}

/// Moves a session on to a transcript that is yet to be started.
pub(crate) fn next_generation(conn: &Connection, session: i64) -> Result<i64, StoreError> {
    let generation = conn
        .prepare_cached(
            "UPDATE sessions SET generation =
               (SELECT max(generation) + 1 FROM transcripts WHERE session = ?1)
             WHERE id = ?1 RETURNING generation",
        )?
        .query_row([session], |row| row.get(0))?;
    Ok(generation)
}

pub(crate) fn start_transcript(
    conn: &Connection,
    session: i64,
    generation: i64,
) -> Result<i64, StoreError> {
    conn.prepare_cached("INSERT INTO transcripts (session, generation) VALUES (?1, ?2)")?
        .execute([session, generation])?;
    Ok(conn.last_insert_rowid())
}

/// Writes the changeable columns of `row` back.
pub(crate) fn save(conn: &Connection, row: &SessionRow) -> Result<(), StoreError> {
    let session = &row.session;
    conn.prepare_cached(
        "UPDATE sessions SET agent_id = ?2, updated_ms = ?3, lifecycle_revision = ?4, fields = ?5
         WHERE id = ?1",
    )?
    .execute(params![
        row.id,
        session.agent_id,
        session.updated_ms,
        session.lifecycle_revision,
        json::to_text(&session.fields)?
    ])?;
    Ok(())
}

/// Merges `changes` into `fields`; `null` removes.
pub(crate) fn merge(fields: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            fields.shift_remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
}

fn put(conn: &Connection, key: &str, change: SessionChange) -> Result<Session, StoreError> {
    let at_ms = change.touch_ms.unwrap_or_else(now_ms);
    let mut row = if change.create {
        ensure(conn, key, change.agent_id.as_deref(), at_ms)?
    } else {
        by_key(conn, key)?.ok_or_else(|| StoreError::SessionUnknown { key: key.to_owned() })?
    };
    merge(&mut row.session.fields, change.fields);
    if let Some(label) = change.unique_label {
        require_free_label(conn, &label, row.id)?;
        row.session.fields.insert("label".into(), label.into());
    }
    if let Some(agent_id) = change.agent_id {
        row.session.agent_id = agent_id;
    }
    if let Some(touch_ms) = change.touch_ms {
        row.session.updated_ms = row.session.updated_ms.max(touch_ms);
    }
    save(conn, &row)?;
    Ok(row.session)
}

fn require_free_label(conn: &Connection, label: &str, session: i64) -> Result<(), StoreError> {
    let taken = conn
        .prepare_cached("SELECT 1 FROM sessions WHERE label = ?1 AND id <> ?2 LIMIT 1")?
        .exists(params![label, session])?;
    if taken { Err(StoreError::LabelInUse { label: label.to_owned() }) } else { Ok(()) }
}

fn delete(conn: &Connection, key: &str) -> Result<Option<DeletedSession>, StoreError> {
    let Some(row) = by_key(conn, key)? else {
        return Ok(None);
    };
    let media = media::of_session(conn, row.id)?;
    let messages: i64 = conn
        .prepare_cached("SELECT sum(message_count) FROM transcripts WHERE session = ?1")?
        .query_row([row.id], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    conn.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([row.id])?;
    search::forget_removed(conn)?;
    Ok(Some(DeletedSession { session: row.session, messages: messages.cast_unsigned(), media }))
}

/// The agent named in a key of the form `agent:<id>:…`.
fn agent_of(key: &str) -> &str {
    let named = key.strip_prefix("agent:").and_then(|rest| rest.split_once(':'));
    match named {
        Some((agent, _)) if !agent.is_empty() => agent,
        _ => "main",
    }
}
