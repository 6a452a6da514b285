//! What the page asks about the app's health, and the small things its pages need.

use std::path::{Path, PathBuf};

use clawdbot_config::{Env, Paths};
use clawdbot_gateway::{Tail, qr_code as picture};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tauri::{AppHandle, Manager, State};

use super::DiagnosticsError;
use super::bundle::{self, Story};
use super::chain::{Link, chain};
use crate::error::CommandError;
use crate::host::{Host, HostState};
use crate::platform::{Here, Platform as _};
use crate::settings::{Language, SettingsStore};

/// Lines that the page gets at once.
const LINES: u32 = 400;
const BYTES: u64 = 128 * 1024;
/// Longest text that becomes a QR code.
const MAX_QR: usize = 2_048;

/// Where the files are and what the environment holds, for bundles.
pub(crate) struct Place {
    pub(crate) paths: Paths,
    pub(crate) env: Env,
}

/// The answer of `diagnostics_read`.
#[derive(Serialize)]
pub(crate) struct Diagnosis {
    links: Vec<Link>,
}

/// The answer of `log_tail`.
#[derive(Serialize)]
pub(crate) struct LogLines {
    lines: Vec<String>,
    cursor: u64,
}

/// A place that may be opened; the page names no path.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Openable {
    Config,
    Logs,
}

/// The chain from the window to the model, as far as the app knows it.
pub(crate) async fn diagnostics_read(app: &AppHandle) -> Result<Diagnosis, CommandError> {
    let language = app.state::<SettingsStore>().language();
    Ok(Diagnosis { links: links(app, language).await })
}

/// Writes the support bundle, shows it in the file manager and tells where it is.
pub(crate) async fn diagnostics_bundle(app: AppHandle) -> Result<PathBuf, CommandError> {
    // For whoever helps.
    let chain = links(&app, Language::En).await;
    Ok(off_thread(move || {
        let place = app.state::<Place>();
        let about = json!({
            "version": app.package_info().version.to_string(),
            "platform": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
            "stateDir": place.paths.state_dir,
            "settings": app.state::<SettingsStore>().current(),
            "chain": chain,
        });
        let story = Story { paths: &place.paths, env: &place.env, about };
        let path = story.write(&downloads(&app))?;
        show_folder(&path);
        Ok(path)
    })
    .await?)
}

/// Writes the configuration without its secrets, shows it and tells where it is.
pub(crate) async fn settings_export(app: AppHandle) -> Result<PathBuf, CommandError> {
    Ok(off_thread(move || {
        let path = bundle::export(&app.state::<Place>().paths, &downloads(&app))?;
        show_folder(&path);
        Ok(path)
    })
    .await?)
}

/// The log's newest lines; with the cursor of the last answer, those since then.
pub(crate) async fn log_tail(
    cursor: Option<u64>,
    app: AppHandle,
) -> Result<LogLines, CommandError> {
    Ok(off_thread(move || {
        let path = &app.state::<Place>().paths.log_file;
        let tail = Tail::read(path, cursor, Some(LINES), Some(BYTES))
            .map_err(|source| DiagnosticsError::Log { path: path.clone(), source })?;
        Ok(LogLines { lines: tail.lines, cursor: tail.size })
    })
    .await?)
}

/// A text as a QR code: the data URL of a picture.
pub(crate) fn qr_code(text: &str) -> Result<String, CommandError> {
    let fits = text.len() <= MAX_QR;
    Ok(fits.then(|| picture(text)).flatten().ok_or(DiagnosticsError::TooLong)?)
}

/// Opens the configuration file or the folder of the logs.
pub(crate) async fn open_path(what: Openable, place: State<'_, Place>) -> Result<(), CommandError> {
    let path = match what {
        Openable::Config => place.paths.config.clone(),
        Openable::Logs => place.paths.logs_dir.clone(),
    };
    Ok(off_thread(move || {
        Here::open(path.as_os_str()).map_err(|source| DiagnosticsError::Open { path, source })
    })
    .await?)
}

async fn links(app: &AppHandle, language: Language) -> Vec<Link> {
    let host = app.state::<Host>();
    let state = host.watch();
    let gateway = match &*state.borrow() {
        HostState::Running(running) => Some(running.gateway.clone()),
        _ => None,
    };
    let latency = match gateway {
        Some(gateway) => gateway.latency().await,
        None => None,
    };
    let version = app.package_info().version.to_string();
    let state = state.borrow();
    chain(&state, &host.target(), latency, &version, language)
}

/// Where people look for what a program has saved.
fn downloads(app: &AppHandle) -> PathBuf {
    let directory = app.path().download_dir().ok().filter(|directory| directory.is_dir());
    directory.unwrap_or_else(|| app.state::<Place>().paths.state_dir.clone())
}

fn show_folder(path: &Path) {
    let Some(folder) = path.parent() else { return };
    if let Err(error) = Here::open(folder.as_os_str()) {
        tracing::warn!(%error, folder = %folder.display(), "the folder was not opened");
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DiagnosticsError> + Send + 'static,
) -> Result<T, DiagnosticsError> {
    tauri::async_runtime::spawn_blocking(work).await.unwrap_or(Err(DiagnosticsError::Ended))
}
