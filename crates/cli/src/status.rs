//! `clawdbot status`: a running gateway at a glance.

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::Scope;
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::{out, sessions, text, when};

pub(crate) fn run(args: &ConnectionArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    if let Some(status) = connection::ask(args, (paths, env), &[Scope::Read], "status", &json!({}))?
    {
        show(&status);
    }
    Ok(())
}

fn show(status: &Value) {
    let list = &status["sessions"];
    let pid = status["pid"].as_u64().map(|pid| pid.to_string()).unwrap_or_default();
    let uptime = status["uptimeMs"].as_i64().map(when::lasting).unwrap_or_default();
    let model = &list["defaults"];
    let count = list["count"].as_u64().unwrap_or_default().to_string();
    let beats: Vec<&str> = text::rows(&status["heartbeat"], "agents")
        .iter()
        .filter(|agent| agent["enabled"] == true)
        .map(|agent| text::of(agent, "agentId"))
        .collect();
    out::facts([
        ("Version", text::of(status, "runtimeVersion")),
        ("Process", &pid),
        ("Up for", &uptime),
        ("Address", text::of(status, "address")),
        ("Model", text::of(model, "model")),
        ("Conversations", &count),
        ("Heartbeats", &beats.join(", ")),
    ]);
    for warning in text::rows(status, "warnings").iter().filter_map(Value::as_str) {
        out::error(format_args!("warning: {}", text::plain(warning)));
    }
    let recent = text::rows(list, "recent");
    if !recent.is_empty() {
        out::line("");
        out::line(sessions::table(recent));
    }
}
