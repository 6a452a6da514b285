//! The WebChat window: made on demand, destroyed when closed, so that a closed window
//! costs no memory. The page keeps its session, draft and place in its own storage.

mod closing;
mod guard;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tauri::webview::NewWindowResponse;
use tauri::{
    AppHandle, CloseRequestApi, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Window,
    WindowEvent,
};
use tauri_plugin_window_state::StateFlags;

pub(crate) use self::closing::close;
use crate::bridge::Bridge;
use crate::links;
use crate::platform::{Here, Platform};

/// The only window's label; the capability file names it too.
pub(crate) const MAIN: &str = "main";
/// Where its page comes from.
pub(crate) const ORIGIN: &str =
    if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };
/// What is remembered about the window between two openings.
pub(crate) const REMEMBERED: StateFlags =
    StateFlags::SIZE.union(StateFlags::POSITION).union(StateFlags::MAXIMIZED);

const SIZE: (f64, f64) = (900.0, 700.0);
const MIN_SIZE: (f64, f64) = (360.0, 420.0);

/// The shell plugin puts a script into every page that takes links for new windows away from
/// the page and then is not allowed to open them. Without a target it leaves them alone, and the
/// guard below sees them.
const LINKS_STAY_OURS: &str =
    "addEventListener('click',e=>e.target.closest?.('a[target]')?.removeAttribute('target'),true)";

/// What the rest of the app asks about the window.
#[derive(Default)]
pub(crate) struct WindowState {
    /// Set from the close button until the web view is gone; opening again takes it back.
    closing: AtomicBool,
    opening: Mutex<()>,
}

/// True while the person is looking at the window. Asks the main thread.
pub(crate) fn is_focused(app: &AppHandle) -> bool {
    app.get_webview_window(MAIN).is_some_and(|window| window.is_focused().unwrap_or_default())
}

/// Brings WebChat to the front, making the window if there is none.
pub(crate) fn open(app: &AppHandle) {
    let app = app.clone();
    // Making a window waits for the main thread, where this may have been called.
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = show(&app) {
            tracing::error!(%error, "the window did not open");
        }
    });
}

fn show(app: &AppHandle) -> tauri::Result<()> {
    let state = app.state::<WindowState>();
    let _one_at_a_time = state.opening.lock().unwrap_or_else(PoisonError::into_inner);
    state.closing.store(false, Ordering::Relaxed);
    let Some(window) = app.get_webview_window(MAIN) else {
        return build(app).map(drop);
    };
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

fn build(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let dev_url = if tauri::is_dev() { app.config().build.dev_url.clone() } else { None };
    WebviewWindowBuilder::new(app, MAIN, WebviewUrl::default())
        .title("Clawdbot")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .data_directory(data_directory(app)?)
        .devtools(cfg!(debug_assertions))
        .initialization_script(LINKS_STAY_OURS)
        // Otherwise the native layer swallows files dropped on the page.
        .disable_drag_drop_handler()
        .on_navigation(move |url| guard::stays_here(url, dev_url.as_ref()))
        .on_new_window(|url, _features| {
            links::open_in_background(url.as_str());
            NewWindowResponse::Deny
        })
        .build()
}

fn data_directory(app: &AppHandle) -> tauri::Result<PathBuf> {
    let directory = app.path().app_local_data_dir()?.join("webview");
    // Drafts are in there.
    Here::private_dir(&directory)?;
    Ok(directory)
}

/// Follows what happens to the window.
pub(crate) fn on_event(window: &Window, event: &WindowEvent) {
    match event {
        WindowEvent::CloseRequested { api, .. } => close_requested(window, api),
        WindowEvent::Destroyed => window.state::<Bridge>().close(),
        _ => {}
    }
}

fn close_requested(window: &Window, api: &CloseRequestApi) {
    let Some(webview) = window.get_webview_window(window.label()) else {
        return;
    };
    api.prevent_close();
    tauri::async_runtime::spawn(close(webview));
}
