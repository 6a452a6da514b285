//! `clawdbot health`: asks a running gateway how it is.

use std::time::Instant;

use clawdbot_client::{Client, ConnectOptions, Credential};
use clawdbot_config::{Document, Env, Paths, Secret};
use clawdbot_protocol::Scope;
use serde_json::json;

use crate::args::HealthArgs;
use crate::{out, web};

pub(crate) fn run(args: HealthArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let options = options(&args, paths, env)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(args.json, options))
}

async fn ask(as_json: bool, options: ConnectOptions) -> anyhow::Result<()> {
    let begun = Instant::now();
    let connected = Client::connect(options).await?;
    let health = connected.client.request("health", &json!({})).await?;
    connected.client.close().await;
    if as_json {
        out::line(serde_json::to_string_pretty(&health)?);
        return Ok(());
    }
    out::done("Gateway is healthy");
    out::done(format_args!("WebSocket connection: OK ({} ms)", begun.elapsed().as_millis()));
    out::done(format_args!(
        "RPC methods: available ({}, version {})",
        connected.hello.features.methods.len(),
        connected.hello.server.version
    ));
    Ok(())
}

/// Flag, then environment, then configuration (configuration reference, §3).
fn options(args: &HealthArgs, paths: &Paths, env: &Env) -> anyhow::Result<ConnectOptions> {
    let loaded = Document::load(&paths.config, env)?;
    let auth = &loaded.config.gateway.auth;
    let from_env = |name| loaded.env.product(name).map(str::to_owned);
    let configured = |secret: &Option<Secret>| secret.as_ref().map(|s| s.expose().to_owned());
    let password = args.password.clone().map(Credential::Password);
    let token = args.token.clone().map(Credential::Token);
    let credential = password
        .or(token)
        .or_else(|| from_env("GATEWAY_TOKEN").map(Credential::Token))
        .or_else(|| from_env("GATEWAY_PASSWORD").map(Credential::Password))
        .or_else(|| configured(&auth.token).map(Credential::Token))
        .or_else(|| configured(&auth.password).map(Credential::Password));
    let url = match &args.url {
        Some(url) => url.clone(),
        None => format!("ws://127.0.0.1:{}", web::port(paths, env)?),
    };
    let mut options = ConnectOptions::new(url);
    options.client.id = "cli".to_owned();
    options.client.mode = "cli".to_owned();
    options.scopes = vec![Scope::Read.as_str().to_owned()];
    options.credential = credential;
    options.timeout = args.timeout;
    Ok(options)
}
