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
    let trouble = app.state::<Trouble>();
    let tell = |code| {
        if trouble.set(code) {
            settings.announce();
        }
    };
    tell(None);
    if let Some(keys) = keys {
        let listening = async {
            let shortcut = keys.parse::<Shortcut>().map_err(|_| ShortcutError::Unknown)?;
            listen(app, shortcut).await
        };
        let Err(error) = listening.await;
        let code = error.code();
        tracing::warn!(code, %error, keys, "the shortcut of the quick chat does nothing");
        tell(Some(code));
    }
    std::future::pending().await
}
