//! `clawdbot nodes`: devices that do things for the assistant.

use anyhow::Context as _;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{NodeInvokeParams, Scope};
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::table::Table;
use crate::{out, text, when};

/// See nodes and ask them to do something
#[derive(Debug, clap::Args)]
pub(crate) struct NodesArgs {
    #[command(subcommand)]
    pub(crate) command: NodesCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum NodesCommand {
    /// Every node the gateway knows
    List,
    /// Everything about one node, or about all
    Status {
        /// Node id, from the list
        node: Option<String>,
    },
    /// Ask a node to run one of its commands
    Invoke {
        /// Node id, from the list
        node: String,
        /// For example device.info
        command: String,
        /// Parameters as JSON
        #[arg(long, default_value = "{}")]
        params: String,
    },
}

pub(crate) fn run(args: &NodesArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let ask = |scopes: &[Scope], method: &str, params: &Value| {
        connection::ask(&args.connection, (paths, env), scopes, method, params)
    };
    match &args.command {
        NodesCommand::List | NodesCommand::Status { node: None } => {
            if let Some(list) = ask(&[Scope::Read], "node.list", &json!({}))? {
                show(&list);
            }
        }
        NodesCommand::Status { node: Some(node) } => {
            if let Some(node) = ask(&[Scope::Read], "node.describe", &json!({"nodeId": node}))? {
                describe(&node);
            }
        }
        NodesCommand::Invoke { node, command, params } => {
            let params = serde_json::from_str(params)
                .context("--params is not JSON; write for example --params '{\"limit\": 5}'")?;
            let params = serde_json::to_value(NodeInvokeParams {
                node_id: node.clone(),
                command: command.clone(),
                params: Some(params),
                timeout_ms: u64::try_from(args.connection.timeout.as_millis()).ok(),
                idempotency_key: uuid::Uuid::new_v4().to_string(),
            })?;
            if let Some(answer) = ask(&[Scope::Write, Scope::Admin], "node.invoke", &params)? {
                out::json(&answer["payload"])?;
            }
        }
    }
    Ok(())
}

fn show(list: &Value) {
    let mut table = Table::new(&["Node", "Name", "Platform", "State", "Seen"]);
    for node in text::rows(list, "nodes") {
        table.row([
            text::of(node, "nodeId"),
            text::of(node, "displayName"),
            text::of(node, "platform"),
            state(node),
            &when::relative(node["lastSeenAtMs"].as_i64()),
        ]);
    }
    if table.is_empty() {
        out::line(
            "No node is paired. A phone or another computer asks to be one when it connects.",
        );
    } else {
        out::line(table);
    }
}

fn describe(node: &Value) {
    let commands: Vec<&str> =
        text::rows(node, "commands").iter().filter_map(Value::as_str).collect();
    let seen = when::relative(node["lastSeenAtMs"].as_i64());
    let facts = [
        ("Node", text::of(node, "nodeId")),
        ("Name", text::of(node, "displayName")),
        ("Platform", text::of(node, "platform")),
        ("Version", text::of(node, "version")),
        ("State", state(node)),
        ("Seen", &seen),
        ("Commands", &commands.join(", ")),
    ];
    out::facts(facts);
}

fn state(node: &Value) -> &'static str {
    match (node["connected"] == true, text::of(node, "approvalState")) {
        (_, "pending") => "waits for approval",
        (true, _) => "connected",
        (false, _) => "away",
    }
}
