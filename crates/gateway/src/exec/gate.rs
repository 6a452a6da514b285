//! Between a command and its execution: the rules, and a person where they say so.

use std::sync::Arc;
use std::time::Duration;

use clawdbot_agent::{ExecCall, ExecGate, Progress};
use clawdbot_protocol::{Decision, SessionKey};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use super::policy::{Policy, Verdict};
use crate::approvals::{Approval, End, Wish};
use crate::runs::Job;
use crate::shared::Shared;
use crate::text::visible;

/// How long a command waits for a decision.
const PATIENCE: Duration = Duration::from_secs(120);

/// Decides for the commands of one run.
pub(super) struct Gate {
    shared: Arc<Shared>,
    key: SessionKey,
    agent_id: String,
    session_id: String,
    run_id: String,
}

impl Gate {
    pub(super) fn new(shared: &Arc<Shared>, job: &Job) -> Self {
        Self {
            shared: shared.clone(),
            key: job.key.clone(),
            agent_id: job.agent_id.clone(),
            session_id: job.session_id.clone(),
            run_id: job.run_id.clone(),
        }
    }

    async fn decide(&self, call: &ExecCall, progress: &Progress) -> Result<(), String> {
        let policy = self.policy().await?;
        match policy.verdict(call) {
            Verdict::Run => Ok(()),
            Verdict::Deny(why) => Err(format!(
                "The command was not run: {why}. Do not try it another way; tell the user."
            )),
            Verdict::Ask => self.ask(call, &policy, progress).await,
        }
    }

    /// The rules as they are now; they may have changed since the run began.
    async fn policy(&self) -> Result<Policy, String> {
        let session = self.shared.store.session(self.key.as_str()).await.map_err(|error| {
            format!("The command was not run: the conversation cannot be read ({error}).")
        })?;
        let fields: Map<String, Value> = session.map(|session| session.fields).unwrap_or_default();
        // Whoever asked for a sandbox must not get the whole machine.
        if let Some(host) = fields.get("execHost").filter(|host| *host != "gateway") {
            return Err(format!(
                "The command was not run: this conversation runs commands on {host} only, and there \
                 is none. Tell the user."
            ));
        }
        let kept = self.shared.exec.read().await;
        let config = self.shared.settings().exec(&self.agent_id);
        Ok(Policy::of(&kept, &config, Some(&self.agent_id)).narrowed(&fields))
    }

    async fn ask(
        &self,
        call: &ExecCall,
        policy: &Policy,
        progress: &Progress,
    ) -> Result<(), String> {
        if self.shared.hub.approvers(None) == 0 {
            return self.unanswered(call, policy, "nobody is connected who could allow it");
        }
        let now_ms = self.shared.now_ms();
        let wish = self.wish(call, policy);
        let approval = self
            .shared
            .approvals
            .open(None, None, wish, now_ms, PATIENCE)
            .map_err(|error| format!("The command was not run: {}.", error.message))?;
        let _open = Open { shared: &self.shared, approval: &approval };
        progress.show("Waiting for approval", pending(&approval));
        self.shared.announce_approval(&approval);
        match self.shared.decision(&approval).await {
            End::Decided(Decision::Deny, by) => Err(format!(
                "The command was not run: the user denied it ({by}). Do not try it another way; \
                 ask what to do instead."
            )),
            End::Decided(decision, by) => {
                info!(run = %self.run_id, by, ?decision, "command allowed");
                progress.show("", json!({"status": "running", "approvalId": approval.id}));
                if decision == Decision::AllowAlways {
                    self.remember(call).await;
                }
                Ok(())
            }
            End::Undecided(_) => self.unanswered(call, policy, "nobody decided in time"),
        }
    }

    fn unanswered(&self, call: &ExecCall, policy: &Policy, why: &str) -> Result<(), String> {
        if policy.falls_back(call) {
            info!(run = %self.run_id, why, "command allowed by askFallback");
            return Ok(());
        }
        Err(format!("The command was not run: it needs the user's approval, and {why}."))
    }

    /// Consent to a program that can do more than read does not stand, and where every command is
    /// asked about none does.
    fn wish(&self, call: &ExecCall, policy: &Policy) -> Wish {
        let stands = call.standing && policy.ask != clawdbot_protocol::ExecAsk::Always;
        let mut allowed = vec![Decision::AllowOnce, Decision::Deny];
        if stands {
            allowed.insert(1, Decision::AllowAlways);
        }
        Wish {
            command: visible(&call.command),
            cwd: Some(call.cwd.display().to_string()),
            host: Some("gateway".into()),
            security: word(&policy.security),
            ask: word(&policy.ask),
            agent_id: Some(self.agent_id.clone()),
            resolved_path: call.program.as_ref().map(|program| program.display().to_string()),
            session_key: Some(self.key.to_string()),
            session_id: Some(self.session_id.clone()),
            run_id: Some(self.run_id.clone()),
            tool_call_id: Some(call.call_id.clone()),
            allowed,
            ..Wish::default()
        }
    }

    /// A failure to remember costs a question next time, not this command.
    async fn remember(&self, call: &ExecCall) {
        let Some(program) = call.program.as_deref().and_then(|program| program.to_str()) else {
            return;
        };
        let command = visible(&call.command);
        let now_ms = self.shared.now_ms();
        if let Err(error) = self.shared.exec.allow(&self.agent_id, program, &command, now_ms).await
        {
            warn!(run = %self.run_id, error = %error.message, "consent was not kept");
        }
    }
}

impl ExecGate for Gate {
    fn admit<'a>(
        &'a self,
        call: &'a ExecCall,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(self.decide(call, progress))
    }
}

/// A question that ends with the run that asked it.
struct Open<'a> {
    shared: &'a Shared,
    approval: &'a Approval,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.shared.end_approval(self.approval, End::CANCELLED);
    }
}

fn pending(approval: &Approval) -> Value {
    json!({
        "status": "approval-pending",
        "approvalId": approval.id,
        "expiresAtMs": approval.expires_ms,
        "host": approval.wish.host,
        "command": approval.wish.command,
        "cwd": approval.wish.cwd,
    })
}

fn word(value: &impl serde::Serialize) -> Option<String> {
    Some(serde_json::to_value(value).ok()?.as_str()?.to_owned())
}
