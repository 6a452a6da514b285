//! Runs: one answer of the agent, from the user's message to its last row. The run id is the
//! caller's idempotency key.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use crate::error::StoreError;
use crate::media::{self, MediaRecord};
use crate::sessions::{self, Session};
use crate::transcript::{self, NewMessage, Stored};
use crate::{Store, json, now_ms, recovery};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// Going on in this process.
    Running,
    /// Ended as intended.
    Ok,
    /// Ended with an error.
    Error,
    /// Stopped on request.
    Aborted,
    /// Cut off because the process died; found when the store was opened.
    Interrupted,
}

impl RunStatus {
    /// Name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        [Self::Running, Self::Ok, Self::Error, Self::Aborted, Self::Interrupted]
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or_else(|| StoreError::corrupt(std::io::Error::other(format!("status {name:?}"))))
    }
}

/// A run to be started.
#[derive(Debug, Clone)]
pub struct BeginRun {
    /// The caller's idempotency key.
    pub run_id: String,
    /// Session the message goes to; created when missing.
    pub session_key: String,
    /// Agent that answers.
    pub agent_id: String,
    /// Hash of the request, to tell a repetition from another request with the same id.
    pub body_hash: [u8; 32],
    /// The user's message.
    pub message: NewMessage,
    /// Files sent with it.
    pub media: Vec<MediaRecord>,
    /// Time of the request.
    pub now_ms: i64,
}

/// What became of [`Store::begin_run`].
#[derive(Debug, Clone)]
pub enum Begun {
    /// The message is stored and the run is the caller's to carry out.
    Started {
        /// The user's message.
        message: Stored,
        /// Its session.
        session: Session,
    },
    /// The same request is being answered.
    InFlight,
    /// The same request was answered.
    Finished(RunRecord),
    /// Another request used this id.
    Conflict,
    /// The session takes no messages: its `sendPolicy` is `deny`.
    Blocked,
}

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// The caller's idempotency key.
    pub run_id: String,
    /// Its session.
    pub session_key: String,
    /// Agent that answered.
    pub agent_id: String,
    /// Hash of the request.
    pub body_hash: [u8; 32],
    /// Where it stands.
    pub status: RunStatus,
    /// When it began.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Why it stopped, by the wire's names.
    pub stop_reason: Option<String>,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// What the caller was answered.
    pub result: Option<Value>,
}

/// Assistant text that is still being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// The text so far.
    pub text: String,
    /// The thinking so far.
    pub thinking: Option<String>,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct FinishRun {
    /// Which run.
    pub run_id: String,
    /// `Ok`, `Error` or `Aborted`.
    pub status: RunStatus,
    /// Why it stopped, by the wire's names.
    pub stop_reason: Option<String>,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// What the caller is answered.
    pub result: Option<Value>,
    /// Its last messages; without any, the text kept so far becomes one.
    pub messages: Vec<NewMessage>,
    /// Merged into the session's fields (`null` removes), unless the session was reset meanwhile.
    pub session_fields: Map<String, Value>,
    /// Time of the end.
    pub now_ms: i64,
}

/// What [`Store::finish_run`] left behind.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The last messages as they are stored.
    pub messages: Vec<Stored>,
    /// The session with its new fields; `None` when it was deleted meanwhile.
    pub session: Option<Session>,
}

impl Store {
    /// Stores the user's message with its files and starts the run, all in one transaction.
    ///
    /// A run id starts once: a repetition is answered with where that run stands.
    pub async fn begin_run(&self, run: BeginRun) -> Result<Begun, StoreError> {
        self.writer.run(move |conn| begin(conn, run)).await
    }

    /// Keeps the text written so far, replacing what was kept before, so that a crash loses none.
    ///
    /// # Errors
    ///
    /// `RUN_UNKNOWN` or `RUN_ENDED` when the run is not going on.
    pub async fn journal(&self, run_id: &str, partial: Partial) -> Result<(), StoreError> {
        let run_id = run_id.to_owned();
        let work = move |conn: &Connection| {
            require_running(conn, &run_id)?;
            conn.prepare_cached(
                "INSERT INTO partials (run_id, text, thinking, updated_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (run_id) DO UPDATE SET text = excluded.text,
                   thinking = excluded.thinking, updated_ms = excluded.updated_ms",
            )?
            .execute(params![run_id, partial.text, partial.thinking, now_ms()])?;
            Ok(())
        };
        self.writer.run(work).await
    }

