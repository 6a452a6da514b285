//! Copies what can still be read of a damaged database.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use crate::error::StoreError;
use crate::schema;

/// Parents before children, so that a row whose parent is lost is left out.
const TABLES: [&str; 7] =
    ["sessions", "transcripts", "messages", "runs", "partials", "media", "docs"];

/// Closes the gaps that lost rows leave: numbering without holes, exact counters, and a current
/// transcript for every session.
const REPAIR: &str = "
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
    let new = to.transaction()?;
    let mut copied = 0;
    for table in TABLES {
        for order in ["ASC", "DESC"] {
            copied += copy_table(&old, &new, table, order)?;
        }
    }
    new.execute_batch(REPAIR)?;
    new.commit()?;
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
        let values: Vec<Value> = match (0..columns.len()).map(|at| row.get(at)).collect() {
            Ok(values) => values,
            Err(_) => continue,
        };
        match insert.execute(params_from_iter(values)) {
            Ok(inserted) => copied += inserted as u64,
            // Its parent is lost, or damage has changed a value's type.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(copied)
}

fn columns(conn: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let mut query = conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = query.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
