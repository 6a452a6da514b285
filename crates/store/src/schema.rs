//! Connections and the tables behind them.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;

/// Applied in order; a file's `user_version` says how many it has seen.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];

/// Both kinds of connection: little memory, no trust in what a foreign file's schema may call.
const COMMON: &str = "
    PRAGMA busy_timeout = 2000;
    PRAGMA cache_size = -512;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
";

/// An acknowledged write survives a power cut (`fullfsync` matters on macOS only), and a deleted
/// message does not linger in free pages.
const WRITING: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA foreign_keys = ON;
    PRAGMA secure_delete = ON;
    PRAGMA journal_size_limit = 4194304;
";

/// Opens the existing file for writing and brings its tables up to date.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = open(path, flags)?;
    // An empty file has nothing a journal could bring back, and each of its flushes delays the
    // first start.
    if path.metadata().is_ok_and(|meta| meta.len() == 0) {
        conn.execute_batch("PRAGMA journal_mode = MEMORY")?;
    }
    conn.execute_batch(WRITING)?;
    migrate(&mut conn)?;
    Ok(conn)
}

/// Opens the existing file for reading, with `fold(text)` for matching in any case.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("fold", 1, flags, |call| {
        let bytes = call.get_raw(0).as_bytes_or_null()?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).to_lowercase()))
    })?;
    Ok(conn)
}

/// The file is whole: closing it may tidy up its log.
pub(crate) fn trust(conn: &Connection) -> Result<(), StoreError> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

/// Reads everything. Slow on a large file, so only for one that is suspect.
pub(crate) fn check(conn: &Connection) -> Result<(), StoreError> {
    // Pages may be whole and a value in them still broken. A message with one is shown as far as it
    // goes, the others are needed. It comes first: SQLite's own check fails where a label is read.
    let broken: bool = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE NOT json_valid(fields))
           OR EXISTS (SELECT 1 FROM docs WHERE NOT json_valid(body))",
        [],
        |row| row.get(0),
    )?;
    if broken {
        return Err(StoreError::corrupt(std::io::Error::other("a value is not JSON")));
    }
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match verdict.as_str() {
        "ok" => Ok(()),
        _ => Err(StoreError::corrupt(std::io::Error::other(verdict))),
    }
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, flags)?;
    // Otherwise closing a file that turns out to be damaged would delete its log.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // A plan that depends on the values bound is worked out anew at each use; ours never gain by it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.execute_batch(COMMON)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(conn)
}

fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let supported = MIGRATIONS.len() as i64;
    if found > supported {
        return Err(StoreError::TooNew { found, supported });
    }
    for (version, sql) in (1..).zip(MIGRATIONS) {
        if version > found {
            let transaction = conn.transaction()?;
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
    }
    Ok(())
}
