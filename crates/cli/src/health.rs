//! `clawdbot health`: asks a running gateway how it is.

use std::time::Instant;

use clawdbot_config::{Env, Paths};
use serde_json::json;

use crate::connection::{self, ConnectionArgs};
use crate::out;

pub(crate) fn run(args: &ConnectionArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let begun = Instant::now();
    connection::with(args, (paths, env), &[], async |connected| {
        let health = connected.client.request("health", &json!({})).await?;
        if args.json {
            return out::json(&health);
        }
        out::done("Gateway is healthy");
        out::done("Authenticated successfully");
        let took = begun.elapsed().as_millis();
        out::done(format_args!("WebSocket connection: OK ({took} ms)"));
        out::done(format_args!(
            "RPC methods: available ({}, version {})",
            connected.hello.features.methods.len(),
            connected.hello.server.version
        ));
        let channels = channels(&health);
        if !channels.is_empty() {
            out::done(format_args!("Channels: {}", channels.join(", ")));
        }
        Ok(())
    })
}

fn channels(health: &serde_json::Value) -> Vec<String> {
    let channels = health["channels"].as_object().into_iter().flatten();
    channels
        .map(|(name, state)| {
            let linked = state["linked"] == true || state["connected"] == true;
            format!("{name} ({})", if linked { "connected" } else { "not connected" })
        })
        .collect()
}
