//! What the page asks about the connection, and what it is told.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tauri::{AppHandle, Emitter as _, Manager as _};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::asks::Asks;
use super::probe;
use super::probes::Probes;
use super::report::Report;
use super::session::Access;
use super::target::{Target, TargetError, Wish, configured_secret, without_secret};
use super::vault::{Credential, VaultError};
use super::words;
use crate::diagnostics::commands::Place;
use crate::error::CommandError;
use crate::host::{Host, HostState, of_config};
use crate::phrases::Phrases;
use crate::settings::{Language, SettingsStore};
use crate::window::PageChannel;
use crate::wire::Label;
use crate::words::Words;

/// The event that carries a [`Report`] at each change.
const EVENT: &str = "connection";
/// Steps of a test that may be under way to the page: more than there are.
const STEPS: usize = 64;

/// Why the connection was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Config(#[from] clawdbot_config::ConfigError),
    #[error("clawdbot.json was not changed: {0}.")]
    Edit(#[from] clawdbot_config::EditError),
    #[error("clawdbot.json cannot be written: {0}.")]
    Write(#[from] std::io::Error),
    #[error("{0} {remedy}", remedy = .0.remedy())]
    Vault(#[from] VaultError),
    #[error("Nobody asks this any more.")]
    NotAsked,
    #[error("Only a gateway inside this app is published from here.")]
    Elsewhere,
    #[error("{0}")]
    Holder(#[from] crate::host::HolderError),
}

impl ConnectionError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Target(error) => error.code(),
            Self::Config(_) => "CONFIG_INVALID",
            Self::Edit(error) => error.code(),
            Self::Write(_) => "CONFIG_WRITE",
            Self::Vault(error) => error.code(),
            Self::NotAsked => "NOT_ASKED",
            Self::Elsewhere => "GATEWAY_ELSEWHERE",
            Self::Holder(error) => error.code(),
        }
    }

    /// What the page shows of it.
    pub(crate) fn words(&self, language: Language) -> Words {
        match self {
            Self::Target(error) => words::of_target(error, language),
            Self::Vault(error) => words::of_vault(error, language),
            Self::Holder(error) => Words::whole(words::of_holder(error, language)),
            Self::Config(error) => of_config(error, language),
            Self::Edit(error) => words::of_edit(error, language),
            Self::Write(error) => words::of_write(error, language),
            Self::NotAsked => Words::whole(Phrases::of(language).not_asked.to_owned()),
            Self::Elsewhere => Words::whole(Phrases::of(language).published_elsewhere.to_owned()),
        }
    }
}

/// What a person entered to open a gateway. Never kept in the page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entered {
    token: Option<String>,
    password: Option<String>,
}

impl From<Entered> for Credential {
    fn from(entered: Entered) -> Self {
        // What was copied brings spaces and line breaks along. In a password spaces may be meant.
        let named = |text: Option<String>, around: &[char]| {
            let text = text?.trim_matches(around).to_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        Self {
            token: named(entered.token, &[' ', '\t', '\r', '\n', '\u{a0}', '\u{feff}']),
            password: named(entered.password, &['\r', '\n']),
            device_token: None,
        }
    }
}

/// Where Clawdbot runs and how it is.
pub(crate) fn connection_read(app: &AppHandle) -> Report {
    app.state::<Host>().report(app.state::<SettingsStore>().language())
}

/// Saves where Clawdbot runs and turns there; open windows follow. The answer is about what comes
/// next, not about what was before.
pub(crate) async fn connection_use(
    app: &AppHandle,
    target: Wish,
    credential: Option<Entered>,
) -> Result<Report, CommandError> {
    let (host, place, access) = (app.state::<Host>(), app.state::<Place>(), app.state::<Access>());
    use_target(&target, credential, &place, &access).await?;
    host.turn().await;
    Ok(connection_read(app))
}

async fn use_target(
    wish: &Wish,
    credential: Option<Entered>,
    place: &Place,
    access: &Access,
) -> Result<(), ConnectionError> {
    let target = wish.check()?;
    let mut changes = wish.changes();
    if target != Target::Local {
        let configured = configured(place).await?;
        let is_own = configured.as_ref().is_some_and(|(key, _)| *key == target.key());
        // One that belongs to no gateway that could be named would become this one's.
        if !is_own || credential.is_some() {
            changes.extend(without_secret());
        }
        if let Some((key, secret)) = configured.filter(|_| !is_own) {
            let device_token = access.vault.credential(&key).await?.device_token;
            access.vault.keep(&key, &Credential { device_token, ..secret }).await?;
        }
        if let Some(credential) = credential {
            access.vault.keep(&target.key(), &credential.into()).await?;
        }
    }
    save(changes, place).await
}

/// The secret in `clawdbot.json`, and which gateway it is for.
async fn configured(place: &Place) -> Result<Option<(String, Credential)>, ConnectionError> {
    let (path, env) = (place.paths.config.clone(), place.env.clone());
    let loading = move || clawdbot_config::Document::load(&path, &env);
    let loaded = tokio::task::spawn_blocking(loading).await.map_err(std::io::Error::other)??;
    Ok(configured_secret(&loaded.config))
}

/// Changes `clawdbot.json`, or nothing at all.
pub(super) async fn save(
    changes: Vec<(&'static [&'static str], Value)>,
    place: &Place,
) -> Result<(), ConnectionError> {
    let (paths, env) = (place.paths.clone(), place.env.clone());
    let saving = tokio::task::spawn_blocking(move || {
        let loaded = clawdbot_config::Document::load(&paths.config, &env)?;
        let mut text = loaded.raw.unwrap_or_default();
        for (path, value) in changes {
            let value = Some(value).filter(|value| !value.is_null());
            text = clawdbot_config::edit(&text, path, value)?;
        }
        // What cannot be read again is not written.
        clawdbot_config::Document::check(text.clone(), &paths.config, &env)?;
        Ok(clawdbot_config::write(&paths.config, &text)?)
    });
    saving.await.map_err(std::io::Error::other)?
}

