//! `clawdbot devices`: who may connect, and who asks to.

use clap::Subcommand;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::Scope;
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::table::Table;
use crate::{out, text, when};

/// See, let in and send away devices
#[derive(Debug, clap::Args)]
pub(crate) struct DevicesArgs {
    #[command(subcommand)]
    pub(crate) command: DevicesCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevicesCommand {
    /// Paired devices and those that wait for approval
    List,
    /// Let a waiting device in
    Approve {
        /// Request id, from the list
        request: String,
    },
    /// Turn a waiting device away
    Reject {
        /// Request id, from the list
        request: String,
    },
    /// Forget a paired device and close its connections
    Remove {
        /// Device id, from the list
        device: String,
    },
    /// Take back the token of a device
    Revoke {
        /// Device id, from the list
        device: String,
        /// operator or node
        #[arg(long, default_value = "operator")]
        role: String,
    },
}

const SCOPES: [Scope; 2] = [Scope::Pairing, Scope::Admin];

pub(crate) fn run(args: &DevicesArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let ask = |method: &str, params: Value| {
        connection::ask(&args.connection, (paths, env), &SCOPES, method, &params)
    };
    match &args.command {
        DevicesCommand::List => {
            if let Some(list) = ask("device.pair.list", json!({}))? {
                show(&list);
            }
        }
        DevicesCommand::Approve { request } => {
            if ask("device.pair.approve", json!({"requestId": request}))?.is_some() {
                out::done("approved; the device comes in with its next attempt");
            }
        }
        DevicesCommand::Reject { request } => {
            if ask("device.pair.reject", json!({"requestId": request}))?.is_some() {
                out::done("rejected");
            }
        }
        DevicesCommand::Remove { device } => {
            if ask("device.pair.remove", json!({"deviceId": device}))?.is_some() {
                out::done("removed; its connections are closed");
            }
        }
        DevicesCommand::Revoke { device, role } => {
            let params = json!({"deviceId": device, "role": role});
            if ask("device.token.revoke", params)?.is_some() {
                out::done("its token no longer counts");
            }
        }
    }
    Ok(())
}

fn show(list: &Value) {
    let (pending, paired) = (text::rows(list, "pending"), text::rows(list, "paired"));
    if pending.is_empty() && paired.is_empty() {
        out::line("No device is paired, and none is waiting.");
        return;
    }
    let mut table = Table::new(&["State", "Id", "Name", "Address", "Since"]);
    for request in pending {
        table.row([
            "waiting",
            text::of(request, "requestId"),
            name(request),
            text::of(request, "remoteIp"),
            &when::relative(request["ts"].as_i64()),
        ]);
    }
    for device in paired {
        let state = if device["connected"] == true { "connected" } else { "paired" };
        let since = device["approvedAtMs"].as_i64();
        table.row([
            state,
            text::of(device, "deviceId"),
            name(device),
            text::of(device, "remoteIp"),
            &when::relative(since),
        ]);
    }
    out::line(table);
    if !pending.is_empty() {
        out::line("Let one in with: clawdbot devices approve <request>");
    }
}

/// What a device calls itself.
fn name(device: &Value) -> &str {
    text::first(device, &["displayName", "clientId", "platform"])
}
