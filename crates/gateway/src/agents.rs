//! The configured agents, as the wire shows them.

use std::path::{Path, PathBuf};

use clawdbot_config::{AgentEntry, Config, Paths, SandboxMode, ToolsConfig};
use serde_json::{Map, Value, json};

/// One agent with its defaults filled in.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) emoji: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) workspace: PathBuf,
    /// Model of its own, as `provider/model`.
    pub(crate) model: Option<String>,
    pub(crate) tools: ToolsConfig,
    pub(crate) sandbox: SandboxMode,
}

/// All agents; the first one is never missing.
#[derive(Debug)]
pub(crate) struct Agents {
    all: Vec<Agent>,
    default_id: String,
    bootstrap_max_chars: usize,
}

impl Agents {
    pub(crate) fn new(config: &Config, paths: &Paths) -> Self {
        let defaults = &config.agents.defaults;
        let assistant = &config.ui.assistant;
        let workspace = defaults
            .workspace
            .as_deref()
            .map_or_else(|| paths.workspace_default.clone(), |text| paths.expand(text));
        let agent = |entry: AgentEntry| Agent {
            id: entry.id.unwrap_or_default(),
            name: entry.identity.name.or(entry.name).or_else(|| assistant.name.clone()),
            emoji: entry.identity.emoji,
            avatar: entry.identity.avatar.or_else(|| assistant.avatar.clone()),
            workspace: entry
                .workspace
                .as_deref()
                .map_or_else(|| workspace.clone(), |text| paths.expand(text)),
            model: entry.model.as_ref().and_then(|model| model.primary()).map(str::to_owned),
            tools: entry.tools,
            sandbox: entry.sandbox.mode.or(defaults.sandbox.mode).unwrap_or_default(),
        };
        Self {
            all: config.agents.all().into_iter().map(agent).collect(),
            default_id: config.agents.default_id(),
            bootstrap_max_chars: defaults.bootstrap_max_chars as usize,
        }
    }

    /// Makes the workspaces that are missing, so that tools have a place to work in.
    pub(crate) fn make_workspaces(&self) {
        for agent in self.all.iter().filter(|agent| !agent.workspace.is_dir()) {
            if let Err(error) = make_workspace(&agent.workspace) {
                let workspace = agent.workspace.display();
                tracing::warn!(%error, %workspace, "the workspace cannot be created");
            }
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Agent> {
        self.all.iter().find(|agent| agent.id == id)
    }

    pub(crate) fn all(&self) -> &[Agent] {
        &self.all
    }

    pub(crate) fn default_id(&self) -> &str {
        &self.default_id
    }

    /// Characters of each workspace file that go into the prompt.
    pub(crate) fn bootstrap_max_chars(&self) -> usize {
        self.bootstrap_max_chars
    }

    /// The `agents` member of the health result.
    pub(crate) fn health(
        &self,
        sessions: impl Fn(&str) -> Value,
        heartbeat: impl Fn(&str) -> Value,
    ) -> Value {
        let row = |agent: &Agent| {
            let mut row = Map::new();
            row.insert("agentId".into(), json!(agent.id));
            if let Some(name) = &agent.name {
                row.insert("name".into(), json!(name));
            }
            row.insert("isDefault".into(), json!(agent.id == self.default_id));
            row.insert("heartbeat".into(), heartbeat(&agent.id));
            row.insert("sessions".into(), sessions(&agent.id));
            Value::Object(row)
        };
        self.all.iter().map(row).collect()
    }
}
/// Makes a workspace and what is above it, for this person alone (LOC-01). One that is there stays as
/// it is.
pub(crate) fn make_workspace(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}
