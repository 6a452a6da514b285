//! The shortcut that opens the small prompt from anywhere.

use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Wry};
use tauri_plugin_global_shortcut::{Builder, GlobalShortcutExt, ShortcutState};

use crate::settings::SettingsStore;
use crate::window;

/// Only for desktops that let programs have such shortcuts.
pub(crate) fn plugin() -> TauriPlugin<Wry> {
    Builder::new()
        .with_handler(|app, _shortcut, event| {
            if event.state == ShortcutState::Pressed {
                window::open_quick(app);
            }
        })
        .build()
}

/// Keeps the shortcut in step with the settings.
pub(crate) async fn follow(app: AppHandle, settings: SettingsStore) {
    let mut changes = settings.watch();
    let mut registered: Option<String> = None;
    loop {
        let wanted = changes.borrow_and_update().quick_chat.clone();
        if wanted != registered {
            replace(&app, registered.as_deref(), wanted.as_deref());
            registered = wanted;
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn replace(app: &AppHandle, old: Option<&str>, new: Option<&str>) {
    let shortcuts = app.global_shortcut();
    if let Some(old) = old.filter(|old| shortcuts.is_registered(*old))
        && let Err(error) = shortcuts.unregister(old)
    {
        tracing::warn!(%error, shortcut = old, "the shortcut is still taken");
    }
    if let Some(new) = new
        && let Err(error) = shortcuts.register(new)
    {
        tracing::warn!(%error, shortcut = new, "another program has the shortcut of the quick chat; choose another one in the settings");
    }
}
