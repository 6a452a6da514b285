//! What runs have used, for totals by day, model and session.

use rusqlite::{Connection, named_params};
use serde_json::Value;

use crate::error::StoreError;
use crate::{Store, json};

/// Runs looked at for one question, the newest ones.
const MAX_RUNS: i64 = 100_000;

/// What one ended run used.
#[derive(Debug, Clone)]
pub struct RunUsage {
    /// Its session.
    pub session_key: String,
    /// Agent that answered.
    pub agent_id: String,
    /// When it ended.
    pub ended_ms: i64,
    /// Whether it failed.
    pub failed: bool,
    /// `usage` of its result.
    pub usage: Option<Value>,
    /// `provider` of its result.
    pub provider: Option<String>,
    /// `model` of its result.
    pub model: Option<String>,
}

/// How many messages of a kind there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageCount {
    /// Their role by its wire name.
    pub role: String,
    /// The tool, for what tools returned.
    pub tool: Option<String>,
    /// Messages; one that was copied to another transcript counts once.
    pub count: u64,
}

impl Store {
    /// Runs that ended in a span of time, oldest first, of one session or all.
    pub async fn usage(
        &self,
        span: std::ops::Range<i64>,
        key: Option<&str>,
    ) -> Result<Vec<RunUsage>, StoreError> {
        let key = key.map(str::to_owned);
        self.readers.run(move |conn| runs(conn, &span, key.as_deref())).await
    }

    /// Messages of a span of time by kind, of one session or all.
    pub async fn message_counts(
        &self,
        span: std::ops::Range<i64>,
        key: Option<&str>,
    ) -> Result<Vec<MessageCount>, StoreError> {
        let key = key.map(str::to_owned);
        self.readers.run(move |conn| counts(conn, &span, key.as_deref())).await
    }
}

fn runs(
    conn: &Connection,
    span: &std::ops::Range<i64>,
    key: Option<&str>,
) -> Result<Vec<RunUsage>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT s.key, r.agent_id, r.ended_ms, r.status = 'error', json_extract(r.result, '$.usage'),
           json_extract(r.result, '$.provider'), json_extract(r.result, '$.model')
         FROM runs r JOIN transcripts t ON t.id = r.transcript JOIN sessions s ON s.id = t.session
         WHERE r.ended_ms >= :from AND r.ended_ms < :to AND (:key IS NULL OR s.key = :key)
         ORDER BY r.ended_ms DESC LIMIT :limit",
    )?;
    let params =
        named_params! { ":from": span.start, ":to": span.end, ":key": key, ":limit": MAX_RUNS };
    let rows = query.query_and_then(params, |row| {
        let usage: Option<String> = row.get(4)?;
        Ok::<_, StoreError>(RunUsage {
            session_key: row.get(0)?,
            agent_id: row.get(1)?,
            ended_ms: row.get(2)?,
            failed: row.get(3)?,
            usage: usage.map(|text| json::value(&text)).transpose()?,
            provider: row.get(5)?,
            model: row.get(6)?,
        })
    })?;
    let mut runs = rows.collect::<Result<Vec<_>, _>>()?;
    runs.reverse();
    Ok(runs)
}

fn counts(
    conn: &Connection,
    span: &std::ops::Range<i64>,
    key: Option<&str>,
) -> Result<Vec<MessageCount>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT m.role, CASE m.role WHEN 'toolResult' THEN json_extract(m.body, '$.toolName') END,
           count(DISTINCT m.id)
         FROM messages m JOIN transcripts t ON t.id = m.transcript
         JOIN sessions s ON s.id = t.session
         WHERE m.ts_ms >= :from AND m.ts_ms < :to AND (:key IS NULL OR s.key = :key)
         GROUP BY 1, 2 ORDER BY 1, 2",
    )?;
    let params = named_params! { ":from": span.start, ":to": span.end, ":key": key };
    let rows = query.query_map(params, |row| {
        Ok(MessageCount {
            role: row.get(0)?,
            tool: row.get(1)?,
            count: row.get::<_, i64>(2)?.cast_unsigned(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
