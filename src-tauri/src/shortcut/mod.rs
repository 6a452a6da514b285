//! The shortcut that opens the small prompt from anywhere.

#[cfg(not(target_os = "linux"))]
mod system;
#[cfg(target_os = "linux")]
mod x11;

use std::sync::{Mutex, PoisonError};

use tauri::{AppHandle, Manager as _};
use tauri_plugin_global_shortcut::Shortcut;

#[cfg(not(target_os = "linux"))]
use self::system::{listen, prepare};
#[cfg(target_os = "linux")]
use self::x11::{listen, prepare};
use crate::settings::SettingsStore;

/// Why the shortcut of this moment does nothing, for the page: a code, or `None`.
#[derive(Default)]
pub(crate) struct Trouble(Mutex<Option<&'static str>>);

impl Trouble {
    pub(crate) fn code(&self) -> Option<&'static str> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether that is new.
    fn set(&self, code: Option<&'static str>) -> bool {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, code) != code
    }
}

/// Why a shortcut does nothing.
#[derive(Debug, thiserror::Error)]
enum ShortcutError {
    #[error("this system does not know its keys")]
    Unknown,
    #[error("another program has it; choose another one in the settings")]
    Taken,
    #[error("the desktop does not take shortcuts: {0}")]
    Desktop(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ShortcutError {
    fn desktop(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Desktop(Box::new(error))
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "SHORTCUT_UNKNOWN",
            Self::Taken => "SHORTCUT_TAKEN",
            Self::Desktop(_) => "SHORTCUT_DESKTOP",
        }
    }
}

/// Follows the settings from now on. Only for desktops that let programs have a shortcut, and on
/// the main thread.
pub(crate) fn start(app: &AppHandle, settings: SettingsStore) {
    match prepare(app) {
        Ok(()) => drop(tauri::async_runtime::spawn(follow(app.clone(), settings))),
        Err(error) => tracing::warn!(code = error.code(), %error, "there is no shortcut"),
    }
}

/// Keeps the shortcut in step with the settings.
async fn follow(app: AppHandle, settings: SettingsStore) {
    let mut changes = settings.watch();
    loop {
        let wanted = settings.current().quick_chat;
        let other = changes.wait_for(|changed| changed.quick_chat != wanted);
        tokio::select! {
            () = hold(&app, &settings, wanted.as_deref()) => {}
            changed = other => if changed.is_err() { return },
        }
    }
}

/// Opens the prompt at each press, until this is dropped.
async fn hold(app: &AppHandle, settings: &SettingsStore, keys: Option<&str>) {
    if app.state::<Trouble>().set(None) {
        settings.announce();
    }
    if let Some(keys) = keys {
        let listening = async {
            let shortcut = keys.parse::<Shortcut>().map_err(|_| ShortcutError::Unknown)?;
            listen(app, shortcut).await
        };
        let Err(error) = listening.await;
        say(app, Some(&error));
    }
    std::future::pending().await
}

/// Says whether the keys were got. Gives the error back after which there is nothing to wait for.
#[cfg(target_os = "linux")]
fn tell(app: &AppHandle, got: Result<(), ShortcutError>) -> Result<(), ShortcutError> {
    if let Err(ShortcutError::Desktop(_)) = got {
        return got;
    }
    say(app, got.err().as_ref());
    Ok(())
}

fn say(app: &AppHandle, error: Option<&ShortcutError>) {
    let code = error.map(ShortcutError::code);
    if !app.state::<Trouble>().set(code) {
        return;
    }
    if let Some(error) = error {
        tracing::warn!(code, %error, "the shortcut of the quick chat does nothing");
    }
    app.state::<SettingsStore>().announce();
}
