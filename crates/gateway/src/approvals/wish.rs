//! What people are shown of a command that wants to run.

use clawdbot_agent::commands_in;
use clawdbot_protocol::{Decision, Generation, RpcError};
use serde_json::{Value, json};

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
    /// Refuses a command that cannot be shown as a whole.
    pub(crate) fn check(&self) -> Result<(), RpcError> {
        let length = self.command.chars().count();
        if length > MAX_COMMAND {
            return Err(RpcError::invalid(format!(
                "the command is too long to be shown in full ({length} characters, at most \
                 {MAX_COMMAND}), so it cannot be approved; use several shorter ones"
            )));
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

/// A text in which nothing hides: what would be invisible or reorder the rest is written out as
/// `\u{…}` (EXE-07).
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn hides(c: char) -> bool {
    match c {
        '\n' | '\t' | ' ' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' => true,
        '\u{205f}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffc}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control() || c.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_a_prompt_exe_07() {
        assert_eq!(visible("echo 'héllo 日本'\n\tls"), "echo 'héllo 日本'\n\tls");
        assert_eq!(
            visible("rm\u{200b} -r\u{202e}x\r\u{a0}\0"),
            r"rm\u{200b} -r\u{202e}x\u{d}\u{a0}\u{0}"
        );
    }
}
