//! `agents.workspace.list` and `agents.workspace.get` (protocol §15): a look into a workspace, never
//! out of it.

use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawdbot_agent::{Workspace, WorkspaceEntry, WorkspaceError, WorkspaceFileContent};
use clawdbot_protocol::{
    AgentWorkspaceEntry, AgentWorkspaceFile, AgentWorkspaceGet, AgentWorkspaceGetParams,
    AgentWorkspaceList, AgentWorkspaceListParams, RpcError,
};

use super::agent_files::{millis, refused};
use crate::rewrite::blocking;
use crate::router::{Ctx, Reply};

/// Entries answered: usually, and at most.
const ENTRIES: u32 = 200;
const MAX_ENTRIES: u32 = 1_000;
/// Largest file that is shown.
const MAX_BYTES: u64 = 5 * 1024 * 1024;

pub(super) async fn list(
    ctx: Ctx,
    params: AgentWorkspaceListParams,
) -> Result<Reply<AgentWorkspaceList>, RpcError> {
    let agent = super::known_agent(&ctx, &params.agent_id)?;
    let path = normal(params.path.as_deref().unwrap_or_default());
    let listed = {
        let (workspace, path) = (agent.workspace.clone(), path.clone());
        let directory = if path.is_empty() { ".".to_owned() } else { path };
        blocking(move || Workspace::open(&workspace)?.list(&directory)).await?
    };
    let all = match listed {
        Ok(all) => all,
        // Nobody has put anything there yet.
        Err(WorkspaceError::Unavailable { source, .. })
            if path.is_empty() && source.kind() == std::io::ErrorKind::NotFound =>
        {
            Vec::new()
        }
        Err(error) => return Err(refused(error)),
    };
    let offset = params.offset.unwrap_or(0) as usize;
    let limit = params.limit.unwrap_or(ENTRIES).min(MAX_ENTRIES) as usize;
    Reply::of(&AgentWorkspaceList {
        agent_id: agent.id,
        parent_path: (!path.is_empty()).then(|| parent(&path)),
        total_entries: all.len(),
        offset,
        entries: all
            .into_iter()
            .skip(offset)
            .take(limit)
            .map(|found| entry(&path, found))
            .collect(),
        path,
    })
}

pub(super) async fn get(
    ctx: Ctx,
    params: AgentWorkspaceGetParams,
) -> Result<Reply<AgentWorkspaceGet>, RpcError> {
    let agent = super::known_agent(&ctx, &params.agent_id)?;
    let path = normal(&params.path);
    let read = {
        let (workspace, path) = (agent.workspace.clone(), path.clone());
        blocking(move || Workspace::open(&workspace)?.read(&path, MAX_BYTES + 1)).await?
    };
    let file = shown(path, read.map_err(refused)?)?;
    Reply::of(&AgentWorkspaceGet { agent_id: agent.id, file })
}

fn shown(path: String, read: WorkspaceFileContent) -> Result<AgentWorkspaceFile, RpcError> {
    if read.size > MAX_BYTES {
        return Err(RpcError::invalid(format!(
            "{path} has {} bytes; at most {MAX_BYTES} are shown. Open it on the gateway's machine.",
            read.size
        )));
    }
    let picture =
        infer::get(&read.bytes).filter(|kind| kind.matcher_type() == infer::MatcherType::Image);
    let (mime_type, encoding, content) = match (picture, String::from_utf8(read.bytes)) {
        (Some(kind), Ok(text)) => (kind.mime_type(), "base64", STANDARD.encode(text)),
        (Some(kind), Err(bytes)) => (kind.mime_type(), "base64", STANDARD.encode(bytes.as_bytes())),
        (None, Ok(text)) => ("text/plain", "utf8", text),
        (None, Err(_)) => {
            return Err(RpcError::invalid(format!("{path} is neither text nor a picture")));
        }
    };
    Ok(AgentWorkspaceFile {
        name: name(&path),
        path,
        size: read.size,
        updated_at_ms: read.modified.and_then(millis).unwrap_or_default(),
        mime_type: mime_type.to_owned(),
        encoding: encoding.to_owned(),
        content,
    })
}

fn entry(directory: &str, found: WorkspaceEntry) -> AgentWorkspaceEntry {
    let path = match directory {
        "" => found.name.clone(),
        directory => format!("{directory}/{}", found.name),
    };
    AgentWorkspaceEntry {
        path,
        name: found.name,
        kind: if found.is_directory { "directory" } else { "file" }.to_owned(),
        size: (!found.is_directory).then_some(found.size),
        updated_at_ms: found.modified.and_then(millis),
    }
}

/// `./a//b/` as `a/b`; what leads outside stays as it is, to be refused.
fn normal(path: &str) -> String {
    let inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside {
        return path.to_owned();
    }
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

fn parent(path: &str) -> String {
    path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned()
}

fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
