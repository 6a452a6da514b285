//! `clawdbot channels`: the messaging channels of a gateway.

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{ChannelsStatusParams, Scope};
use serde_json::Value;

use crate::connection::{self, ConnectionArgs};
use crate::table::Table;
use crate::{out, text};

/// See the gateway's messaging channels
#[derive(Debug, clap::Args)]
pub(crate) struct ChannelsArgs {
    #[command(subcommand)]
    pub(crate) command: ChannelsCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ChannelsCommand {
    /// The channels there are
    List,
    /// The same, after asking every channel how it is
    Status,
}

pub(crate) fn run(args: &ChannelsArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let probe = Some(matches!(args.command, ChannelsCommand::Status));
    let params = ChannelsStatusParams { probe, ..ChannelsStatusParams::default() };
    let scopes = [Scope::Read];
    let method = "channels.status";
    if let Some(status) = connection::ask(&args.connection, (paths, env), &scopes, method, &params)?
    {
        show(&status);
    }
    Ok(())
}

fn show(status: &Value) {
    let mut table = Table::new(&["Channel", "Name", "Account", "State"]);
    for id in text::rows(status, "channelOrder").iter().filter_map(Value::as_str) {
        let label = text::of(&status["channelLabels"], id);
        for account in text::rows(&status["channelAccounts"], id) {
            let state = match (account["configured"] == true, account["running"] == true) {
                (_, true) => "running",
                (true, _) => "stopped",
                _ => "not configured",
            };
            table.row([id, label, text::first(account, &["name", "accountId"]), state]);
        }
    }
    if table.is_empty() {
        out::line(
            "This gateway has no messaging channels. Talk to it with clawdbot tui or WebChat.",
        );
    } else {
        out::line(table);
    }
}
