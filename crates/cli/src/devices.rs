//! `clawdbot devices`: who may connect, and who asks to.

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::Scope;
use serde_json::{Value, json};

use crate::args::DevicesArgs;
use crate::connection::{self, ConnectionArgs};
use crate::out;

const SCOPES: [Scope; 2] = [Scope::Pairing, Scope::Admin];

pub(crate) fn run(args: &DevicesArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let ask = |connection: &ConnectionArgs, method: &str, params: Value| {
        connection::ask(connection, (paths, env), &SCOPES, method, &params)
    };
    match args {
        DevicesArgs::List { connection } => {
            if let Some(list) = ask(connection, "device.pair.list", json!({}))? {
                show(&list);
            }
        }
        DevicesArgs::Approve { request, connection } => {
            if ask(connection, "device.pair.approve", json!({"requestId": request}))?.is_some() {
                out::done("approved; the device comes in with its next attempt");
            }
        }
        DevicesArgs::Reject { request, connection } => {
            if ask(connection, "device.pair.reject", json!({"requestId": request}))?.is_some() {
                out::done("rejected");
            }
        }
        DevicesArgs::Remove { device, connection } => {
            if ask(connection, "device.pair.remove", json!({"deviceId": device}))?.is_some() {
                out::done("removed; its connections are closed");
            }
        }
        DevicesArgs::Revoke { device, role, connection } => {
            let params = json!({"deviceId": device, "role": role});
            if ask(connection, "device.token.revoke", params)?.is_some() {
                out::done("its token no longer counts");
            }
        }
    }
    Ok(())
}

fn show(list: &Value) {
    let rows = |name: &str| list[name].as_array().cloned().unwrap_or_default();
    let (pending, paired) = (rows("pending"), rows("paired"));
    for request in &pending {
        out::line(format_args!(
            "waiting  {}  {}  {}",
            text(request, "requestId"),
            name(request),
            text(request, "remoteIp")
        ));
    }
    for device in &paired {
        let here = if device["connected"] == true { "connected" } else { "paired" };
        out::line(format_args!("{here}  {}  {}", text(device, "deviceId"), name(device)));
    }
    if pending.is_empty() && paired.is_empty() {
        out::line("No device is paired, and none is waiting.");
    } else if !pending.is_empty() {
        out::line("Let one in with: clawdbot devices approve <request>");
    }
}

/// What a device calls itself; control characters are not for a terminal.
fn name(device: &Value) -> String {
    ["displayName", "clientId", "platform"]
        .iter()
        .map(|member| text(device, member))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

fn text(value: &Value, member: &str) -> String {
    let text = value[member].as_str().unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
