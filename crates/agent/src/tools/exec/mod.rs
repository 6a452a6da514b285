//! `exec`: runs a command of the model, once somebody has allowed it.

mod capture;
mod plan;
mod process;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::tool::{Progress, Tool, ToolContext, ToolOutput, ToolSpec};
use plan::Plan;
pub use plan::commands_in;
use process::Finished;
use witness::Witness;

/// The longest a command may take, whoever says so.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// Says whether a command may run. Every command is put to it, none runs without its consent.
pub trait ExecGate: Send + Sync {
    /// Decides; may take as long as a person takes. Dropping the future withdraws the question.
    ///
    /// # Errors
    /// Why the command may not run, in words for the model.
    fn admit<'a>(
        &'a self,
        call: &'a ExecCall,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<(), String>>;
}

/// A command that wants to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecCall {
    /// Id of the tool call.
    pub call_id: String,
    /// The command, byte for byte what will run.
    pub command: String,
    /// Where it will run, without symbolic links.
    pub cwd: PathBuf,
    /// The program it starts, when no shell is needed to read the command.
    pub program: Option<PathBuf>,
    /// Whether nobody but the system's administrator can change that program. Others run only when
    /// asked about, whatever the rules list.
    pub guarded: bool,
    /// Whether consent to it may stand for later commands: it is guarded, and can only read.
    pub standing: bool,
}

/// What the tool runs with.
#[derive(Debug, Clone)]
pub struct ExecSettings {
    /// Commands start here or below.
    pub workspace: PathBuf,
    /// All of the environment they get.
    pub env: Vec<(String, String)>,
    /// How long one may take unless it says otherwise.
    pub timeout: Duration,
}

/// The tool.
pub struct ExecTool {
    settings: ExecSettings,
    gate: Arc<dyn ExecGate>,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    command: String,
    workdir: Option<String>,
    /// Seconds.
    timeout: Option<u64>,
}

impl ExecTool {
    /// A tool that asks `gate` before every command.
    pub fn new(settings: ExecSettings, gate: Arc<dyn ExecGate>) -> Self {
        Self { settings, gate }
    }

    async fn run(&self, arguments: Value, context: ToolContext) -> Result<ToolOutput, ToolOutput> {
        let refused = |text: String| ToolOutput::error(text);
        let arguments: Arguments = serde_json::from_value(arguments)
            .map_err(|error| refused(format!("Invalid arguments: {error}.")))?;
        let timeout = arguments.timeout.filter(|seconds| *seconds > 0);
        let timeout = timeout.map_or(self.settings.timeout, Duration::from_secs).min(MAX_TIMEOUT);
        let (plan, witness) = self.plan(arguments).await.map_err(refused)?;
        let call = plan.call(context.call_id);
        self.gate.admit(&call, &context.progress).await.map_err(|why| {
            ToolOutput::error(why)
                .with_details(json!({"status": "denied", "command": call.command}))
        })?;
        // What was looked at is what runs (EXE-06).
        if !witness.holds() {
            return Err(refused(
                "The command was not run: its directory, its program or its script has changed \
                 since it was allowed. Call the tool again."
                    .into(),
            ));
        }
        let command = plan.command(&self.settings.env);
        let finished =
            process::run(command, timeout, &context.progress).await.map_err(|error| {
                refused(format!("The command could not be started: {error}. Check its name."))
            })?;
        Ok(told(&finished, &plan, timeout))
    }

    async fn plan(&self, arguments: Arguments) -> Result<(Plan, Witness), String> {
        let Arguments { command, workdir, .. } = arguments;
        let (workspace, env) = (self.settings.workspace.clone(), self.settings.env.clone());
        let read = move || {
            let path = env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
            let cwd = cwd(&workspace, workdir.as_deref())?;
            let plan = Plan::read(command, cwd, path.unwrap_or_default())?;
            let witness = Witness::of(&plan);
            Ok((plan, witness))
        };
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|_| Err("The command was interrupted. Try again.".into()))
    }
}

impl ExecTool {
    /// How the tool is presented, in every run the same.
    pub fn described() -> ToolSpec {
        ToolSpec {
            name: "exec".into(),
            description:
                "Runs a command on the user's computer, in the workspace, and returns its \
                          output. The user may have to allow it first. It gets no input, and \
                          whatever it leaves running in the background is ended with it."
                    .into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "command": {"type": "string", "description": "The command line"},
                    "workdir": {
                        "type": "string",
                        "description": "Directory to run in, relative to the workspace",
                    },
                    "timeout": {"type": "integer", "minimum": 1, "description": "Seconds"},
                },
                "required": ["command"],
                "additionalProperties": false,
            }),
        }
    }
}

impl Tool for ExecTool {
    fn spec(&self) -> ToolSpec {
        Self::described()
    }

    fn call(&self, arguments: Value, context: ToolContext) -> BoxFuture<'_, ToolOutput> {
        Box::pin(
            async move { self.run(arguments, context).await.unwrap_or_else(|refusal| refusal) },
        )
    }
}

/// The directory to run in, inside the workspace.
fn cwd(workspace: &Path, workdir: Option<&str>) -> Result<PathBuf, String> {
    let root = std::fs::canonicalize(workspace).map_err(|error| {
        format!(
            "The workspace {} cannot be opened: {error}. Create it or change \
             agents.defaults.workspace.",
            workspace.display()
        )
    })?;
    let wanted = workdir.map_or_else(|| root.clone(), |dir| root.join(dir));
    match std::fs::canonicalize(wanted) {
        Ok(dir) if dir.starts_with(&root) && dir.is_dir() => Ok(dir),
        _ => Err("That directory is not available. Use one of the workspace's.".into()),
    }
}

fn told(finished: &Finished, plan: &Plan, timeout: Duration) -> ToolOutput {
    let Finished { output, code, timed_out, duration } = finished;
    let mut text = output.text();
    let ending = match (timed_out, code) {
        (true, _) => Some(format!("[Stopped after {} seconds.]", timeout.as_secs())),
        (_, Some(0)) => None,
        (_, Some(code)) => Some(format!("[Exit code {code}]")),
        (_, None) => Some("[Ended by a signal.]".to_owned()),
    };
    if let Some(ending) = &ending {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(ending);
    } else if text.is_empty() {
        text.push_str("[No output.]");
    }
    let details = json!({
        "status": if ending.is_some() { "failed" } else { "completed" },
        "exitCode": code,
        "durationMs": duration.as_millis(),
        "cwd": plan.cwd,
        "droppedBytes": output.dropped(),
    });
    ToolOutput { is_error: ending.is_some(), ..ToolOutput::text(text) }.with_details(details)
}
