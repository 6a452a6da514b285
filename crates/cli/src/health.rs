//! `clawdbot health`: asks a running gateway how it is.

use std::time::Instant;

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::Scope;
use serde_json::json;

use crate::connection::{self, ConnectionArgs};
use crate::out;

pub(crate) fn run(args: &ConnectionArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let begun = Instant::now();
    connection::with(args, (paths, env), &[Scope::Read], async |connected| {
        let health = connected.client.request("health", &json!({})).await?;
        if args.json {
            return out::json(&health);
        }
        out::done("Gateway is healthy");
        let took = begun.elapsed().as_millis();
        out::done(format_args!("WebSocket connection: OK ({took} ms)"));
        out::done(format_args!(
            "RPC methods: available ({}, version {})",
            connected.hello.features.methods.len(),
            connected.hello.server.version
        ));
        Ok(())
    })
}
