//! Through the plugin, where the system itself calls at each press.

use std::convert::Infallible;

use tauri::AppHandle;
use tauri_plugin_global_shortcut::{
    Builder, Error, GlobalShortcutExt as _, Shortcut, ShortcutState,
};

use super::ShortcutError;
use crate::window;

/// To be called on the main thread, where the system wants to be asked.
pub(super) fn prepare(app: &AppHandle) -> Result<(), ShortcutError> {
    app.plugin(Builder::new().build()).map_err(ShortcutError::desktop)
}

/// Opens the prompt at each press. Dropping it gives the keys back.
pub(super) async fn listen(
    app: &AppHandle,
    shortcut: Shortcut,
) -> Result<Infallible, ShortcutError> {
    let _held = Held::new(app, shortcut)?;
    std::future::pending().await
}

struct Held<'a> {
    app: &'a AppHandle,
    shortcut: Shortcut,
}

impl<'a> Held<'a> {
    fn new(app: &'a AppHandle, shortcut: Shortcut) -> Result<Self, ShortcutError> {
        app.global_shortcut().on_shortcut(shortcut, |app, _, event| {
            if event.state == ShortcutState::Pressed {
                window::open_quick(app);
            }
        })?;
        Ok(Self { app, shortcut })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.app.global_shortcut().unregister(self.shortcut) {
            tracing::warn!(%error, "the shortcut is still taken");
        }
    }
}

impl From<Error> for ShortcutError {
    fn from(error: Error) -> Self {
        match error {
            // The system says no more than that it did not get the keys.
            Error::GlobalHotkey(_) => Self::Taken,
            error => Self::desktop(error),
        }
    }
}
