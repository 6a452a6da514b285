//! How far Tailscale publishes the gateway of this computer, for the page.

use clawdbot_config::{AuthMode, Bind, Document, TailscaleMode};
use clawdbot_gateway::StartError;
use clawdbot_remote::tailscale::{State, Tailscale};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tauri::{AppHandle, Manager as _};

use super::commands::{ConnectionError, save};
use super::words;
use crate::diagnostics::commands::Place;
use crate::error::CommandError;
use crate::host::{Host, HostState};
use crate::phrases::Phrases;
use crate::settings::{Language, SettingsStore};

/// The value of `tailscale_read`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    installed: bool,
    mode: Mode,
    /// `off`, `claiming`, `published`, `failed`, or `elsewhere` when there is none here to publish.
    state: &'static str,
    url: Option<String>,
    /// Where a person has to agree first.
    consent_url: Option<String>,
    /// What is wrong and what to do.
    hint: Option<String>,
    /// What of it is a command, to be copied.
    command: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Off,
    Serve,
    Funnel,
}

impl From<TailscaleMode> for Mode {
    fn from(mode: TailscaleMode) -> Self {
        match mode {
            TailscaleMode::Off => Self::Off,
            TailscaleMode::Serve => Self::Serve,
            TailscaleMode::Funnel => Self::Funnel,
        }
    }
}

/// How far the gateway is published, and what is in the way.
pub(crate) async fn tailscale_read(app: &AppHandle) -> Report {
    let language = app.state::<SettingsStore>().language();
    read(&app.state::<Host>(), &app.state::<Place>(), language).await
}

/// Publishes the gateway as far as that, from now on.
pub(crate) async fn tailscale_use(app: &AppHandle, mode: Mode) -> Result<Report, CommandError> {
    let (host, place) = (app.state::<Host>(), app.state::<Place>());
    if is_elsewhere(&host) {
        return Err(ConnectionError::Elsewhere.into());
    }
    if let Some(refusal) = refusal(mode, &place).await {
        return Err(refusal.into());
    }
    save(vec![(&["gateway", "tailscale", "mode"], json!(mode))], &place).await?;
    host.restart();
    Ok(tailscale_read(app).await)
}

/// What the gateway would refuse, said before anything is changed.
async fn refusal(mode: Mode, place: &Place) -> Option<StartError> {
    let (paths, env) = (place.paths.clone(), place.env.clone());
    let loading = tokio::task::spawn_blocking(move || Document::load(&paths.config, &env));
    let gateway = loading.await.ok()?.ok()?.config.gateway;
    let open = gateway.auth.effective_mode() != AuthMode::Password;
    match mode {
        Mode::Off => None,
        Mode::Serve if gateway.bind != Bind::Loopback => Some(StartError::PublishedBind("serve")),
        Mode::Funnel if gateway.bind != Bind::Loopback => Some(StartError::PublishedBind("funnel")),
        Mode::Funnel if open => Some(StartError::FunnelWithoutPassword),
        Mode::Serve | Mode::Funnel => None,
    }
}

fn is_elsewhere(host: &Host) -> bool {
    host.watch().borrow().is_elsewhere(host.target().mode)
}

async fn read(host: &Host, place: &Place, language: Language) -> Report {
    let (paths, env) = (place.paths.clone(), place.env.clone());
    let found = tokio::task::spawn_blocking(move || {
        let mode = Document::load(&paths.config, &env)
            .map(|loaded| loaded.config.gateway.tailscale.mode)
            .unwrap_or_default();
        (Tailscale::find(env.iter()).is_some(), mode)
    });
    let (installed, mode) = found.await.unwrap_or_default();
    let published = match &*host.watch().borrow() {
        HostState::Running(running) => running.status.published.clone(),
        _ => None,
    };
    let mut report = Report {
        installed,
        mode: mode.into(),
        state: if mode == TailscaleMode::Off { "off" } else { "claiming" },
        url: None,
        consent_url: None,
        hint: None,
        command: None,
    };
    if is_elsewhere(host) {
        report.state = "elsewhere";
        report.hint = Some(Phrases::of(language).published_elsewhere.to_owned());
        return report;
    }
    match published.map(|published| published.state) {
        Some(State::Published { url }) => {
            report.state = "published";
            report.url = Some(url);
        }
        Some(State::Failed(error)) => {
            report.state = "failed";
            report.consent_url = error.link().map(str::to_owned);
            report.hint = Some(words::of_tailscale(&error, language));
            report.command = error.command();
        }
        Some(State::Claiming) | None => {}
    }
    report
}
