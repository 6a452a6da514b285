//! A conversation as a file, before something of it is left out.

use std::path::{Path, PathBuf};

use clawdbot_protocol::RpcError;
use clawdbot_store::HistoryQuery;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use crate::attachments::private_dir;
use crate::error::store_error;
use crate::rows;
use crate::shared::Shared;

/// Rows read at a time.
const PAGE: i64 = 500;

/// Writes all rows of a conversation to a new private file, one JSON object a line. `why` is in its
/// name: `bak` or `deleted`.
pub(crate) async fn export(
    shared: &Shared,
    key: &str,
    session_id: &str,
    why: &str,
) -> Result<PathBuf, RpcError> {
    let dir = shared.paths.state_dir.join("archive");
    let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S.%3fZ");
    let path = dir.join(format!("{session_id}.jsonl.{why}.{at}"));
    let unwritable = |error: std::io::Error| {
        RpcError::unavailable(format!(
            "the conversation could not be saved to {}: {error}. Free some space and try again.",
            path.display()
        ))
    };
    private_dir(&dir).map_err(unwritable)?;
    let mut file = create(&path).await.map_err(unwritable)?;
    for first in (0..).step_by(PAGE as usize) {
        let query = HistoryQuery {
            after_seq: Some(first),
            before_seq: Some(first + PAGE + 1),
            limit: PAGE as usize,
            ..HistoryQuery::default()
        };
        let page = shared.store.history(key, query).await.map_err(store_error)?;
        let mut lines = String::new();
        for row in &page.messages {
            lines.push_str(rows::message(row)?.get());
            lines.push('\n');
        }
        if lines.is_empty() {
            break;
        }
        file.write_all(lines.as_bytes()).await.map_err(unwritable)?;
    }
    file.sync_all().await.map_err(unwritable)?;
    Ok(path)
}

async fn create(path: &Path) -> std::io::Result<File> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await
}
