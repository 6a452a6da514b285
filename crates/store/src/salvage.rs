//! Copies what can still be read of a damaged database.

use std::path::Path;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, params_from_iter};

use crate::error::StoreError;
use crate::{json, schema};

/// Parents before children.
const TABLES: [&str; 7] =
    ["sessions", "transcripts", "messages", "runs", "partials", "media", "docs"];

/// Closes the gaps that lost rows leave: a conversation of their own for messages that lost theirs,
/// a current transcript for every session, numbering without holes and exact counters.
const REPAIR: &str = "
    INSERT INTO transcripts (id, session, generation)
      SELECT DISTINCT transcript, -transcript, 1 FROM messages
      WHERE transcript NOT IN (SELECT id FROM transcripts);
    INSERT OR IGNORE INTO sessions (id, key, session_id, agent_id, created_ms, updated_ms,
        lifecycle_revision, generation, fields)
      SELECT t.session, 'agent:main:recovered-' || t.id, lower(hex(randomblob(16))), 'main',
        coalesce(min(m.ts_ms), 0), coalesce(max(m.ts_ms), 0), lower(hex(randomblob(16))),
        max(t.generation), '{}'
      FROM transcripts t LEFT JOIN messages m ON m.transcript = t.id
      WHERE t.session NOT IN (SELECT id FROM sessions) GROUP BY t.session;
    DELETE FROM runs WHERE transcript NOT IN (SELECT id FROM transcripts);
    DELETE FROM partials WHERE run_id NOT IN (SELECT run_id FROM runs);
    DELETE FROM media WHERE session NOT IN (SELECT id FROM sessions);
    DELETE FROM docs WHERE NOT json_valid(body);
    INSERT OR IGNORE INTO transcripts (session, generation) SELECT id, generation FROM sessions;
    UPDATE messages SET seq = -place.n FROM (
      SELECT row, row_number() OVER (PARTITION BY transcript ORDER BY seq) AS n FROM messages
    ) AS place WHERE place.row = messages.row;
    UPDATE messages SET seq = -seq;
    UPDATE transcripts SET message_count =
      (SELECT count(*) FROM messages WHERE transcript = transcripts.id);
";

/// Copies every readable row of the database at `from` in one transaction and returns how many.
///
/// The damaged file is only read. Each table is walked from both ends, since SQLite stops at the
/// first page that makes no sense.
pub(crate) fn copy(from: &Path, to: &mut Connection) -> Result<u64, StoreError> {
    // SQLite deletes the log of an empty database.
    if std::fs::metadata(from).map_or(0, |meta| meta.len()) == 0 {
        return Ok(0);
    }
    let Ok(old) = schema::open_reader(from) else {
        return Ok(0);
    };
    // Rows that lost their parent are kept and get a new one.
    to.execute_batch("PRAGMA foreign_keys = OFF")?;
    let new = to.transaction()?;
    let mut copied = 0;
    for table in TABLES {
        for order in ["ASC", "DESC"] {
            copied += copy_table(&old, &new, table, order)?;
        }
    }
    new.execute_batch(REPAIR)?;
    new.commit()?;
    to.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(copied)
}

/// Errors of `new` are returned; those of `old` end the walk.
fn copy_table(
    old: &Connection,
    new: &Connection,
    table: &str,
    order: &str,
) -> Result<u64, StoreError> {
    let columns = columns(new, table)?;
    let names = columns.join(", ");
    let key = if table == "docs" {
        format!("kind {order}, id {order}")
    } else {
        format!("rowid {order}")
    };
    let select = format!("SELECT {names} FROM {table} NOT INDEXED ORDER BY {key}");
    let Ok(mut select) = old.prepare(&select) else {
        return Ok(0);
    };
    let marks = vec!["?"; columns.len()].join(", ");
    let mut insert =
        new.prepare(&format!("INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"))?;
    let Ok(mut rows) = select.query([]) else {
        return Ok(0);
    };
    let mut copied = 0;
    while let Ok(Some(row)) = rows.next() {
        let Ok(values) = columns
            .iter()
            .enumerate()
            .map(|(at, name)| value(row, at, name))
            .collect::<Result<Vec<_>, _>>()
        else {
            continue;
        };
        match insert.execute(params_from_iter(values)) {
            Ok(inserted) => copied += inserted as u64,
            // It is there already, or damage has changed a value's type.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(copied)
}

/// A value as it can be kept: text stays text, and a session does not depend on its settings.
fn value(row: &Row<'_>, at: usize, name: &str) -> rusqlite::Result<Value> {
    let ValueRef::Text(bytes) = row.get_ref(at)? else {
        return row.get(at);
    };
    let text = String::from_utf8_lossy(bytes).into_owned();
    let lost = name == "fields" && json::map(&text).is_err();
    Ok(Value::Text(if lost { "{}".to_owned() } else { text }))
}

fn columns(conn: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let mut query = conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = query.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
