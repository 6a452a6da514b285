//! `clawdbot web`: WebChat in the browser, signed in by a code that is good once.

use anyhow::Context as _;
use clawdbot_client::RequestError;
use clawdbot_config::{Document, Env, Paths};
use clawdbot_protocol::{Scope, WebCode};
use serde_json::json;

use crate::connection::{self, ConnectionArgs};
use crate::{out, text};

/// Open WebChat in the browser, signed in
#[derive(Debug, clap::Args)]
pub(crate) struct WebArgs {
    /// Print the address instead of opening it
    #[arg(long)]
    pub(crate) no_open: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

pub(crate) fn run(args: &WebArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let host = (paths, env);
    let page = connection::page(&args.connection, host)?;
    let code = connection::with(&args.connection, host, &[Scope::Admin], async |connected| {
        match connected.client.request("device.pair.webCode", &json!({})).await {
            Ok(answer) => Ok(Some(serde_json::from_value::<WebCode>(answer)?)),
            // Another gateway, or one that is not on this computer: the page asks for the token.
            Err(RequestError::Refused(error)) => {
                out::error(format_args!("Not signed in: {}", text::plain(&error.message)));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    })?;
    let url = match &code {
        Some(code) => join(&page, &code.path)?,
        None => format!("{page}/"),
    };
    if args.connection.json {
        let expires = code.map(|code| code.expires_at_ms);
        return out::json(&json!({"url": url, "expiresAtMs": expires}));
    }
    if args.no_open {
        out::line(&url);
        return Ok(());
    }
    open::that_detached(&url)
        .with_context(|| format!("no browser could be started; within a minute, open {url}"))?;
    out::done(format_args!("opened {page}"));
    Ok(())
}

/// The address of a page of the gateway. A path that does not begin with a slash could name another host.
fn join(page: &str, path: &str) -> anyhow::Result<String> {
    let plain = path.starts_with('/') && !path.chars().any(|c| c.is_control() || c.is_whitespace());
    anyhow::ensure!(
        plain,
        "the gateway named a page that is not one of its own; nothing was opened"
    );
    Ok(format!("{page}{path}"))
}

/// The local gateway's port.
pub(crate) fn port(paths: &Paths, env: &Env) -> anyhow::Result<u16> {
    let loaded = Document::load(&paths.config, env)?;
    let from_env = loaded.env.product("GATEWAY_PORT").and_then(|port| port.parse().ok());
    Ok(from_env.or(loaded.config.gateway.port).unwrap_or_else(|| paths.default_port()))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn a_page_is_on_the_gateway_itself() {
        let page = "http://127.0.0.1:18789";
        assert_eq!(join(page, "/#code=x").unwrap(), "http://127.0.0.1:18789/#code=x");
        for path in ["@evil.example/", ".evil.example/", "/a b", "/\u{1b}[2J"] {
            assert!(join(page, path).is_err(), "{path}");
        }
    }
}
