//! `agents.files.*` (protocol §15): the files of a workspace that describe its agent, by name.

use std::time::SystemTime;

use clawdbot_agent::{Workspace, WorkspaceError};
use clawdbot_protocol::{
    AgentFile, AgentFileAnswer, AgentFileParams, AgentFileSetParams, AgentFiles, AgentFilesParams,
    RpcError,
};

use crate::agents::Agent;
use crate::rewrite::blocking;
use crate::router::{Ctx, Reply};

/// The files there may be, in the order to show them.
const FILES: [&str; 8] = [
    "AGENTS.md",
    "SOUL.md",
    "TOOLS.md",
    "IDENTITY.md",
    "USER.md",
    "HEARTBEAT.md",
    "BOOTSTRAP.md",
    "MEMORY.md",
];
/// Bytes shown of one.
const MAX_BYTES: u64 = 1_000_000;

pub(super) async fn list(
    ctx: Ctx,
    params: AgentFilesParams,
) -> Result<Reply<AgentFiles>, RpcError> {
    let agent = super::known_agent(&ctx, &params.agent_id)?;
    let files = {
        let agent = agent.clone();
        blocking(move || FILES.iter().map(|name| look(&agent, name, 0)).collect::<Result<_, _>>())
    };
    let files = files.await?.map_err(refused)?;
    let workspace = agent.workspace.display().to_string();
    Reply::of(&AgentFiles { agent_id: agent.id, workspace, files })
}

pub(super) async fn get(
    ctx: Ctx,
    params: AgentFileParams,
) -> Result<Reply<AgentFileAnswer>, RpcError> {
    let agent = super::known_agent(&ctx, &params.agent_id)?;
    let name = known(&params.name)?;
    answer(agent, name, None).await
}

pub(super) async fn set(
    ctx: Ctx,
    params: AgentFileSetParams,
) -> Result<Reply<AgentFileAnswer>, RpcError> {
    let agent = super::known_agent(&ctx, &params.agent_id)?;
    let name = known(&params.name)?;
    let workspace = agent.workspace.clone();
    let write = move || {
        crate::agents::make_workspace(&workspace)
            .map_err(|source| WorkspaceError::Unavailable { path: workspace.clone(), source })?;
        Workspace::open(&workspace)?.write_text(name, &params.content)
    };
    blocking(write).await?.map_err(refused)?;
    tracing::info!(agent = %agent.id, file = name, client = %ctx.peer.client_id, "file written");
    answer(agent, name, Some(true)).await
}

async fn answer(
    agent: Agent,
    name: &'static str,
    ok: Option<bool>,
) -> Result<Reply<AgentFileAnswer>, RpcError> {
    let file = {
        let agent = agent.clone();
        blocking(move || look(&agent, name, MAX_BYTES)).await?.map_err(refused)?
    };
    let workspace = agent.workspace.display().to_string();
    Reply::of(&AgentFileAnswer { ok, agent_id: agent.id, workspace, file })
}

/// A file, with its text if bytes of it are wanted. Blocking.
fn look(agent: &Agent, name: &str, bytes: u64) -> Result<AgentFile, WorkspaceError> {
    let file = AgentFile {
        name: name.to_owned(),
        path: agent.workspace.join(name).display().to_string(),
        missing: true,
        size: None,
        updated_at_ms: None,
        content: None,
    };
    let read = match Workspace::open(&agent.workspace) {
        Ok(workspace) => workspace.read(name, bytes),
        Err(WorkspaceError::Unavailable { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            return Ok(file);
        }
        Err(error) => return Err(error),
    };
    match read {
        Ok(found) => Ok(AgentFile {
            missing: false,
            size: Some(found.size),
            updated_at_ms: found.modified.and_then(millis),
            content: (bytes > 0).then(|| String::from_utf8_lossy(&found.bytes).into_owned()),
            ..file
        }),
        // A link that leads elsewhere is no file of this workspace.
        Err(WorkspaceError::NotFound(_) | WorkspaceError::Denied) => Ok(file),
        Err(error) => Err(error),
    }
}

pub(super) fn millis(time: SystemTime) -> Option<i64> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis().try_into().ok()
}

fn known(name: &str) -> Result<&'static str, RpcError> {
    let found = FILES.iter().find(|known| **known == name);
    found.copied().ok_or_else(|| RpcError::invalid(format!("unsupported file \"{name}\"")))
}

pub(super) fn refused(error: WorkspaceError) -> RpcError {
    let refusal = match error {
        WorkspaceError::Denied | WorkspaceError::NotFound(_) => {
            RpcError::invalid(error.to_string())
        }
        _ => RpcError::unavailable(error.to_string()),
    };
    refusal.with_details(serde_json::json!({"code": error.code()}))
}
