//! Resetting a session: a new transcript under the same id.

use rusqlite::Connection;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::sessions::{self, Session};
use crate::transcript::{self, NewMessage};

/// Counters that describe the transcript, so they start over with it.
const COUNTERS: [&str; 5] =
    ["inputTokens", "outputTokens", "totalTokens", "cacheRead", "cacheWrite"];

impl Store {
    /// Starts a new transcript whose first row is `divider`, creating the session when missing.
    ///
    /// The session id and its settings stay, `lifecycle_revision` changes and token counters are
    /// cleared. Older messages remain stored but are no longer part of the history; a run that is
    /// still going writes the rest of its messages to the transcript it began in.
    pub async fn reset_session(
        &self,
        key: &str,
        divider: NewMessage,
        now_ms: i64,
    ) -> Result<Session, StoreError> {
        let key = key.to_owned();
        self.writer.run(move |conn| reset(conn, &key, divider, now_ms)).await
    }
}

fn reset(
    conn: &Connection,
    key: &str,
    divider: NewMessage,
    now_ms: i64,
) -> Result<Session, StoreError> {
    let mut row = sessions::ensure(conn, key, None, now_ms)?;
    let generation = sessions::next_generation(conn, row.id)?;
    row.transcript = sessions::start_transcript(conn, row.id, generation)?;
    let session = &mut row.session;
    session.lifecycle_revision = Uuid::new_v4().to_string();
    session.updated_ms = session.updated_ms.max(now_ms).max(divider.ts_ms);
    session.message_count = 1;
    for counter in COUNTERS {
        session.fields.shift_remove(counter);
    }
    sessions::save(conn, &row)?;
    transcript::insert(conn, row.transcript, divider)?;
    Ok(row.session)
}
