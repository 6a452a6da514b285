//! Full-text search over what the histories show.

use rusqlite::{Connection, params};

use crate::error::StoreError;
use crate::{Store, json};

/// Words of a query that count; more would only slow it down.
const MAX_WORDS: usize = 32;

/// A message that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchHit {
    /// Its session.
    pub session_key: String,
    /// Its id.
    pub message_id: String,
    /// Its number in the transcript.
    pub seq: i64,
    /// When it was made.
    pub ts_ms: i64,
    /// About a dozen words around the first match.
    pub snippet: String,
}

impl Store {
    /// Messages of current transcripts that contain every word of `text` (the last one may be the
    /// start of a word), newest first. Case and accents do not matter.
    pub async fn search(&self, text: &str, limit: usize) -> Result<Vec<SearchHit>, StoreError> {
        let Some(query) = match_expression(text) else {
            return Ok(Vec::new());
        };
        self.readers.run(move |conn| search(conn, &query, limit)).await
    }
}

fn search(conn: &Connection, query: &str, limit: usize) -> Result<Vec<SearchHit>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT s.key, m.id, m.seq, m.ts_ms, snippet(messages_fts, 0, '', '', '…', 12)
         FROM messages_fts f
         CROSS JOIN messages m ON m.row = f.rowid
         CROSS JOIN transcripts t ON t.id = m.transcript
         CROSS JOIN sessions s ON s.id = t.session AND s.generation = t.generation
         WHERE messages_fts MATCH ?1 ORDER BY f.rowid DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let hits = statement.query_and_then(params![query, limit], |row| {
        Ok(SearchHit {
            session_key: json::text(row, 0)?,
            message_id: json::text(row, 1)?,
            seq: row.get(2)?,
            ts_ms: row.get(3)?,
            snippet: json::text(row, 4)?,
        })
    })?;
    hits.collect()
}

/// Rewrites the index, which until then only marks the words of removed messages as gone.
pub(crate) fn forget_removed(conn: &Connection) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO messages_fts (messages_fts) VALUES ('optimize')")?
        .execute([])?;
    Ok(())
}

/// The words as quoted strings, so that nothing in them is read as query syntax.
fn match_expression(text: &str) -> Option<String> {
    let words = text
        .split(|c: char| c.is_whitespace() || c == '\0')
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(MAX_WORDS)
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
    let quoted: Vec<_> = words.collect();
    (!quoted.is_empty()).then(|| quoted.join(" ") + "*")
}
