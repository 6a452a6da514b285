//! Commands of models: what they may run, who is asked, and the file in which consent stands.

mod env;
mod file;
mod gate;
mod policy;

use std::sync::Arc;
use std::time::Duration;

use clawdbot_agent::{ExecSettings, ExecTool, Tool};
use clawdbot_config::{ExecHost, ExecSecurity};

pub(crate) use self::file::{ExecFile, Kept};
pub(crate) use self::policy::Policy;

use crate::agents::Agent;
use crate::gateway::Shared;
use crate::runs::Job;

/// Whether runs of `agent` get the `exec` tool.
pub(crate) fn is_offered(shared: &Shared, agent: &Agent) -> bool {
    let settings = shared.settings();
    let exec = &settings.config().tools.exec;
    let here = matches!(exec.host, ExecHost::Auto | ExecHost::Gateway);
    let denied = exec.security() == Some(ExecSecurity::Deny);
    here && !denied && agent.workspace.is_dir()
}

/// The `exec` tool for one run, unless the configuration takes it away.
pub(crate) fn tool(shared: &Arc<Shared>, job: &Job, agent: &Agent) -> Option<Arc<dyn Tool>> {
    if !is_offered(shared, agent) {
        return None;
    }
    let settings = shared.settings();
    let tools = &settings.config().tools;
    let exec = ExecSettings {
        workspace: agent.workspace.clone(),
        env: env::of_commands(shared.configuring.env()),
        timeout: Duration::from_secs(tools.exec.timeout().into()),
    };
    Some(Arc::new(ExecTool::new(exec, Arc::new(gate::Gate::new(shared, job)))))
}
