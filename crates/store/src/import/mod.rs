//! Import of the original's older state: JSON files with one transcript per conversation.
//!
//! [`OldState`] reads them and changes nothing. [`Store::begin_import`] makes sure that it happens
//! once and never over existing data. A conversation is written in small commits to a place where
//! nobody sees it ([`Store::stage`]) and appears with its last one ([`Staged::publish`]); what a
//! crash left half-way is removed and read again at the next start.

mod entry;
mod plain;
mod source;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::StoreError;
use crate::sessions::{self, Session};
use crate::transcript::{self, NewMessage};
use crate::{Store, json, search};

pub use source::{Batch, OldSession, OldState, Transcript};

/// Documents about the import: one that says how it stands, one that says that the documents are
/// there, and one for each conversation that is done while it goes on.
const MARK: &str = "import";
const DONE: &str = "import.session";
const MARK_ID: &str = "state";
const DOCS_ID: &str = "docs";

/// A staged session's generation; it has no such transcript, so no query finds it.
const HIDDEN: i64 = 0;
const FIRST: i64 = 1;

/// A conversation that is being imported; it is not visible yet.
#[derive(Debug)]
pub struct Staged {
    store: Store,
    id: i64,
    transcript: i64,
    session_id: String,
}

impl Store {
    /// Whether older state is to be imported now: into a database without sessions and devices,
    /// or because an import was cut off. Answers no from the first call on for any other database.
    pub async fn begin_import(&self) -> Result<bool, StoreError> {
        self.writer.run(begin).await
    }

    /// Starts the import of one conversation. `None` when its id is known, also if it has been
    /// deleted since.
    pub async fn stage(
        &self,
        session_id: &str,
        agent_id: &str,
    ) -> Result<Option<Staged>, StoreError> {
        let (id, agent) = (session_id.to_owned(), agent_id.to_owned());
        let staged = self.writer.run(move |conn| stage(conn, &id, &agent)).await?;
        Ok(staged.map(|(id, transcript)| Staged {
            store: self.clone(),
            id,
            transcript,
            session_id: session_id.to_owned(),
        }))
    }

    /// Stores the documents that the older state becomes, `(kind, id, body)`, in one commit and
    /// only once: what is removed afterwards stays removed, also when the import was cut off. Of
    /// several with one kind and id the first counts. Tells whether it did; `summary` is kept.
    pub async fn import_docs(
        &self,
        docs: Vec<(&'static str, String, Value)>,
        summary: Map<String, Value>,
    ) -> Result<bool, StoreError> {
        let work = move |conn: &Connection| {
            let add = |kind: &str, id: &str, body: String| {
                let added = conn
                    .prepare_cached(
                        "INSERT OR IGNORE INTO docs (kind, id, body) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![kind, id, body])?;
                Ok::<_, StoreError>(added > 0)
            };
            if !add(MARK, DOCS_ID, json::to_text(&summary)?)? {
                return Ok(false);
            }
            for (kind, id, body) in &docs {
                add(kind, id, json::to_text(body)?)?;
            }
            Ok(true)
        };
        self.writer.run(work).await
    }

    /// The import is complete; `summary` is kept beside the mark.
    pub async fn finish_import(&self, summary: Map<String, Value>) -> Result<(), StoreError> {
        let work = move |conn: &Connection| {
            mark(conn, "done", summary)?;
            conn.execute("DELETE FROM docs WHERE kind = ?1", [DONE])?;
            Ok(())
        };
        self.writer.run(work).await
    }
}

impl Staged {
    /// Adds messages, oldest first.
    pub async fn append(&self, messages: Vec<NewMessage>) -> Result<(), StoreError> {
        let transcript = self.transcript;
        let work = move |conn: &Connection| {
            for message in messages {
                transcript::insert(conn, transcript, message)?;
            }
            Ok(())
        };
        self.store.writer.run(work).await
    }

    /// Makes the conversation visible under `key`, or under `otherwise` when a conversation has
    /// that key by now.
    pub async fn publish(
        self,
        key: String,
        otherwise: String,
        fields: Map<String, Value>,
        updated_ms: i64,
    ) -> Result<Session, StoreError> {
        let Self { store, id, session_id, .. } = self;
        let work = move |conn: &Connection| {
            let taken = sessions::by_key(conn, &key)?.is_some();
            let key = if taken { otherwise } else { key };
            conn.execute(
                "UPDATE sessions SET key = ?2, generation = ?3, fields = ?4,
                   updated_ms = max(updated_ms, ?5),
                   created_ms = coalesce((SELECT m.ts_ms FROM messages m JOIN transcripts t
                     ON t.id = m.transcript WHERE t.session = ?1 AND m.seq = 1), ?5)
                 WHERE id = ?1",
                params![id, key, FIRST, json::to_text(&fields)?, updated_ms],
            )?;
            conn.execute(
                "INSERT OR REPLACE INTO docs (kind, id, body) VALUES (?1, ?2, '{}')",
                [DONE, &session_id],
            )?;
            let row = sessions::by_key(conn, &key)?.ok_or(StoreError::SessionUnknown { key })?;
            Ok(row.session)
        };
        store.writer.run(work).await
    }
}

fn begin(conn: &Connection) -> Result<bool, StoreError> {
    let found = conn
        .query_row("SELECT body FROM docs WHERE kind = ?1 AND id = ?2", [MARK, MARK_ID], |row| {
            row.get::<_, String>(0)
        })
        .optional()?;
    if let Some(body) = found {
        let running = json::value(&body)?["status"] == "running";
        if running {
            conn.execute("DELETE FROM sessions WHERE generation = ?1", [HIDDEN])?;
            search::forget_removed(conn)?;
        }
        return Ok(running);
    }
    let used: bool = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sessions)
           OR EXISTS (SELECT 1 FROM docs WHERE kind = 'device')",
        [],
        |row| row.get(0),
    )?;
    mark(conn, if used { "declined" } else { "running" }, Map::new())?;
    Ok(!used)
}

fn mark(conn: &Connection, status: &str, mut more: Map<String, Value>) -> Result<(), StoreError> {
    more.insert("status".into(), json!(status));
    more.insert("atMs".into(), json!(crate::now_ms()));
    conn.execute(
        "INSERT OR REPLACE INTO docs (kind, id, body) VALUES (?1, ?2, ?3)",
        params![MARK, MARK_ID, json::to_text(&more)?],
    )?;
    Ok(())
}

fn stage(
    conn: &Connection,
    session_id: &str,
    agent_id: &str,
) -> Result<Option<(i64, i64)>, StoreError> {
    let known: bool = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE session_id = ?1)
           OR EXISTS (SELECT 1 FROM docs WHERE kind = ?2 AND id = ?1)",
        [session_id, DONE],
        |row| row.get(0),
    )?;
    if known {
        return Ok(None);
    }
    // No key of a conversation looks like this: those begin with `agent:` or are one word.
    let key = format!("importing:{session_id}");
    conn.execute(
        "INSERT INTO sessions (key, session_id, agent_id, created_ms, updated_ms,
           lifecycle_revision, generation, fields) VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, '{}')",
        params![key, session_id, agent_id, Uuid::new_v4().to_string(), HIDDEN],
    )?;
    let id = conn.last_insert_rowid();
    Ok(Some((id, sessions::start_transcript(conn, id, FIRST)?)))
}
