//! Opening: settles what a crash left behind, and keeps a damaged file instead of wiping it.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use crate::error::StoreError;
use crate::files::Files;
use crate::runs::{self, RunStatus, RunningRun};
use crate::transcript::{NewMessage, Role, Stored};
use crate::{json, now_ms, salvage, schema};

/// What opening the store found.
#[derive(Debug, Clone, Default)]
#[must_use = "people should hear about interrupted answers and damaged files"]
pub struct Recovery {
    /// Runs that were going on when the process died.
    pub interrupted: Vec<InterruptedRun>,
    /// Where the damaged database was moved; its log, if any, lies beside it.
    pub quarantined: Option<PathBuf>,
    /// Rows of the damaged database that could be copied to the new one.
    pub salvaged: u64,
}

/// A run that was cut off.
#[derive(Debug, Clone)]
pub struct InterruptedRun {
    /// Its id.
    pub run_id: String,
    /// Its session.
    pub session_key: String,
    /// Its agent.
    pub agent_id: String,
    /// The answer as far as it was kept, now part of the transcript.
    pub message: Option<Stored>,
}

pub(crate) fn open(files: &Files) -> Result<(Connection, Recovery), StoreError> {
    match open_whole(files) {
        Ok((conn, interrupted)) => {
            Ok((conn, Recovery { interrupted, quarantined: None, salvaged: 0 }))
        }
        Err(damage @ StoreError::Corrupt(_)) => start_over(files, &damage),
        Err(error) => Err(error),
    }
}

fn open_whole(files: &Files) -> Result<(Connection, Vec<InterruptedRun>), StoreError> {
    if files.has_orphan_log() {
        return Err(StoreError::corrupt(std::io::Error::other("a log without its database")));
    }
    files.create()?;
    let mut conn = schema::open_writer(files.database())?;
    if files.is_suspect() {
        schema::check(&conn)?;
        files.clear_suspicion()?;
    }
    let interrupted = settle_runs(&mut conn)?;
    schema::trust(&conn)?;
    Ok((conn, interrupted))
}

/// Moves the damaged database aside and starts a new one with what can still be read of it.
fn start_over(files: &Files, damage: &StoreError) -> Result<(Connection, Recovery), StoreError> {
    let aside = files.quarantine()?;
    files.clear_suspicion()?;
    files.create()?;
    let mut conn = schema::open_writer(files.database())?;
    let salvaged = salvage::copy(&aside, &mut conn)?;
    tracing::error!(error = ?damage, aside = %aside.display(), salvaged, "the damaged database was moved aside");
    let interrupted = settle_runs(&mut conn)?;
    schema::trust(&conn)?;
    Ok((conn, Recovery { interrupted, quarantined: Some(aside), salvaged }))
}

/// Marks every run still "running" as interrupted and turns its kept text into a message.
fn settle_runs(conn: &mut Connection) -> Result<Vec<InterruptedRun>, StoreError> {
    let conn = conn.transaction()?;
    let mut settled = Vec::new();
    for cut in cut_off_runs(&conn)? {
        let run = RunningRun { session_key: cut.session_key, transcript: cut.transcript };
        let kept = cut.text.filter(|text| !text.is_empty());
        let message =
            kept.map(|text| interrupted_message(&cut.run_id, text, cut.at_ms)).transpose()?;
        let stored =
            runs::append_messages(&conn, &cut.run_id, &run, message.into_iter().collect())?;
        conn.prepare_cached("UPDATE runs SET status = ?2, ended_ms = ?3 WHERE run_id = ?1")?
            .execute(params![cut.run_id, RunStatus::Interrupted.as_str(), cut.at_ms])?;
        settled.push(InterruptedRun {
            run_id: cut.run_id,
            session_key: run.session_key,
            agent_id: cut.agent_id,
            message: stored.into_iter().next(),
        });
    }
    conn.commit()?;
    Ok(settled)
}

struct CutOff {
    run_id: String,
    session_key: String,
    agent_id: String,
    transcript: i64,
    text: Option<String>,
    at_ms: i64,
}

fn cut_off_runs(conn: &Connection) -> Result<Vec<CutOff>, StoreError> {
    let mut query = conn.prepare(
        "SELECT r.run_id, s.key, r.agent_id, r.transcript, p.text, p.updated_ms
         FROM runs r JOIN transcripts t ON t.id = r.transcript JOIN sessions s ON s.id = t.session
         LEFT JOIN partials p ON p.run_id = r.run_id
         WHERE r.status = 'running' ORDER BY r.started_ms, r.rowid",
    )?;
    let rows = query.query_map([], |row| {
        Ok(CutOff {
            run_id: row.get(0)?,
            session_key: row.get(1)?,
            agent_id: row.get(2)?,
            transcript: row.get(3)?,
            text: row.get(4)?,
            at_ms: row.get::<_, Option<i64>>(5)?.unwrap_or_else(now_ms),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a run that ends without a last message has kept of it.
pub(crate) fn kept_message(
    conn: &Connection,
    run_id: &str,
) -> Result<Option<NewMessage>, StoreError> {
    let kept: Option<(String, i64)> = conn
        .prepare_cached("SELECT text, updated_ms FROM partials WHERE run_id = ?1 AND text <> ''")?
        .query_row([run_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    kept.map(|(text, at_ms)| interrupted_message(run_id, text, at_ms)).transpose()
}

fn interrupted_message(run_id: &str, text: String, at_ms: i64) -> Result<NewMessage, StoreError> {
    let body = json!({
        "role": "assistant",
        "content": [{ "type": "text", "text": text }],
        "provider": "clawdbot",
        "model": "gateway-injected",
        "stopReason": "aborted",
        "timestamp": at_ms,
    });
    let mut message =
        NewMessage::new(Role::Assistant, json::raw(json::to_text(&body)?)?, text, at_ms);
    message.meta.insert("interrupted".into(), true.into());
    message.meta.insert("runId".into(), run_id.into());
    Ok(message)
}