    /// Adds messages that are complete while the run goes on; the kept partial text is dropped.
    ///
    /// # Errors
    ///
    /// `RUN_UNKNOWN` or `RUN_ENDED` when the run is not going on.
    pub async fn append_run_messages(
        &self,
        run_id: &str,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Stored>, StoreError> {
        let run_id = run_id.to_owned();
        let work = move |conn: &Connection| {
            let run = require_running(conn, &run_id)?;
            append_messages(conn, &run_id, &run, messages)
        };
        self.writer.run(work).await
    }

    /// Ends the run: its last messages, its outcome and the session's fields in one transaction.
    ///
    /// # Errors
    ///
    /// `RUN_UNKNOWN` or `RUN_ENDED` when the run is not going on.
    pub async fn finish_run(&self, end: FinishRun) -> Result<Finished, StoreError> {
        self.writer.run(move |conn| finish(conn, end)).await
    }

    /// The run with this id.
    pub async fn run(&self, run_id: &str) -> Result<Option<RunRecord>, StoreError> {
        let run_id = run_id.to_owned();
        self.readers.run(move |conn| find(conn, &run_id)).await
    }
}

fn begin(conn: &Connection, run: BeginRun) -> Result<Begun, StoreError> {
    if let Some(earlier) = find(conn, &run.run_id)? {
        let same = earlier.body_hash == run.body_hash && earlier.session_key == run.session_key;
        return Ok(match earlier.status {
            _ if !same => Begun::Conflict,
            RunStatus::Running => Begun::InFlight,
            _ => Begun::Finished(earlier),
        });
    }
    let row = sessions::ensure(conn, &run.session_key, Some(&run.agent_id), run.now_ms)?;
    if row.session.fields.get("sendPolicy").is_some_and(|policy| policy == "deny") {
        return Ok(Begun::Blocked);
    }
    conn.prepare_cached(
        "INSERT INTO runs (run_id, transcript, agent_id, body_hash, status, started_ms)
         VALUES (?1, ?2, ?3, ?4, 'running', ?5)",
    )?
    .execute(params![run.run_id, row.transcript, run.agent_id, run.body_hash, run.now_ms])?;
    for media in &run.media {
        media::insert(conn, row.id, media)?;
    }
    let message = transcript::insert(conn, row.transcript, of_run(run.message, &run.run_id))?;
    let session = Session {
        updated_ms: row.session.updated_ms.max(message.ts_ms),
        message_count: message.seq.cast_unsigned(),
        ..row.session
    };
    Ok(Begun::Started { message, session })
}

fn finish(conn: &Connection, end: FinishRun) -> Result<Finished, StoreError> {
    let run = require_running(conn, &end.run_id)?;
    let mut messages = end.messages;
    if messages.is_empty() {
        messages.extend(recovery::kept_message(conn, &end.run_id)?);
    }
    let messages = append_messages(conn, &end.run_id, &run, messages)?;
    let result = end.result.as_ref().map(json::to_text).transpose()?;
    conn.prepare_cached(
        "UPDATE runs SET status = ?2, ended_ms = ?3, stop_reason = ?4, error = ?5, result = ?6
         WHERE run_id = ?1",
    )?
    .execute(params![
        end.run_id,
        end.status.as_str(),
        end.now_ms,
        end.stop_reason,
        end.error,
        result
    ])?;
    let mut row = sessions::by_key(conn, &run.session_key)?;
    if let Some(row) = &mut row {
        // After a reset these fields would describe a transcript that is no longer shown.
        if row.transcript == run.transcript {
            sessions::merge(&mut row.session.fields, end.session_fields);
        }
        row.session.updated_ms = row.session.updated_ms.max(end.now_ms);
        sessions::save(conn, row)?;
    }
    Ok(Finished { messages, session: row.map(|row| row.session) })
}

/// Where a running run writes.
pub(crate) struct RunningRun {
    pub(crate) session_key: String,
    pub(crate) transcript: i64,
}

fn require_running(conn: &Connection, run_id: &str) -> Result<RunningRun, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT s.key, r.transcript, r.status FROM runs r
             JOIN transcripts t ON t.id = r.transcript JOIN sessions s ON s.id = t.session
             WHERE r.run_id = ?1",
        )?
        .query_row([run_id], |row| {
            let run = RunningRun { session_key: row.get(0)?, transcript: row.get(1)? };
            Ok((run, row.get::<_, String>(2)?))
        })
        .optional()?;
    match found {
        None => Err(StoreError::RunUnknown { run_id: run_id.to_owned() }),
        Some((run, status)) if status == RunStatus::Running.as_str() => Ok(run),
        Some(_) => Err(StoreError::RunEnded { run_id: run_id.to_owned() }),
    }
}

pub(crate) fn append_messages(
    conn: &Connection,
    run_id: &str,
    run: &RunningRun,
    messages: Vec<NewMessage>,
) -> Result<Vec<Stored>, StoreError> {
    conn.prepare_cached("DELETE FROM partials WHERE run_id = ?1")?.execute([run_id])?;
    messages
        .into_iter()
        .map(|message| transcript::insert(conn, run.transcript, of_run(message, run_id)))
        .collect()
}

fn of_run(message: NewMessage, run_id: &str) -> NewMessage {
    let run_id = message.run_id.or_else(|| Some(run_id.to_owned()));
    NewMessage { run_id, ..message }
}

fn find(conn: &Connection, run_id: &str) -> Result<Option<RunRecord>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT r.run_id, s.key, r.agent_id, r.body_hash, r.status, r.started_ms, r.ended_ms,
           r.stop_reason, r.error, r.result
         FROM runs r JOIN transcripts t ON t.id = r.transcript JOIN sessions s ON s.id = t.session
         WHERE r.run_id = ?1",
    )?;
    query.query_and_then([run_id], read)?.next().transpose()
}

fn read(row: &Row<'_>) -> Result<RunRecord, StoreError> {
    let result: Option<String> = row.get(9)?;
    Ok(RunRecord {
        run_id: row.get(0)?,
        session_key: row.get(1)?,
        agent_id: row.get(2)?,
        body_hash: row.get(3)?,
        status: RunStatus::parse(&row.get::<_, String>(4)?)?,
        started_ms: row.get(5)?,
        ended_ms: row.get(6)?,
        stop_reason: row.get(7)?,
        error: row.get(8)?,
        result: result.map(|text| json::value(&text)).transpose()?,
    })
}
