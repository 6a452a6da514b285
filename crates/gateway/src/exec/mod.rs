//! Commands of models: what they may run, who is asked, and the file in which consent stands.

mod env;
mod file;
mod gate;
mod policy;

use std::sync::Arc;
use std::time::Duration;

use clawdbot_agent::{ExecSettings, ExecTool, Tool};
use clawdbot_config::{ExecHost, ExecSecurity, SandboxMode};
use clawdbot_protocol::SessionKey;

pub(crate) use self::file::{ExecFile, Kept};
pub(crate) use self::policy::Policy;

use crate::agents::Agent;
use crate::runs::Job;
use crate::shared::Shared;

/// Whether runs of `agent` in the conversation `key` get the `exec` tool.
pub(crate) fn is_offered(shared: &Shared, key: &SessionKey, agent: &Agent) -> bool {
    let settings = shared.settings();
    let config = settings.exec(&agent.id);
    // Whoever asked for a sandbox must not get the whole machine.
    let sandboxed = match agent.sandbox {
        SandboxMode::Off => false,
        SandboxMode::NonMain => *key != SessionKey::main(&agent.id, &settings.keys),
        SandboxMode::All => true,
    };
    let here = matches!(config.host, ExecHost::Auto | ExecHost::Gateway) && !sandboxed;
    let denied = config.security() == Some(ExecSecurity::Deny);
    here && !denied && agent.workspace.is_dir()
}

/// The `exec` tool for one run, unless the configuration takes it away.
pub(crate) fn tool(shared: &Arc<Shared>, job: &Job, agent: &Agent) -> Option<Arc<dyn Tool>> {
    if !is_offered(shared, &job.key, agent) {
        return None;
    }
    let settings = shared.settings();
    let config = settings.exec(&job.agent_id);
    let exec = ExecSettings {
        workspace: agent.workspace.clone(),
        env: env::of_commands(shared.configuring.env()),
        timeout: Duration::from_secs(config.timeout().into()),
    };
    Some(Arc::new(ExecTool::new(exec, Arc::new(gate::Gate::new(shared, job)))))
}
