//! Starting at login, through the desktop's own list of such programs.

use std::io;
use std::sync::{Mutex, PoisonError};

use tauri::{AppHandle, Manager};
use tauri_plugin_autostart::ManagerExt;

use crate::platform::{Here, Platform};

/// The entry's name in that list.
pub(crate) const NAME: &str = "Clawdbot";
/// What the app is started with there.
pub(crate) const ARGUMENT: &str = "--hidden";

/// Held while an entry is written, which takes more than one step.
static CHANGING: Mutex<()> = Mutex::new(());

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
    match Here::login_entry() {
        Some(entry) => entry.exists(),
        None => app.autolaunch().is_enabled().unwrap_or_default(),
    }
}

/// Takes the file out that is the entry; whether there was one.
pub(crate) fn remove_entry() -> io::Result<bool> {
    let Some(entry) = Here::login_entry() else { return Ok(false) };
    match std::fs::remove_file(entry) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Adds the app to the list, or takes it out.
pub(crate) fn set(app: &AppHandle, on: bool) -> Result<(), LoginError> {
    let _one_at_a_time = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    change(app, on)
}

/// The other way round than it is.
pub(crate) fn toggle(app: &AppHandle) -> Result<(), LoginError> {
    let _one_at_a_time = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    change(app, !is_on(app))
}

fn change(app: &AppHandle, on: bool) -> Result<(), LoginError> {
    let list = app.autolaunch();
    if !on {
        remove_entry()?;
        // Of a session that looks elsewhere now, and where there is no file.
        if list.is_enabled()? {
            list.disable()?;
        }
        return Ok(());
    }
    let home = app.path().home_dir()?;
    Here::prepare_login_entry(&home)?;
    list.enable()?;
    let mended = Here::mend_login_entry(&home);
    if mended.is_err() && list.is_enabled()? {
        list.disable()?;
    }
    Ok(mended?)
}
