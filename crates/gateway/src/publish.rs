//! The gateway's own route through Tailscale, for as long as it runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clawdbot_config::{Document, Env, Paths, TailscaleMode};
use clawdbot_remote::tailscale::{Claim, Reach, State, Tailscale, TailscaleError};
use serde_json::{Value, json};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::shared::Shared;

/// Says that a route was taken which is to be given back. It outlives a gateway that is killed.
const NOTE: &str = "tailscale-route.json";
/// Time to give the route back; the gateway's own end waits for it.
const GOODBYE: Duration = Duration::from_millis(1_500);

/// How far the gateway is published, and what has become of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What was asked for.
    pub reach: Reach,
    /// What has become of it.
    pub state: State,
}

/// Gives back the route through Tailscale that a gateway of this account has taken, when none runs
/// any more; whether there was one. A route that leads elsewhere is left alone (TS-03).
///
/// # Errors
/// [`TailscaleError`]; the route stays.
pub async fn release_route(paths: &Paths, env: &Env) -> Result<bool, TailscaleError> {
    let file = paths.state_dir.join(NOTE);
    let noted = tokio::fs::read_to_string(&file).await.ok().and_then(|text| read_note(&text));
    let Some((reach, port)) = noted.or_else(|| configured(paths, env)) else { return Ok(false) };
    let released = Claim::new(Tailscale::find(env.iter()), reach, port).release().await?;
    if let Err(error) = std::fs::remove_file(&file)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        warn!(%error, "the note about the Tailscale route");
    }
    Ok(released)
}

/// What the configuration publishes; a gateway that keeps its route at its end leaves no note.
fn configured(paths: &Paths, env: &Env) -> Option<(Reach, u16)> {
    let loaded = Document::load(&paths.config, env).ok()?;
    let reach = reach(loaded.config.gateway.tailscale.mode)?;
    let from_env = loaded.env.product("GATEWAY_PORT").and_then(|port| port.parse().ok());
    let port = from_env.or(loaded.config.gateway.port);
    Some((reach, port.unwrap_or_else(|| paths.default_port())))
}

/// How far and which port, from the note; `None` when it cannot be read.
fn read_note(text: &str) -> Option<(Reach, u16)> {
    let note: Value = serde_json::from_str(text).ok()?;
    let reach = match note["reach"].as_str() {
        Some("funnel") => Reach::Funnel,
        _ => Reach::Serve,
    };
    Some((reach, note["port"].as_u64().and_then(|port| u16::try_from(port).ok())?))
}

/// What the configuration asks for.
pub(crate) fn reach(mode: TailscaleMode) -> Option<Reach> {
    match mode {
        TailscaleMode::Off => None,
        TailscaleMode::Serve => Some(Reach::Serve),
        TailscaleMode::Funnel => Some(Reach::Funnel),
    }
}

/// Publishes the gateway until it stops. What an earlier one left is cleared up first (TS-03).
pub(crate) async fn follow(shared: Arc<Shared>, reach: Option<Reach>) {
    let port = shared.address().map(|address| address.port());
    tokio::select! {
        () = shared.stop.cancelled() => return,
        () = clear(&shared, reach, port) => {}
    }
    let (Some(reach), Some(port)) = (reach, port) else { return };
    let claim = Claim::new(shared.tailscale.command(), reach, port);
    let (state, mut changes) = watch::channel(State::Claiming);
    let report = async {
        loop {
            let state = changes.borrow_and_update().clone();
            if matches!(state, State::Published { .. }) && resets(&shared) {
                note(&shared, Some(&json!({"reach": reach.as_str(), "port": port})));
            }
            shared.report_published(Published { reach, state });
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = shared.stop.cancelled() => {}
        () = claim.keep(&state) => {}
        () = report => {}
    }
    if resets(&shared) {
        release(&shared, &claim).await;
    }
}

fn resets(shared: &Shared) -> bool {
    shared.settings().loaded.config.gateway.tailscale.reset_on_exit
}

/// Gives back what a killed gateway had taken, unless it is wanted again.
async fn clear(shared: &Shared, wanted: Option<Reach>, port: Option<u16>) {
    let Ok(text) = tokio::fs::read_to_string(file(shared)).await else { return };
    let Some((was, left)) = read_note(&text) else { return note(shared, None) };
    if (wanted, port) != (Some(was), Some(left)) {
        release(shared, &Claim::new(shared.tailscale.command(), was, left)).await;
    }
}

async fn release(shared: &Shared, claim: &Claim) {
    match tokio::time::timeout(GOODBYE, claim.release()).await {
        Ok(Ok(released)) => {
            note(shared, None);
            info!(released, "the Tailscale route was given back");
        }
        Ok(Err(error)) => warn!(code = error.code(), %error, "the Tailscale route stays"),
        Err(_) => warn!("the Tailscale route stays: the command takes too long"),
    }
}

fn file(shared: &Shared) -> PathBuf {
    shared.paths.state_dir.join(NOTE)
}

fn note(shared: &Shared, text: Option<&Value>) {
    let file = file(shared);
    let done = match text {
        Some(text) => clawdbot_config::write(&file, &text.to_string()),
        None => std::fs::remove_file(&file),
    };
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            warn!(%error, "the note about the Tailscale route");
        }
        _ => {}
    }
}

impl Published {
    /// For the `status` method.
    pub(crate) fn report(&self) -> Value {
        let (state, url, message) = match &self.state {
            State::Claiming => ("claiming", None, None),
            State::Published { url } => ("published", Some(url.clone()), None),
            State::Failed(error) => {
                ("failed", error.link().map(str::to_owned), Some(error.to_string()))
            }
        };
        let code = match &self.state {
            State::Failed(error) => Some(error.code()),
            _ => None,
        };
        json!({"mode": self.reach.as_str(), "state": state, "url": url, "code": code, "message": message})
    }
}
