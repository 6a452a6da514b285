//! Records of received files. The bytes live in the media directory; the row says whose they are.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::Store;
use crate::error::StoreError;

/// One received file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRecord {
    /// Id, unique in the database.
    pub id: String,
    /// Session it was sent to. Ignored when writing: the run's session counts.
    pub session_key: String,
    /// MIME type found in the bytes.
    pub mime: String,
    /// `image`, `audio`, `video` or `file`.
    pub kind: String,
    /// Name the sender gave it; untrusted.
    pub name: Option<String>,
    /// Bytes.
    pub size: u64,
    /// When it was received.
    pub created_ms: i64,
}

const SELECT: &str = "SELECT m.id, s.key, m.mime, m.kind, m.name, m.size, m.created_ms
    FROM media m JOIN sessions s ON s.id = m.session";

impl Store {
    /// The record of a file, if there is one.
    pub async fn media(&self, id: &str) -> Result<Option<MediaRecord>, StoreError> {
        let id = id.to_owned();
        let work = move |conn: &Connection| {
            let mut query = conn.prepare_cached(&format!("{SELECT} WHERE m.id = ?1"))?;
            Ok(query.query_row([id], read).optional()?)
        };
        self.readers.run(work).await
    }
}

pub(crate) fn insert(
    conn: &Connection,
    session: i64,
    media: &MediaRecord,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO media (id, session, mime, kind, name, size, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        media.id,
        session,
        media.mime,
        media.kind,
        media.name,
        media.size.cast_signed(),
        media.created_ms
    ])?;
    Ok(())
}

pub(crate) fn of_session(conn: &Connection, session: i64) -> Result<Vec<MediaRecord>, StoreError> {
    let mut query =
        conn.prepare_cached(&format!("{SELECT} WHERE m.session = ?1 ORDER BY m.rowid"))?;
    let rows = query.query_map([session], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<MediaRecord> {
    Ok(MediaRecord {
        id: row.get(0)?,
        session_key: row.get(1)?,
        mime: row.get(2)?,
        kind: row.get(3)?,
        name: row.get(4)?,
        size: row.get::<_, i64>(5)?.cast_unsigned(),
        created_ms: row.get(6)?,
    })
}
