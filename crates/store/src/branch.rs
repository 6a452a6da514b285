//! Going back in a conversation: a new transcript that begins with some of the present rows. The
//! transcript it departs from stays stored.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::sessions::{self, Session, SessionRow};

/// Which rows a new transcript begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The newest so many.
    Last(i64),
    /// What was said before the user's message of this number: the rows before it, and answers to
    /// them that were stored after it because it was queued.
    Before(i64),
    /// Everything up to this number.
    Through(i64),
}

/// One transcript of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Id of its last row.
    pub leaf_id: String,
    /// Its rows.
    pub message_count: u64,
    /// Time of its last row.
    pub updated_ms: i64,
    /// Whether it is the one shown.
    pub current: bool,
}

impl Store {
    /// Goes on in a new transcript that begins with copies of the rows to keep; they are numbered
    /// anew and keep their ids.
    ///
    /// # Errors
    ///
    /// `SESSION_UNKNOWN` when there is no such session.
    pub async fn branch_session(
        &self,
        key: &str,
        keep: Keep,
        now_ms: i64,
    ) -> Result<Session, StoreError> {
        let key = key.to_owned();
        self.writer.run(move |conn| branch(conn, &key, keep, now_ms)).await
    }

    /// Adds copies of the rows to keep to the empty session `to`.
    ///
    /// # Errors
    ///
    /// `SESSION_UNKNOWN` when one of the two does not exist.
    pub async fn copy_transcript(
        &self,
        from: &str,
        to: &str,
        keep: Keep,
    ) -> Result<Session, StoreError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        let work = move |conn: &Connection| {
            let source = require(conn, &from)?;
            let mut target = require(conn, &to)?;
            target.session.message_count = copy(conn, &source, target.transcript, keep)?;
            Ok(target.session)
        };
        self.writer.run(work).await
    }

    /// The transcripts of a session that have rows, newest first.
    pub async fn branches(&self, key: &str) -> Result<Vec<Branch>, StoreError> {
        let key = key.to_owned();
        self.readers.run(move |conn| branches(conn, &key)).await
    }

    /// Shows the transcript whose last row has this id; `None` when the session has none such.
    pub async fn switch_branch(
        &self,
        key: &str,
        leaf_id: &str,
        now_ms: i64,
    ) -> Result<Option<Session>, StoreError> {
        let (key, leaf_id) = (key.to_owned(), leaf_id.to_owned());
        self.writer.run(move |conn| switch(conn, &key, &leaf_id, now_ms)).await
    }
}

fn require(conn: &Connection, key: &str) -> Result<SessionRow, StoreError> {
    sessions::by_key(conn, key)?.ok_or_else(|| StoreError::SessionUnknown { key: key.to_owned() })
}

fn branch(conn: &Connection, key: &str, keep: Keep, now_ms: i64) -> Result<Session, StoreError> {
    let mut row = require(conn, key)?;
    let generation = sessions::next_generation(conn, row.id)?;
    let transcript = sessions::start_transcript(conn, row.id, generation)?;
    row.session.message_count = copy(conn, &row, transcript, keep)?;
    row.transcript = transcript;
    moved(conn, row, now_ms)
}

/// The same conversation now shows other rows.
fn moved(conn: &Connection, mut row: SessionRow, now_ms: i64) -> Result<Session, StoreError> {
    row.session.lifecycle_revision = Uuid::new_v4().to_string();
    row.session.updated_ms = row.session.updated_ms.max(now_ms);
    // It counts what a model last read, and that was more or something else.
    row.session.fields.shift_remove("totalTokens");
    sessions::save(conn, &row)?;
    Ok(row.session)
}

fn copy(
    conn: &Connection,
    from: &SessionRow,
    transcript: i64,
    keep: Keep,
) -> Result<u64, StoreError> {
    let total = from.session.message_count.cast_signed();
    let (first, last, answers) = match keep {
        Keep::Last(rows) => (total.saturating_sub(rows).saturating_add(1), total, false),
        Keep::Before(seq) => (1, seq.saturating_sub(1), true),
        Keep::Through(seq) => (1, seq, false),
    };
    let copied = conn
        .prepare_cached(
            "INSERT INTO messages
               (transcript, seq, id, role, run_id, idempotency_key, ts_ms, meta, text, body)
             SELECT ?1, row_number() OVER (ORDER BY seq), id, role, run_id, idempotency_key, ts_ms,
               meta, text, body
             FROM messages WHERE transcript = ?2 AND (seq BETWEEN ?3 AND ?4 OR (?5 AND run_id IN (
               SELECT run_id FROM messages
               WHERE transcript = ?2 AND role = 'user' AND seq BETWEEN ?3 AND ?4)))
             ORDER BY seq",
        )?
        .execute(params![transcript, from.transcript, first, last, answers])?;
    // A shortened conversation keeps the title of its beginning.
    conn.prepare_cached(
        "UPDATE transcripts SET message_count = ?2, first_user_text = CASE WHEN ?3 > 1
           THEN (SELECT first_user_text FROM transcripts WHERE id = ?4)
           ELSE (SELECT substr(trim(text), 1, 512) FROM messages
                 WHERE transcript = ?1 AND role = 'user' AND trim(text) <> ''
                 ORDER BY seq LIMIT 1) END
         WHERE id = ?1",
    )?
    .execute(params![transcript, copied as i64, first, from.transcript])?;
    Ok(copied as u64)
}

const BRANCHES: &str = "SELECT t.generation, t.generation = s.generation, m.id, m.seq, m.ts_ms
    FROM sessions s JOIN transcripts t ON t.session = s.id
    JOIN messages m ON m.transcript = t.id AND m.seq = t.message_count
    WHERE s.key = ?1 ORDER BY t.generation DESC";

/// Of transcripts with the same last row only the one shown counts, else the newest.
fn branches(conn: &Connection, key: &str) -> Result<Vec<Branch>, StoreError> {
    let mut query = conn.prepare_cached(BRANCHES)?;
    let rows = query.query_map([key], |row| {
        Ok(Branch {
            current: row.get(1)?,
            leaf_id: row.get(2)?,
            message_count: row.get::<_, i64>(3)?.cast_unsigned(),
            updated_ms: row.get(4)?,
        })
    })?;
    let mut all: Vec<Branch> = Vec::new();
    for branch in rows {
        let branch = branch?;
        match all.iter_mut().find(|other| other.leaf_id == branch.leaf_id) {
            Some(other) if branch.current => *other = branch,
            Some(_) => {}
            None => all.push(branch),
        }
    }
    Ok(all)
}

fn switch(
    conn: &Connection,
    key: &str,
    leaf_id: &str,
    now_ms: i64,
) -> Result<Option<Session>, StoreError> {
    let row = require(conn, key)?;
    let generation: Option<i64> = conn
        .prepare_cached(&format!("SELECT generation FROM ({BRANCHES}) WHERE id = ?2 LIMIT 1"))?
        .query_row([key, leaf_id], |row| row.get(0))
        .optional()?;
    let Some(generation) = generation else {
        return Ok(None);
    };
    conn.prepare_cached("UPDATE sessions SET generation = ?2 WHERE id = ?1")?
        .execute([row.id, generation])?;
    moved(conn, require(conn, key)?, now_ms).map(Some)
}
