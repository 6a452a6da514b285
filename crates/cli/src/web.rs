//! `clawdbot web`: WebChat in the browser.

use anyhow::Context as _;
use clawdbot_config::{Document, Env, Paths};

use crate::out;

pub(crate) fn run(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/", port(paths, env)?);
    open::that_detached(&url)
        .with_context(|| format!("no browser could be started; open {url} yourself"))?;
    out::done(format_args!("opened {url}"));
    out::line("The page asks for the access token: clawdbot config get gateway.auth.token");
    Ok(())
}

/// The local gateway's port.
pub(crate) fn port(paths: &Paths, env: &Env) -> anyhow::Result<u16> {
    let loaded = Document::load(&paths.config, env)?;
    let from_env = loaded.env.product("GATEWAY_PORT").and_then(|port| port.parse().ok());
    Ok(from_env.or(loaded.config.gateway.port).unwrap_or_else(|| paths.default_port()))
}
