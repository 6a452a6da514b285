//! Tests through the public handle; only faults are injected from the inside.

mod branch;
mod commits;
mod compaction;
mod crash;
mod damage;
mod docs;
mod history;
mod import;
mod modes;
mod runs;
mod search;
mod sessions;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;
use serde_json::value::to_raw_value;
use tempfile::TempDir;

use crate::{
    BeginRun, FinishRun, HistoryQuery, NewMessage, Recovery, Role, RunStatus, Store, StoreError,
};

const MAIN: &str = "agent:main:main";

/// A store in a directory of its own.
struct TestStore {
    store: Store,
    dir: TempDir,
}

impl std::ops::Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, recovery) = Store::open(&database(dir.path())).unwrap();
        assert!(recovery.interrupted.is_empty() && recovery.quarantined.is_none());
        Self { store, dir }
    }

    fn path(&self) -> PathBuf {
        database(self.dir.path())
    }

    /// Closes and opens again, as a restart does.
    async fn reopen(self) -> (Self, Recovery) {
        let Self { store, dir } = self;
        store.close().await.unwrap();
        let (store, recovery) = Store::open(&database(dir.path())).unwrap();
        (Self { store, dir }, recovery)
    }

    /// Runs `sql` on the writing connection, inside a group like any job.
    async fn sql(&self, sql: &'static str) -> Result<(), StoreError> {
        self.inject(move |conn| Ok(conn.execute_batch(sql)?)).await
    }

    async fn inject<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store.writer.run(work).await
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.inject(move |conn| Ok(conn.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
    }

    /// The texts of the whole current transcript.
    async fn texts(&self, key: &str) -> Vec<String> {
        let q = HistoryQuery { limit: usize::MAX, ..HistoryQuery::default() };
        let page = self.history(key, q).await.unwrap();
        page.messages.into_iter().map(|message| message.text).collect()
    }
}

fn database(dir: &Path) -> PathBuf {
    dir.join("state").join("clawdbot.db")
}

fn message(role: Role, text: &str, ts_ms: i64) -> NewMessage {
    let body = to_raw_value(&json!({ "role": role, "content": text, "timestamp": ts_ms })).unwrap();
    NewMessage::new(role, body, text, ts_ms)
}

fn user(text: &str) -> NewMessage {
    message(Role::User, text, 1_000)
}

fn assistant(text: &str) -> NewMessage {
    message(Role::Assistant, text, 2_000)
}

fn begin(run_id: &str, text: &str) -> BeginRun {
    BeginRun {
        run_id: run_id.into(),
        session_key: MAIN.into(),
        agent_id: "main".into(),
        body_hash: [7; 32],
        message: user(text),
        media: Vec::new(),
        now_ms: 1_000,
    }
}

fn finish(run_id: &str, messages: Vec<NewMessage>) -> FinishRun {
    FinishRun {
        run_id: run_id.into(),
        status: RunStatus::Ok,
        stop_reason: Some("stop".into()),
        error: None,
        result: Some(json!({ "status": "ok" })),
        messages,
        session_fields: serde_json::Map::new(),
        now_ms: 3_000,
    }
}

fn fields(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().cloned().unwrap()
}
