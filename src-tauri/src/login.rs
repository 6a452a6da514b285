//! Starting at login, through the desktop's own list of such programs.

use tauri::{AppHandle, Manager};
use tauri_plugin_autostart::ManagerExt;

use crate::platform::{Here, Platform};

/// The entry's name in that list.
pub(crate) const NAME: &str = "Clawdbot";
/// What the app is started with there.
pub(crate) const ARGUMENT: &str = "--hidden";

/// Why the list was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("the login entry was not changed: {0}")]
    Entry(#[from] tauri_plugin_autostart::Error),
    #[error("the login entry was written but cannot be started from this place: {0}")]
    Mend(#[from] std::io::Error),
    #[error("there is no home directory: {0}")]
    Home(#[from] tauri::Error),
}

impl LoginError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Entry(_) => "LOGIN_ENTRY",
            Self::Mend(_) => "LOGIN_MEND",
            Self::Home(_) => "LOGIN_HOME",
        }
    }
}

/// True when the app will start at the next login.
pub(crate) fn is_on(app: &AppHandle) -> bool {
    app.autolaunch().is_enabled().unwrap_or_default()
}

/// Adds the app to the list, or takes it out.
pub(crate) fn set(app: &AppHandle, on: bool) -> Result<(), LoginError> {
    let list = app.autolaunch();
    if !on {
        return Ok(list.disable()?);
    }
    list.enable()?;
    let mended = Here::mend_login_entry(&app.path().home_dir()?);
    if mended.is_err() {
        list.disable()?;
    }
    Ok(mended?)
}
