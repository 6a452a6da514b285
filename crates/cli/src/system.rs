//! `clawdbot system`: who is there, heartbeats, events.

use clap::{Subcommand, ValueEnum};
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{CronWakeMode, Scope, WakeParams};
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::table::Table;
use crate::{out, text, when};

/// Who is connected, heartbeats, and events for the assistant
#[derive(Debug, clap::Args)]
pub(crate) struct SystemArgs {
    #[command(subcommand)]
    pub(crate) command: SystemCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SystemCommand {
    /// Who is connected
    Presence,
    /// The last heartbeat, or switch heartbeats on and off
    Heartbeat {
        #[arg(value_enum, default_value = "last")]
        what: Heartbeat,
    },
    /// Tell the assistant that something happened
    Event {
        /// What happened
        #[arg(long)]
        text: String,
        /// When the assistant looks at it
        #[arg(long, value_enum, default_value = "next-heartbeat")]
        mode: Mode,
        /// Conversation that is told [default: the main one]
        #[arg(long, value_name = "KEY")]
        session: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Heartbeat {
    /// How the last one went
    Last,
    /// Switch them on
    Enable,
    /// Switch them off until the gateway restarts
    Disable,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Mode {
    /// With the next heartbeat or message
    NextHeartbeat,
    /// At once
    Now,
}

pub(crate) fn run(args: &SystemArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let ask = |scope: Scope, method: &str, params: &Value| {
        connection::ask(&args.connection, (paths, env), &[scope], method, params)
    };
    match &args.command {
        SystemCommand::Presence => {
            if let Some(list) = ask(Scope::Read, "system-presence", &json!({}))? {
                presence(list.as_array().map(Vec::as_slice).unwrap_or_default());
            }
        }
        SystemCommand::Heartbeat { what: Heartbeat::Last } => {
            if let Some(last) = ask(Scope::Read, "last-heartbeat", &json!({}))? {
                heartbeat(&last);
            }
        }
        SystemCommand::Heartbeat { what } => {
            let enabled = matches!(what, Heartbeat::Enable);
            if ask(Scope::Admin, "set-heartbeats", &json!({"enabled": enabled}))?.is_some() {
                out::done(if enabled { "heartbeats are on" } else { "heartbeats are off" });
            }
        }
        SystemCommand::Event { text, mode, session } => {
            let params = serde_json::to_value(WakeParams {
                mode: match mode {
                    Mode::NextHeartbeat => CronWakeMode::NextHeartbeat,
                    Mode::Now => CronWakeMode::Now,
                },
                text: text.clone(),
                session_key: session.clone(),
                agent_id: None,
            })?;
            if ask(Scope::Write, "wake", &params)?.is_some() {
                out::done("the assistant hears of it");
            }
        }
    }
    Ok(())
}

fn presence(list: &[Value]) {
    let mut table = Table::new(&["Who", "Mode", "Platform", "Version", "Address", "Since"]);
    for entry in list {
        table.row([
            text::first(entry, &["host", "instanceId"]),
            text::of(entry, "mode"),
            text::of(entry, "platform"),
            text::of(entry, "version"),
            text::of(entry, "ip"),
            &when::relative(entry["ts"].as_i64()),
        ]);
    }
    out::line(table);
}

fn heartbeat(last: &Value) {
    if last.is_null() {
        out::line("There has been no heartbeat since the gateway started.");
        return;
    }
    let when = when::relative(last["ts"].as_i64());
    out::facts([
        ("When", when.as_str()),
        ("Agent", text::of(last, "agentId")),
        ("Outcome", text::of(last, "status")),
        ("Reason", text::of(last, "reason")),
        ("Said", text::of(last, "preview")),
    ]);
}
