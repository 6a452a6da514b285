//! `clawdbot approvals`: commands that wait for a person, and standing rules.

use clap::Subcommand;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::Scope;
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::table::Table;
use crate::{out, text, when};

/// See and decide what the assistant may run
#[derive(Debug, clap::Args)]
pub(crate) struct ApprovalsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ApprovalsCommand>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// Commands that wait for a decision (the default)
    List,
    /// Let a command run
    Allow {
        /// Approval id, from the list
        id: String,
        /// Also from now on, where the gateway offers that
        #[arg(long)]
        always: bool,
    },
    /// Do not let a command run
    Deny {
        /// Approval id, from the list
        id: String,
    },
    /// Standing rules: what may run without asking
    Rules,
    /// Take a standing rule back
    Revoke {
        /// Rule id, from the rules
        rule: String,
    },
}

const SCOPES: [Scope; 1] = [Scope::Approvals];

pub(crate) fn run(args: &ApprovalsArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let ask = |method: &str, params: &Value| {
        connection::ask(&args.connection, (paths, env), &SCOPES, method, params)
    };
    let decide = |id: &str, decision: &str, said: &str| {
        let params = json!({"id": id, "decision": decision});
        ask("exec.approval.resolve", &params).map(|answer| {
            if answer.is_some() {
                out::done(said);
            }
        })
    };
    match args.command.as_ref().unwrap_or(&ApprovalsCommand::List) {
        ApprovalsCommand::List => {
            if let Some(list) = ask("exec.approval.list", &json!({}))? {
                show(list.as_array().map(Vec::as_slice).unwrap_or_default());
            }
        }
        ApprovalsCommand::Allow { id, always: false } => {
            decide(id, "allow-once", "allowed this once; it runs now")?;
        }
        ApprovalsCommand::Allow { id, always: true } => {
            decide(id, "allow-always", "allowed from now on; it runs now")?;
        }
        ApprovalsCommand::Deny { id } => decide(id, "deny", "denied; it does not run")?,
        ApprovalsCommand::Rules => {
            if let Some(list) = ask("exec.approval.grants.list", &json!({}))? {
                show_rules(&list);
            }
        }
        ApprovalsCommand::Revoke { rule } => {
            let revoked = ask("exec.approval.grants.revoke", &json!({"grantId": rule}))?;
            match revoked.as_ref().map(|answer| text::of(answer, "outcome")) {
                Some("revoked") => out::done("taken back; it asks again from now on"),
                Some(_) => anyhow::bail!("There is no rule {rule}. See: clawdbot approvals rules"),
                None => {}
            }
        }
    }
    Ok(())
}

fn show(list: &[Value]) {
    let mut table = Table::new(&["Id", "Command", "Session", "Expires"]);
    for approval in list {
        let wish = &approval["request"];
        table.row([
            text::of(approval, "id"),
            text::of(wish, "command"),
            text::of(wish, "sessionKey"),
            &when::relative(approval["expiresAtMs"].as_i64()),
        ]);
    }
    if table.is_empty() {
        out::line("Nothing waits for a decision.");
        return;
    }
    out::line(table);
    out::line("Decide with: clawdbot approvals allow <id> or clawdbot approvals deny <id>");
}

fn show_rules(list: &Value) {
    let mut table = Table::new(&["Rule", "Agent", "Allows", "Last used"]);
    for rule in text::rows(list, "grants") {
        table.row([
            text::of(rule, "id"),
            text::of(rule, "agentId"),
            text::of(rule, "pattern"),
            &when::relative(rule["createdAtMs"].as_i64()),
        ]);
    }
    if table.is_empty() {
        out::line("There are no standing rules: every command asks first.");
    } else {
        out::line(table);
    }
}
