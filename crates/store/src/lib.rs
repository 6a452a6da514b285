//! Everything the gateway remembers, in one SQLite database: sessions, transcripts, runs with
//! their idempotency keys, media records, small documents (devices, pairing, cron) and a
//! full-text index.
//!
//! Invariants:
//!
//! - **An answer means durable.** A write returns after its commit has reached the disk.
//! - **All or nothing.** A write that returns an error has left nothing behind, and does not
//!   disturb the writes it shared a commit with.
//! - **A run id starts once**, also across restarts; see [`Store::begin_run`].
//! - **Nothing is wiped.** A damaged file is moved aside, what can be read of it is copied to a new
//!   one, and [`Recovery`] says so.
//! - One process at a time; the files are readable by their owner only.
//!
//! ```
//! # async fn example(dir: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! use clawdbot_store::{HistoryQuery, NewMessage, Role, Store};
//!
//! let (store, _recovery) = Store::open(&dir.join("clawdbot.db"))?;
//! let body = serde_json::value::to_raw_value(&serde_json::json!({"role": "user", "content": "Hi"}))?;
//! store.append("agent:main:main", NewMessage::new(Role::User, body, "Hi", 1_700_000_000_000)).await?;
//! let page = store.history("agent:main:main", HistoryQuery::default()).await?;
//! assert_eq!(page.messages[0].text, "Hi");
//! store.close().await?;
//! # Ok(()) }
//! # let dir = tempfile::tempdir().unwrap();
//! # tokio::runtime::Runtime::new().unwrap().block_on(example(dir.path())).unwrap();
//! ```

mod branch;
mod compaction;
mod docs;
mod error;
mod files;
mod import;
mod json;
mod media;
mod reader;
mod recovery;
mod reset;
mod runs;
mod salvage;
mod schema;
mod search;
mod session_list;
mod sessions;
mod transcript;
mod usage;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use branch::{Branch, Keep};
pub use compaction::{Context, ContextQuery};
pub use docs::DocChange;
pub use error::{Cause, StoreError};
pub use import::{Batch, OldSession, OldState, Staged, Transcript};
pub use media::MediaRecord;
pub use recovery::{InterruptedRun, Recovery};
pub use runs::{BeginRun, Begun, FinishRun, Finished, Partial, RunRecord, RunStatus};
pub use search::SearchHit;
pub use session_list::{SessionListed, SessionPage, SessionQuery};
pub use sessions::{DeletedSession, Session, SessionChange};
pub use transcript::{HistoryPage, HistoryQuery, NewMessage, Role, Stored};
pub use usage::{MessageCount, RunUsage};

use crate::files::Files;
use crate::reader::Readers;
use crate::writer::Writer;

/// Handle to the database; clones share it.
///
/// Dropping the last clone writes out what is queued; [`Store::close`] also waits for it.
/// At most 1,024 writes queue up; beyond that callers wait for room.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    readers: Readers,
}

impl Store {
    /// Opens or creates the database at `path`, updates its format and settles what a crash left
    /// behind. Blocks for a few milliseconds; call it before the runtime is busy.
    ///
    /// # Errors
    ///
    /// `STORE_BUSY` when another process has it open, `STORE_TOO_NEW` when a newer version wrote
    /// it, `STORE_FULL` and `STORE_IO` when the disk does not allow it.
    pub fn open(path: &Path) -> Result<(Self, Recovery), StoreError> {
        let files = Files::new(path);
        let lock = files.lock()?;
        let (conn, recovery) = recovery::open(&files)?;
        let writer = Writer::start(conn, lock, files.clone())?;
        Ok((Self { writer, readers: Readers::new(files) }, recovery))
    }

    /// What is wrong with the database at `path`, after reading all of it; `None` if nothing is.
    /// Changes nothing, so that the next [`Store::open`] finds what was found here only after
    /// [`Store::suspect`].
    pub fn damage(path: &Path) -> Option<StoreError> {
        let look = || schema::check(&schema::open_reader(path)?);
        look().err().filter(|error| matches!(error, StoreError::Corrupt(_)))
    }

    /// Has the next [`Store::open`] read all of the database and carry over what it can of a damaged
    /// one.
    pub fn suspect(path: &Path, damage: &StoreError) {
        Files::new(path).note_damage(damage);
    }

    /// Finishes queued writes, empties the write-ahead log, closes the files and releases the
    /// claim on them. Later calls on any clone return `STORE_CLOSED`; closing twice is fine.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.writer.close().await
    }

    /// Commits made since opening; many writes may share one.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Wall clock in milliseconds, for rows whose caller gives no time.
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