/// Tries a target without using it, and tells each step, for as long as somebody sees it there.
pub(crate) async fn connection_test(
    app: &AppHandle,
    label: Label,
    target: Wish,
    credential: Option<Entered>,
    on_step: PageChannel,
) -> Result<(), CommandError> {
    let target = target.check().map_err(ConnectionError::from)?;
    let unseen = app.state::<Probes>().begin(label);
    let place = app.state::<Place>();
    let known = match credential {
        Some(entered) => Some(entered.into()),
        // As in use: what the configuration has for this gateway counts.
        None => {
            let configured = configured(&place).await.ok().flatten();
            configured.filter(|(key, _)| *key == target.key()).map(|(_, secret)| secret)
        }
    };
    let access = app.state::<Access>().inner().clone();
    let language = app.state::<SettingsStore>().language();
    let (told, mut steps) = mpsc::channel(STEPS);
    let telling = async {
        while let Some(step) = steps.recv().await {
            if on_step.send(&step).await.is_err() {
                return;
            }
        }
    };
    let testing = async move {
        // There is room for every step that there can be.
        probe::run(&target, known, &access, language, |step| drop(told.try_send(step))).await;
    };
    let both = async { tokio::join!(testing, telling) };
    tokio::select! {
        _ = Box::pin(both) => {}
        // What it has opened goes with it, and so does what it asks.
        _ = unseen => tracing::info!("nobody sees the test of the connection any more"),
    }
    Ok(())
}

/// Ends the program that runs the gateway on this computer, and runs it here.
pub(crate) async fn connection_take_over(app: &AppHandle) -> Result<(), CommandError> {
    Ok(app.state::<Host>().take_over().await.map_err(ConnectionError::from)?)
}

/// Answers a question of `ssh`; `null` declines.
pub(crate) fn ask_answer(
    app: &AppHandle,
    id: String,
    value: Option<String>,
) -> Result<(), CommandError> {
    let value = value.map(Zeroizing::new);
    let answered = app.state::<Asks>().answer(&id, value);
    if answered { Ok(()) } else { Err(ConnectionError::NotAsked.into()) }
}

/// Tells the page about every change.
pub(crate) async fn follow(app: AppHandle, host: Host, settings: SettingsStore) {
    let (mut state, mut settings_changes) = (host.watch(), settings.watch());
    let mut told = None;
    loop {
        let stopped = matches!(*state.borrow_and_update(), HostState::Stopped);
        let report = host.report(settings.language());
        if told.as_ref() != Some(&report) {
            let _ = app.emit(EVENT, &report);
            told = Some(report);
        }
        let ended = tokio::select! {
            changed = state.changed() => changed.is_err(),
            Ok(()) = settings_changes.changed() => false,
        };
        if stopped || ended {
            return;
        }
        // A gateway at work changes its counts often.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Credential, Entered};

    #[test]
    fn what_was_pasted_around_a_secret_is_left_out() {
        let entered = |token: &str, password: &str| {
            let (token, password) = (Some(token.to_owned()), Some(password.to_owned()));
            let Credential { token, password, .. } = Entered { token, password }.into();
            (token, password)
        };
        let expected = (Some("a b".to_owned()), Some(" p ".to_owned()));
        assert_eq!(entered(" a b\r\n", " p \n"), expected);
        assert_eq!(entered(" \n", "\n"), (None, None));
    }
}
