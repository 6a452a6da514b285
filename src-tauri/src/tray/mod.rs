//! The icon in the desktop's tray and its menu.

mod actions;
mod menu;
mod view;
mod way;

use std::time::Duration;

use tauri::async_runtime::spawn_blocking;
use tauri::image::Image;
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, include_image};
use tokio::sync::watch;

pub(crate) use self::actions::browser_address;
pub(crate) use self::view::port_taken;
use self::view::{Inputs, Mark, View};
use crate::connection::Wish;
use crate::connection::asks::Waiting;
use crate::feed::{Feed, Now};
use crate::host::{Host, HostState};
use crate::settings::{Language, SettingsStore};
use crate::sidecar::SidecarError;
use crate::{login, window};

const ID: &str = "clawdbot";
/// A panel may start after the app; this is how often it is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Pause after each change. Nobody reads faster, and a panel has to draw whatever it is told.
const PACE: Duration = Duration::from_millis(100);

/// The tray icon and what it shows.
pub(crate) struct Tray {
    app: AppHandle,
    icon: TrayIcon,
    shown: Option<View>,
}

/// What the tray follows.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) host: Host,
    pub(crate) feed: Feed,
    pub(crate) settings: SettingsStore,
    /// Something for the tooltip.
    pub(crate) note: watch::Receiver<Option<SidecarError>>,
    /// Questions on the way to the gateway.
    pub(crate) asks: watch::Receiver<Vec<Waiting>>,
}

impl Tray {
    /// Puts the icon into the tray. Fails while the desktop has no tray.
    pub(crate) fn build(app: &AppHandle, language: Language) -> tauri::Result<Self> {
        let (state, target, now) = (HostState::Starting, Wish::default(), Now::default());
        let starts_at_login = login::is_on(app);
        let (state, target, now) = (&state, &target, &now);
        let inputs = Inputs { state, target, now, asks: false, note: None, starts_at_login };
        let view = View::of(&inputs, language);
        let icon = TrayIconBuilder::with_id(ID)
            .title("Clawdbot")
            .icon(image(view.mark))
            .tooltip(&view.tooltip)
            .menu(&menu::build(app, &view.menu)?)
            .show_menu_on_left_click(false)
            .on_menu_event(|app, event| actions::on_menu(app, event.id().as_ref()))
            .on_tray_icon_event(|tray, event| on_click(tray.app_handle(), &event))
            .build(app)?;
        Ok(Self { app: app.clone(), icon, shown: Some(view) })
    }

    /// Shows a state; touches only what differs from the last one.
    fn show(&mut self, view: View) -> tauri::Result<()> {
        let old = self.shown.as_ref();
        if old.map(|old| old.mark) != Some(view.mark) {
            self.icon.set_icon(Some(image(view.mark)))?;
        }
        if old.map(|old| &old.menu) != Some(&view.menu) {
            self.icon.set_menu(Some(menu::build(&self.app, &view.menu)?))?;
        }
        if old.map(|old| &old.tooltip) != Some(&view.tooltip) {
            self.icon.set_tooltip(Some(&view.tooltip))?;
        }
        self.shown = Some(view);
        Ok(())
    }
}

/// Keeps the tray in step with everything for as long as the app lives.
pub(crate) async fn follow(mut tray: Tray, mut sources: Sources) {
    let mut state = sources.host.watch();
    let mut now = sources.feed.watch();
    let mut settings = sources.settings.watch();
    loop {
        let starts_at_login = login::is_on(&tray.app);
        let language = sources.settings.language();
        let note = sources.note.borrow_and_update().as_ref().map(|note| note.sentence(language));
        let view = View::of(
            &Inputs {
                state: &state.borrow_and_update(),
                target: &sources.host.target(),
                now: &now.borrow_and_update(),
                asks: !sources.asks.borrow_and_update().is_empty(),
                note: note.as_deref(),
                starts_at_login,
            },
            language,
        );
        // It waits for the main thread, which waits for the gateway when the app ends: nobody else
        // may have to wait for this one.
        let showing = spawn_blocking(move || {
            let shown = tray.show(view);
            (tray, shown)
        });
        let Ok((back, shown)) = showing.await else { return };
        tray = back;
        if let Err(error) = shown {
            tracing::warn!(%error, "the tray was not updated");
        }
        let ended = tokio::select! {
            changed = state.changed() => changed.is_err(),
            Ok(()) = now.changed() => false,
            Ok(()) = sources.note.changed() => false,
            Ok(()) = sources.asks.changed() => false,
            Ok(()) = settings.changed() => {
                // The desktop ticked an entry by itself: show everything anew.
                tray.shown = None;
                false
            }
        };
        if ended || matches!(*state.borrow(), HostState::Stopped) {
            return;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Waits until the desktop has a tray, then puts the icon there.
pub(crate) async fn when_possible(app: &AppHandle, settings: &SettingsStore) -> Tray {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        // As above: it waits for the main thread.
        let (app, language) = (app.clone(), settings.language());
        match spawn_blocking(move || Tray::build(&app, language)).await {
            Ok(Ok(tray)) => return tray,
            Ok(Err(error)) => tracing::debug!(%error, "still no tray"),
            Err(error) => tracing::warn!(%error, "looking for a tray failed"),
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
        Mark::Waiting => include_image!("../icons/tray-waiting.png"),
        Mark::Paused => include_image!("../icons/tray-paused.png"),
        Mark::Away => include_image!("../icons/tray-away.png"),
        Mark::Error => include_image!("../icons/tray-error.png"),
    }
}
