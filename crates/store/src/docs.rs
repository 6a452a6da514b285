//! Small JSON documents by kind and id: devices, tokens, pairing, cron jobs.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use crate::error::StoreError;
use crate::{Store, json};

/// One of several changes that happen together; see [`Store::change_docs`].
#[derive(Debug, Clone, PartialEq)]
pub enum DocChange {
    /// Stores `body` under `kind` and `id`, replacing what was there.
    Put {
        /// What kind of document it is.
        kind: String,
        /// Its id.
        id: String,
        /// Its content.
        body: Value,
    },
    /// Removes the document, if there is one.
    Delete {
        /// What kind of document it is.
        kind: String,
        /// Its id.
        id: String,
    },
    /// Removes all documents of a kind but those with the `keep` greatest ids.
    Trim {
        /// What kind of documents they are.
        kind: String,
        /// How many stay.
        keep: u32,
    },
}

impl Store {
    /// Makes all the changes, in order, or none.
    pub async fn change_docs(&self, changes: Vec<DocChange>) -> Result<(), StoreError> {
        let work = move |conn: &rusqlite::Connection| {
            changes.iter().try_for_each(|change| apply(conn, change))
        };
        self.writer.run(work).await
    }

    /// Stores `body` under `kind` and `id`, replacing what was there.
    pub async fn put_doc(&self, kind: &str, id: &str, body: &Value) -> Result<(), StoreError> {
        let (kind, id, body) = (kind.to_owned(), id.to_owned(), body.clone());
        self.change_docs(vec![DocChange::Put { kind, id, body }]).await
    }

    /// The document, if there is one.
    pub async fn get_doc(&self, kind: &str, id: &str) -> Result<Option<Value>, StoreError> {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        let work = move |conn: &rusqlite::Connection| {
            conn.prepare_cached("SELECT body FROM docs WHERE kind = ?1 AND id = ?2")?
                .query_row(params![kind, id], |row| row.get::<_, String>(0))
                .optional()?
                .map(|body| json::value(&body))
                .transpose()
        };
        self.readers.run(work).await
    }

    /// All documents of a kind as `(id, body)`, ordered by id.
    pub async fn list_docs(&self, kind: &str) -> Result<Vec<(String, Value)>, StoreError> {
        let kind = kind.to_owned();
        let work = move |conn: &rusqlite::Connection| {
            let mut query =
                conn.prepare_cached("SELECT id, body FROM docs WHERE kind = ?1 ORDER BY id")?;
            let rows = query
                .query_and_then([kind], |row| Ok((json::text(row, 0)?, json::text(row, 1)?)))?;
            rows.filter_map(|row: Result<_, StoreError>| {
                let read = row.and_then(|(id, body)| Ok((id, json::value(&body)?)));
                match read {
                    Err(error @ StoreError::Corrupt(_)) => {
                        // The others of its kind are still good.
                        tracing::error!(?error, "a document is damaged and left out");
                        None
                    }
                    read => Some(read),
                }
            })
            .collect()
        };
        self.readers.run(work).await
    }

    /// Removes the document; tells whether there was one.
    pub async fn delete_doc(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        let work = move |conn: &rusqlite::Connection| {
            let removed = conn
                .prepare_cached("DELETE FROM docs WHERE kind = ?1 AND id = ?2")?
                .execute(params![kind, id])?;
            Ok(removed > 0)
        };
        self.writer.run(work).await
    }
}

fn apply(conn: &rusqlite::Connection, change: &DocChange) -> Result<(), StoreError> {
    match change {
        DocChange::Put { kind, id, body } => conn
            .prepare_cached(
                "INSERT INTO docs (kind, id, body) VALUES (?1, ?2, ?3)
                 ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            )?
            .execute(params![kind, id, json::to_text(body)?])?,
        DocChange::Delete { kind, id } => conn
            .prepare_cached("DELETE FROM docs WHERE kind = ?1 AND id = ?2")?
            .execute(params![kind, id])?,
        DocChange::Trim { kind, keep } => conn
            .prepare_cached(
                "DELETE FROM docs WHERE kind = ?1 AND id NOT IN
                 (SELECT id FROM docs WHERE kind = ?1 ORDER BY id DESC LIMIT ?2)",
            )?
            .execute(params![kind, keep])?,
    };
    Ok(())
}
