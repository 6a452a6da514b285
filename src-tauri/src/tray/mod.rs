//! The icon in the desktop's tray and its menu.

mod actions;
mod view;

use std::time::Duration;

use tauri::image::Image;
use tauri::menu::{CheckMenuItem, Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, include_image};
use tokio::sync::watch;

use self::actions::Action;
use self::view::Mark;
pub(crate) use self::view::{View, port_taken};
use crate::host::{Host, HostState};
use crate::phrases::Phrases;
use crate::{login, window};

const ID: &str = "clawdbot";
/// A panel may start after the app; this is how often it is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The tray icon with the parts of its menu that change.
pub(crate) struct Tray {
    icon: TrayIcon,
    status: MenuItem<tauri::Wry>,
    copy_address: MenuItem<tauri::Wry>,
    shown: Option<View>,
}

/// The "Start at login" entry, for the action that ticks it.
struct LoginItem(CheckMenuItem<tauri::Wry>);

impl Tray {
    /// Puts the icon into the tray. Fails while the desktop has no tray.
    pub(crate) fn build(app: &AppHandle, phrases: &Phrases) -> tauri::Result<Self> {
        let item = |action: Action, text: &str| {
            MenuItem::with_id(app, action.id(), text, true, None::<&str>)
        };
        let status = MenuItem::with_id(app, "status", phrases.starting, false, None::<&str>)?;
        let copy_address = item(Action::CopyAddress, phrases.copy_address)?;
        let login = CheckMenuItem::with_id(
            app,
            Action::StartAtLogin.id(),
            phrases.start_at_login,
            true,
            login::is_on(app),
            None::<&str>,
        )?;
        let menu = Menu::with_items(
            app,
            &[
                &status,
                &PredefinedMenuItem::separator(app)?,
                &item(Action::OpenWebChat, phrases.open_webchat)?,
                &copy_address,
                &PredefinedMenuItem::separator(app)?,
                &item(Action::Restart, phrases.restart)?,
                &item(Action::OpenLogs, phrases.open_logs)?,
                &login,
                &PredefinedMenuItem::separator(app)?,
                &item(Action::Quit, phrases.quit)?,
            ],
        )?;
        let icon = TrayIconBuilder::with_id(ID)
            .title("Clawdbot")
            .icon(image(Mark::Starting))
            .menu(&menu)
            .show_menu_on_left_click(false)
            .on_menu_event(|app, event| actions::on_menu(app, event.id().as_ref()))
            .on_tray_icon_event(|tray, event| on_click(tray.app_handle(), &event))
            .build(app)?;
        app.manage(LoginItem(login));
        Ok(Self { icon, status, copy_address, shown: None })
    }

    /// Shows a state; touches only what differs from the last one.
    fn show(&mut self, view: View) -> tauri::Result<()> {
        let old = self.shown.as_ref();
        if old.map(|old| old.mark) != Some(view.mark) {
            self.icon.set_icon(Some(image(view.mark)))?;
        }
        if old.map(|old| &old.status) != Some(&view.status) {
            self.status.set_text(&view.status)?;
        }
        if old.map(|old| &old.tooltip) != Some(&view.tooltip) {
            self.icon.set_tooltip(Some(&view.tooltip))?;
        }
        if old.map(|old| old.address.is_some()) != Some(view.address.is_some()) {
            self.copy_address.set_enabled(view.address.is_some())?;
        }
        self.shown = Some(view);
        Ok(())
    }
}

/// Keeps the tray in step with the gateway for as long as the app lives.
pub(crate) async fn follow(
    mut tray: Tray,
    host: Host,
    mut note: watch::Receiver<Option<String>>,
    phrases: &'static Phrases,
) {
    let mut state = host.watch();
    loop {
        let view = {
            let note = note.borrow_and_update();
            View::of(&state.borrow_and_update(), note.as_deref(), phrases)
        };
        if let Err(error) = tray.show(view) {
            tracing::warn!(%error, "the tray was not updated");
        }
        let ended = tokio::select! {
            changed = state.changed() => changed.is_err(),
            Ok(()) = note.changed() => false,
        };
        if ended || matches!(*state.borrow(), HostState::Stopped) {
            return;
        }
    }
}

/// Waits until the desktop has a tray, then puts the icon there.
pub(crate) async fn when_possible(app: &AppHandle, phrases: &Phrases) -> Tray {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        match Tray::build(app, phrases) {
            Ok(tray) => return tray,
            Err(error) => tracing::debug!(%error, "still no tray"),
        }
    }
}

fn on_click(app: &AppHandle, event: &TrayIconEvent) {
    if let TrayIconEvent::Click {
        button: MouseButton::Left,
        button_state: MouseButtonState::Up,
        ..
    } = event
    {
        window::open(app);
    }
}

fn image(mark: Mark) -> Image<'static> {
    match mark {
        Mark::Starting => include_image!("../icons/tray-starting.png"),
        Mark::Ready => include_image!("../icons/tray-ready.png"),
        Mark::Working => include_image!("../icons/tray-working.png"),
        Mark::Error => include_image!("../icons/tray-error.png"),
    }
}
