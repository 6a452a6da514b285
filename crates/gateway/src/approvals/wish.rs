//! What people are shown of a command that wants to run.

use clawdbot_agent::commands_in;
use clawdbot_protocol::{Decision, Generation, RpcError};
use serde_json::{Value, json};

use crate::text::visible;

/// Characters of a command: what cannot be shown in full cannot be allowed (EXE-07).
const MAX_COMMAND: usize = 4_096;

/// A command somebody wants to run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// As people are shown it; see [`visible`].
    pub(crate) command: String,
    pub(crate) cwd: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) node_id: Option<String>,
    pub(crate) security: Option<String>,
    pub(crate) ask: Option<String>,
    pub(crate) agent_id: Option<String>,
    pub(crate) resolved_path: Option<String>,
    pub(crate) session_key: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) run_id: Option<String>,
    pub(crate) tool_call_id: Option<String>,
    pub(crate) allowed: Vec<Decision>,
}

impl Wish {
    /// Refuses a command that cannot be shown as a whole, and lets nothing hide in what is shown
    /// beside it.
    pub(crate) fn check(&mut self) -> Result<(), RpcError> {
        let length = self.command.chars().count();
        if length > MAX_COMMAND {
            return Err(RpcError::invalid(format!(
                "the command is too long to be shown in full ({length} characters, at most \
                 {MAX_COMMAND}), so it cannot be approved; use several shorter ones"
            )));
        }
        for text in [
            &mut self.cwd,
            &mut self.host,
            &mut self.node_id,
            &mut self.security,
            &mut self.ask,
            &mut self.agent_id,
            &mut self.resolved_path,
            &mut self.session_key,
            &mut self.session_id,
            &mut self.run_id,
            &mut self.tool_call_id,
        ]
        .into_iter()
        .flatten()
        {
            *text = visible(text).chars().take(MAX_COMMAND).collect();
        }
        Ok(())
    }

    /// The `request` member; what does not exist here is `null`, as recorded.
    pub(crate) fn request(&self, generation: Generation) -> Value {
        if generation == Generation::V3 {
            return json!({
                "command": self.command,
                "cwd": self.cwd,
                "host": self.host,
                "security": self.security,
                "ask": self.ask,
                "agentId": self.agent_id,
                "resolvedPath": self.resolved_path,
                "sessionKey": self.session_key,
                "allowedDecisions": self.allowed,
            });
        }
        json!({
            "command": self.command,
            "systemRunBinding": null,
            "systemRunPlan": null,
            "cwd": self.cwd,
            "nodeId": self.node_id,
            "host": self.host,
            "security": self.security,
            "ask": self.ask,
            "warningText": null,
            "scope": null,
            "commandAnalysis": {
                "commandCount": commands_in(&self.command),
                "nestedCommandCount": 0,
                "riskKinds": [],
                "warningLines": [],
            },
            "allowedDecisions": self.allowed,
            "agentId": self.agent_id,
            "resolvedPath": self.resolved_path,
            "sessionKey": self.session_key,
            "sessionId": self.session_id,
            "runId": self.run_id,
            "toolCallId": self.tool_call_id,
            "turnSourceChannel": null,
            "turnSourceTo": null,
            "turnSourceAccountId": null,
            "turnSourceThreadId": null,
            "cronExecutionSource": null,
            "cronOperationBinding": null,
        })
    }
}
