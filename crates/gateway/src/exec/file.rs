//! `exec-approvals.json`: which programs may run without asking, and the rules for all others.

use std::io;
use std::path::{Path, PathBuf};

use clawdbot_config::Paths;
use clawdbot_protocol::{ExecAllowed, ExecApprovalsFile, RpcError};
use tracing::warn;
use uuid::Uuid;

use crate::digest::digest;

/// The file of one gateway.
pub(crate) struct ExecFile {
    path: PathBuf,
    /// One change at a time, so that no base hash is compared with a text that is being replaced.
    turn: tokio::sync::Mutex<()>,
}

/// The file as it is now.
pub(crate) struct Kept {
    pub(crate) exists: bool,
    pub(crate) hash: String,
    /// What it says, or why it says nothing: then nothing runs.
    pub(crate) file: Result<ExecApprovalsFile, String>,
}

impl ExecFile {
    pub(crate) fn new(paths: &Paths) -> Self {
        let path = paths.state_dir.join("exec-approvals.json");
        Self { path, turn: tokio::sync::Mutex::default() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it.
    pub(crate) async fn read(&self) -> Kept {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
        let (exists, text) = match read.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(text) => (true, Ok(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (false, Ok(String::new())),
            Err(error) => (true, Err(error.to_string())),
        };
        let hash = digest(text.as_deref().unwrap_or_default());
        let file = text.and_then(|text| match text.as_str() {
            "" => Ok(ExecApprovalsFile { version: 1, ..ExecApprovalsFile::default() }),
            text => serde_json::from_str(text).map_err(|error| error.to_string()),
        });
        if let Err(error) = &file {
            warn!(path = %self.path.display(), error, "unreadable, so no command runs");
        }
        Kept { exists, hash, file }
    }

    /// Replaces the file whose hash is `base`.
    pub(crate) async fn replace(
        &self,
        base: Option<&str>,
        mut file: ExecApprovalsFile,
    ) -> Result<(), RpcError> {
        let _turn = self.turn.lock().await;
        let now = self.read().await;
        match base {
            None if now.exists => {
                return Err(RpcError::invalid(
                    "exec approvals base hash required; re-run exec.approvals.get and retry with \
                     baseHash",
                ));
            }
            Some(base) if base != now.hash => {
                return Err(RpcError::invalid(
                    "exec approvals changed since last load; re-run exec.approvals.get and retry",
                ));
            }
            _ => {}
        }
        if file.version > 1 {
            return Err(RpcError::invalid("exec approvals file version must be 1"));
        }
        file.version = 1;
        // Nobody is shown the token, so nobody can send it back.
        if let (Some(socket), Ok(before)) = (&mut file.socket, now.file)
            && socket.token.is_none()
        {
            socket.token = before.socket.and_then(|socket| socket.token);
        }
        name_entries(&mut file);
        self.write(&file).await
    }

    /// Lets `agent` run `program` from now on.
    pub(crate) async fn allow(
        &self,
        agent: &str,
        program: &str,
        command: &str,
        now_ms: i64,
    ) -> Result<(), RpcError> {
        let _turn = self.turn.lock().await;
        let mut file = self.usable().await?;
        let list = &mut file.agents.entry(agent.to_owned()).or_default().allowlist;
        if list.iter().any(|entry| entry.pattern == program) {
            return Ok(());
        }
        list.push(ExecAllowed {
            id: Some(Uuid::new_v4().to_string()),
            pattern: program.to_owned(),
            last_used_at: Some(now_ms),
            last_used_command: Some(command.to_owned()),
            last_resolved_path: Some(program.to_owned()),
            ..ExecAllowed::default()
        });
        self.write(&file).await
    }

    /// Takes an entry of a list away; `false` when there is none of that id.
    pub(crate) async fn revoke(&self, id: &str) -> Result<bool, RpcError> {
        let _turn = self.turn.lock().await;
        let mut file = self.usable().await?;
        let mut found = false;
        for agent in file.agents.values_mut() {
            agent.allowlist.retain(|entry| {
                let this = entry.id.as_deref() == Some(id);
                found |= this;
                !this
            });
        }
        if found {
            self.write(&file).await?;
        }
        Ok(found)
    }

    async fn usable(&self) -> Result<ExecApprovalsFile, RpcError> {
        self.read().await.file.map_err(|error| {
            RpcError::unavailable(format!(
                "{} cannot be read: {error}. Correct it or replace it with exec.approvals.set.",
                self.path.display()
            ))
        })
    }

    async fn write(&self, file: &ExecApprovalsFile) -> Result<(), RpcError> {
        let failed = |error: String| {
            RpcError::unavailable(format!("exec approvals could not be written: {error}"))
        };
        let text = serde_json::to_string_pretty(file).map_err(|error| failed(error.to_string()))?;
        let path = self.path.clone();
        let write = move || clawdbot_config::write(&path, &format!("{text}\n"));
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// Entries written by hand may lack an id; without one they could not be revoked.
fn name_entries(file: &mut ExecApprovalsFile) {
    for entry in file.agents.values_mut().flat_map(|agent| &mut agent.allowlist) {
        entry.id.get_or_insert_with(|| Uuid::new_v4().to_string());
    }
}
