//! What the page asks about the settings, and what it is told.

use std::path::PathBuf;

use clawdbot_config::{Env, Paths};
use serde::Serialize;
use serde_json::{Map, Value};
use tauri::{AppHandle, Emitter, Manager, State};

use super::{Language, Settings, SettingsError, SettingsPatch, SettingsStore};
use crate::error::CommandError;
use crate::login;
use crate::shortcut::Trouble;

/// The event that carries a [`Report`] at each change.
const EVENT: &str = "settings";
/// The member of a patch that is not in the file: the system keeps it.
const AUTOSTART: &str = "autostart";

/// What does not change while the app runs.
pub(crate) struct Surroundings {
    pub(crate) state_dir: PathBuf,
    pub(crate) config: PathBuf,
    /// The desktop lets programs have shortcuts that work everywhere.
    pub(crate) shortcut_supported: bool,
}

impl Surroundings {
    pub(crate) fn of(env: &Env, paths: &Paths) -> Self {
        // Wayland leaves such shortcuts to the desktop, which has no common way to ask for one.
        let wayland = cfg!(target_os = "linux") && env.get("WAYLAND_DISPLAY").is_some();
        Self {
            state_dir: paths.state_dir.clone(),
            config: paths.config.clone(),
            shortcut_supported: !wayland,
        }
    }
}

/// The settings and what is shown beside them.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    settings: Settings,
    /// What the app speaks: the chosen language, or else that of the desktop.
    language: Language,
    autostart: bool,
    version: String,
    state_dir: PathBuf,
    config_path: PathBuf,
    shortcut_supported: bool,
    /// Why the shortcut does nothing: `SHORTCUT_TAKEN` and others, or `null`.
    shortcut_trouble: Option<&'static str>,
    platform: &'static str,
}

impl Report {
    /// Asks the system about the login entry, which reads a file.
    fn of(app: &AppHandle) -> Self {
        let (surroundings, store) = (app.state::<Surroundings>(), app.state::<SettingsStore>());
        Self {
            settings: store.current(),
            language: store.language(),
            autostart: login::is_on(app),
            version: app.package_info().version.to_string(),
            state_dir: surroundings.state_dir.clone(),
            config_path: surroundings.config.clone(),
            shortcut_supported: surroundings.shortcut_supported,
            shortcut_trouble: app.state::<Trouble>().code(),
            platform: std::env::consts::OS,
        }
    }
}

/// Tells the page about every change, whoever made it.
pub(crate) async fn follow(app: AppHandle, store: SettingsStore) {
    let mut changes = store.watch();
    while changes.changed().await.is_ok() {
        if let Err(error) = app.emit(EVENT, Report::of(&app)) {
            tracing::warn!(%error, "the page was not told about the settings");
        }
    }
}

/// The settings and what is shown beside them.
pub(crate) async fn settings_read(app: AppHandle) -> Result<Report, CommandError> {
    Ok(off_thread(move || Ok(Report::of(&app))).await?)
}

/// Changes what `patch` names: the members of the file, and `autostart`.
pub(crate) async fn settings_write(
    patch: Map<String, Value>,
    app: AppHandle,
    store: State<'_, SettingsStore>,
) -> Result<Report, CommandError> {
    let store = store.inner().clone();
    Ok(off_thread(move || {
        change(&app, &store, patch)?;
        Ok(Report::of(&app))
    })
    .await?)
}

fn change(
    app: &AppHandle,
    store: &SettingsStore,
    mut patch: Map<String, Value>,
) -> Result<(), SettingsError> {
    let autostart: Option<bool> =
        patch.remove(AUTOSTART).map(serde_json::from_value).transpose()?;
    store.update(serde_json::from_value::<SettingsPatch>(Value::Object(patch))?)?;
    if let Some(on) = autostart.filter(|on| *on != login::is_on(app)) {
        login::set(app, on)?;
        store.announce();
    }
    Ok(())
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SettingsError> + Send + 'static,
) -> Result<T, SettingsError> {
    tauri::async_runtime::spawn_blocking(work).await.unwrap_or(Err(SettingsError::Ended))
}
