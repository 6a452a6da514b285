//! Compaction: a summary stands for the older part of a transcript when a model reads it. The rows it
//! stands for stay where they are.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use crate::Store;
use crate::error::StoreError;
use crate::sessions::{self, Session};
use crate::transcript::{self, NewMessage, Role, Stored};

/// `__openclaw.kind` of a summary's row.
const KIND: &str = "compaction";
/// Which row is the first that a summary does not stand for, by its id.
const FIRST_KEPT: &str = "firstKeptEntryId";

/// What a model has to know of a conversation.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The newest summary.
    pub summary: Option<Stored>,
    /// The messages it does not stand for, oldest first; no system rows.
    pub messages: Vec<Stored>,
    /// Whether there are older ones that are neither summarised nor among these.
    pub cut: bool,
}

/// How much of a conversation to read. The newest messages are kept.
#[derive(Debug, Clone, Copy)]
pub struct ContextQuery {
    /// Leaves out what users said after this number.
    pub through: Option<i64>,
    /// At most this many messages.
    pub limit: usize,
    /// Stop before their bodies and metadata together exceed this; one is always returned.
    pub max_bytes: u64,
}

impl Store {
    /// The newest summary of the session's current transcript, and what was said since.
    pub async fn context(&self, key: &str, q: ContextQuery) -> Result<Context, StoreError> {
        let key = key.to_owned();
        self.readers.run(move |conn| context(conn, &key, q)).await
    }

    /// Adds a summary to the transcript; the row `first_kept` and those after it are read beside it.
    ///
    /// Counts it in `compactionCount`. `None` when the session has started or changed to another
    /// transcript since it had this `lifecycle_revision`.
    pub async fn summarize(
        &self,
        key: &str,
        lifecycle_revision: &str,
        first_kept: &str,
        mut summary: NewMessage,
    ) -> Result<Option<(Stored, Session)>, StoreError> {
        let (key, revision) = (key.to_owned(), lifecycle_revision.to_owned());
        summary.role = Role::System;
        summary.meta.insert("kind".into(), json!(KIND));
        summary.meta.insert(FIRST_KEPT.into(), json!(first_kept));
        self.writer.run(move |conn| add(conn, &key, &revision, summary)).await
    }
}

fn add(
    conn: &Connection,
    key: &str,
    revision: &str,
    summary: NewMessage,
) -> Result<Option<(Stored, Session)>, StoreError> {
    let Some(mut row) = sessions::by_key(conn, key)? else {
        return Ok(None);
    };
    if row.session.lifecycle_revision != revision {
        return Ok(None);
    }
    let session = &mut row.session;
    let count = session.fields.get("compactionCount").and_then(Value::as_u64).unwrap_or(0);
    session.fields.insert("compactionCount".into(), json!(count + 1));
    // It counts what a model last read, and that was more.
    session.fields.shift_remove("totalTokens");
    session.updated_ms = session.updated_ms.max(summary.ts_ms);
    sessions::save(conn, &row)?;
    let stored = transcript::insert(conn, row.transcript, summary)?;
    row.session.message_count = stored.seq.cast_unsigned();
    Ok(Some((stored, row.session)))
}

fn context(conn: &Connection, key: &str, q: ContextQuery) -> Result<Context, StoreError> {
    let Some(row) = sessions::by_key(conn, key)? else {
        return Ok(Context::default());
    };
    let (summary, first) = newest_summary(conn, row.transcript)?;
    let mut query = conn.prepare_cached(
        "SELECT id, seq, role, body, text, run_id, idempotency_key, ts_ms, meta FROM messages
         WHERE transcript = ?1 AND seq >= ?2 AND role <> 'system'
           AND NOT (role = 'user' AND seq > ?3)
         ORDER BY seq DESC",
    )?;
    let mut rows = query.query(params![row.transcript, first, q.through.unwrap_or(i64::MAX)])?;
    let mut context = Context { summary, ..Context::default() };
    let mut bytes = 0_u64;
    while let Some(row) = rows.next()? {
        bytes = bytes.saturating_add(transcript::size(row)? as u64);
        let full = context.messages.len() >= q.limit || bytes > q.max_bytes;
        if full && !context.messages.is_empty() {
            context.cut = true;
            break;
        }
        context.messages.push(transcript::read(row)?);
    }
    context.messages.reverse();
    Ok(context)
}

/// The summary, and the number of the first row it does not stand for. That row is gone when the
/// transcript was shortened to rows after it: then all that are left count.
fn newest_summary(conn: &Connection, transcript: i64) -> Result<(Option<Stored>, i64), StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT id, seq, role, body, text, run_id, idempotency_key, ts_ms, meta FROM messages
         WHERE transcript = ?1 AND role = 'system' ORDER BY seq DESC",
    )?;
    for stored in query.query_and_then([transcript], transcript::read)? {
        let stored = stored?;
        let Some(first_kept) = stored.meta.get(FIRST_KEPT).and_then(Value::as_str) else {
            continue;
        };
        let first = conn
            .prepare_cached("SELECT seq FROM messages WHERE transcript = ?1 AND id = ?2")?
            .query_row(params![transcript, first_kept], |row| row.get(0))
            .optional()?;
        return Ok((Some(stored), first.unwrap_or(1)));
    }
    Ok((None, 1))
}
