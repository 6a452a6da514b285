//! The connection of every command that asks a gateway.

use std::time::Duration;

use clawdbot_client::{Client, ConnectOptions, Connected, Credential};
use clawdbot_config::{Document, Env, Paths, Secret};
use clawdbot_protocol::Scope;
use serde_json::Value;

use crate::{out, web};

/// Which gateway, with what credential.
#[derive(Debug, clap::Args)]
pub(crate) struct ConnectionArgs {
    /// Gateway address [default: the local gateway]
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Token to present
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Password to present
    #[arg(long, conflicts_with = "token")]
    pub(crate) password: Option<String>,
    /// Give up after so many milliseconds
    #[arg(long, value_parser = millis, default_value = "10000")]
    pub(crate) timeout: Duration,
    /// Print the gateway's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

/// Connects with these scopes, does `work`, says goodbye.
pub(crate) fn with<T>(
    args: &ConnectionArgs,
    paths: &Paths,
    env: &Env,
    scopes: &[Scope],
    work: impl AsyncFnOnce(&Connected) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let options = options(args, paths, env, scopes)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let connected = Client::connect(options).await?;
        let result = work(&connected).await;
        connected.client.close().await;
        result
    })
}

/// One request; prints the answer where JSON was asked for, and hands it over otherwise.
pub(crate) fn ask(
    args: &ConnectionArgs,
    (paths, env): (&Paths, &Env),
    scopes: &[Scope],
    method: &str,
    params: &Value,
) -> anyhow::Result<Option<Value>> {
    let answer = with(args, paths, env, scopes, async |connected| {
        Ok(connected.client.request(method, params).await?)
    })?;
    if !args.json {
        return Ok(Some(answer));
    }
    out::line(serde_json::to_string_pretty(&answer)?);
    Ok(None)
}

/// Flag, then environment, then configuration (configuration reference, §3).
fn options(
    args: &ConnectionArgs,
    paths: &Paths,
    env: &Env,
    scopes: &[Scope],
) -> anyhow::Result<ConnectOptions> {
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
    options.scopes = scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    options.credential = credential;
    options.timeout = args.timeout;
    Ok(options)
}
