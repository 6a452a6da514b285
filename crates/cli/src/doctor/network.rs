//! Who can reach the gateway, and whether it answers.

use std::time::Duration;

use clawdbot_client::{Client, ConnectError};
use clawdbot_config::{AuthMode, Bind, GatewayMode, Loaded};
use clawdbot_gateway::Holder;
use clawdbot_protocol::Scope;
use serde_json::{Value, json};

use super::{Facts, Finding, Severity};
use crate::connection::{self, ConnectionArgs};
use crate::web;

/// A gateway of this computer answers within this time.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn is_exposed(loaded: &Loaded) -> bool {
    let gateway = &loaded.config.gateway;
    match gateway.bind {
        Bind::Loopback | Bind::Auto => false,
        Bind::Lan | Bind::Tailnet => true,
        Bind::Custom => gateway.custom_bind_host.is_some_and(|host| !host.is_loopback()),
    }
}

pub(super) fn exposed<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    if !is_exposed(loaded) {
        return Vec::new();
    }
    let finding = Finding::new(
        Severity::Warning,
        "gateway.bind lets other computers reach the gateway directly, without encryption",
        "Safer: gateway.bind loopback, with Tailscale Serve or an SSH tunnel for other computers.",
    );
    vec![finding.fixed_by(|| {
        facts.save(&["gateway", "bind"], Some(json!("loopback")))?;
        Ok("gateway.bind is loopback, from the next start on".to_owned())
    })]
}

pub(super) fn any_origin<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let origins = &loaded.config.gateway.control_ui.allowed_origins;
    if !origins.iter().any(|origin| origin.trim() == "*") {
        return Vec::new();
    }
    let rest: Vec<Value> =
        origins.iter().filter(|origin| origin.trim() != "*").map(|origin| json!(origin)).collect();
    let finding = Finding::new(
        Severity::Critical,
        "gateway.controlUi.allowedOrigins holds \"*\", so any web page you open may talk to the gateway",
        "Name the origins you use, or remove the setting.",
    );
    vec![finding.fixed_by(move || {
        facts.save(&["gateway", "controlUi", "allowedOrigins"], Some(Value::Array(rest)))?;
        Ok("\"*\" is gone from gateway.controlUi.allowedOrigins".to_owned())
    })]
}

pub(super) fn any_proxy<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let proxies = &loaded.config.gateway.trusted_proxies;
    let wide = |proxy: &&String| proxy.ends_with("/0");
    if !proxies.iter().any(|proxy| wide(&proxy)) {
        return Vec::new();
    }
    let rest: Vec<Value> =
        proxies.iter().filter(|proxy| !wide(proxy)).map(|proxy| json!(proxy)).collect();
    let finding = Finding::new(
        Severity::Critical,
        "gateway.trustedProxies believes everybody, so anybody can claim any address and any name",
        "Name the address of your proxy.",
    );
    // With no proxy left, a gateway that lives by its proxy would not start.
    let lives_by_it = loaded.config.gateway.auth.mode == Some(AuthMode::TrustedProxy);
    vec![if rest.is_empty() && lives_by_it {
        finding
    } else {
        finding.fixed_by(move || {
            facts.save(&["gateway", "trustedProxies"], Some(Value::Array(rest)))?;
            Ok("gateway.trustedProxies no longer believes everybody".to_owned())
        })
    }]
}

pub(super) fn plaintext<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let Some(url) = &loaded.config.gateway.remote.url else { return Vec::new() };
    if !url.starts_with("ws://") || clawdbot_client::is_loopback(url) {
        return Vec::new();
    }
    vec![Finding::new(
        Severity::Critical,
        "gateway.remote.url begins with ws://, so secrets and conversations cross the network unencrypted",
        "Use a wss:// address, or an SSH tunnel to a ws://127.0.0.1 address.",
    )]
}

/// Knocks without a secret.
pub(super) fn open_door<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    if facts.paths.profile.as_deref() == Some("dev") || knock(facts, false) != Some(Ok(())) {
        return Vec::new();
    }
    vec![Finding::new(
        Severity::Critical,
        "the running gateway lets in whoever connects, without a secret",
        "Set gateway.auth.mode to token and restart it.",
    )]
}

pub(super) fn port_stolen<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Ok(port) = web::port(facts.paths, facts.env) else { return Vec::new() };
    let Some(holder) = Holder::of_port(port) else { return Vec::new() };
    if facts.running.as_ref().is_some_and(|running| running.pid == holder.pid) {
        return Vec::new();
    }
    // The desktop app's front door to the gateway elsewhere.
    let mode = facts.config().and_then(|loaded| loaded.config.gateway.mode);
    if mode == Some(GatewayMode::Remote) && holder.name.starts_with("clawdbot") {
        return Vec::new();
    }
    vec![Finding::new(
        Severity::Critical,
        format!(
            "port {port} is held by {holder}, which is not the gateway of this state directory"
        ),
        "Stop that program, choose another port with gateway.port, or start with --force.",
    )]
}

pub(super) fn silent<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(Err(error)) = knock(facts, true) else { return Vec::new() };
    let pid = facts.running.as_ref().map_or(0, |running| running.pid);
    vec![Finding::new(
        Severity::Critical,
        format!("the gateway (pid {pid}) does not let this command in: {error}"),
        "Look into its log, then restart it: clawdbot gateway restart",
    )]
}

/// Connects to the running gateway; `None` where none listens.
fn knock(facts: &Facts<'_>, with_secret: bool) -> Option<Result<(), String>> {
    let address = facts.running.as_ref()?.address?;
    let host = if address.ip().is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        address.ip().to_string()
    };
    let args = ConnectionArgs {
        url: Some(format!("ws://{host}:{}", address.port())),
        token: None,
        password: None,
        timeout: PATIENCE,
        json: false,
    };
    let mut options = connection::options(&args, facts.paths, facts.env, &[Scope::Read]).ok()?;
    if !with_secret {
        options.credential = None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    Some(runtime.block_on(async {
        match Client::connect(options).await {
            Ok(connected) => {
                connected.client.close().await;
                Ok(())
            }
            Err(ConnectError::Refused { error, .. }) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }))
}
