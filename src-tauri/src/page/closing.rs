//! Closing: the window is gone at once, the page gets the time to save, then the web view is freed.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tauri::{AppHandle, Manager, WebviewWindow};
use tauri_plugin_window_state::AppHandleExt;
use tokio::sync::oneshot;

use super::{REMEMBERED, Windows};

/// A page saves its draft on `pagehide`, which destroying the web view does not send.
const SAVE_PAGE: &str = "dispatchEvent(new Event('pagehide'));0";
/// How long a closing page may take to answer that, and then to write.
const SAVE_LIMIT: Duration = Duration::from_millis(400);
const WRITE_TIME: Duration = Duration::from_millis(100);
/// The main thread removes a destroyed window a little later.
const GONE_CHECK: Duration = Duration::from_millis(5);
const GONE_CHECKS: u32 = 200;

/// Closes a window that somebody may be making just now.
pub(super) async fn close_when_made(app: &AppHandle, label: String) {
    let made = app.clone();
    let window = tauri::async_runtime::spawn_blocking(move || {
        let state = made.state::<Windows>();
        let _one_at_a_time = state.opening.lock().unwrap_or_else(PoisonError::into_inner);
        made.get_webview_window(&label)
    });
    if let Ok(Some(window)) = window.await {
        close(window).await;
    }
}

/// Hides the window at once, lets the page save, then frees the web view.
pub(super) async fn close(window: WebviewWindow) {
    let app = window.app_handle();
    if !app.state::<Windows>().closing().insert(window.label().to_owned()) {
        return;
    }
    remember_place(app);
    let _ = window.hide();
    save_page(&window).await;
    let app = app.clone();
    let freed = tauri::async_runtime::spawn_blocking(move || free(&app, &window)).await;
    if let Err(error) = freed {
        tracing::error!(%error, "closing the window stopped half way");
    }
}

/// Destroys the window unless it was opened again. Whoever opens meanwhile waits until it is
/// really gone, and then gets a new one.
fn free(app: &AppHandle, window: &WebviewWindow) {
    let state = app.state::<Windows>();
    let _one_at_a_time = state.opening.lock().unwrap_or_else(PoisonError::into_inner);
    if !state.closing().remove(window.label()) {
        return;
    }
    if let Err(error) = window.destroy() {
        tracing::warn!(%error, "the web view was not freed");
        return;
    }
    for _ in 0..GONE_CHECKS {
        if app.get_webview_window(window.label()).is_none() {
            return end_with_the_last(app, &state);
        }
        std::thread::sleep(GONE_CHECK);
    }
    tracing::warn!("the web view is slow to go");
}

/// Without a window this process has nothing to do.
fn end_with_the_last(app: &AppHandle, state: &Windows) {
    if app.webview_windows().is_empty() {
        state.ending.store(true, Ordering::Relaxed);
        app.exit(0);
    }
}

/// Waits for windows whose closing began elsewhere, as long as that may take.
pub(super) async fn all_gone(app: &AppHandle) {
    for _ in 0..GONE_CHECKS {
        if app.webview_windows().is_empty() {
            return;
        }
        tokio::time::sleep(GONE_CHECK).await;
    }
}

/// On the main thread, because the plugin holds a lock there that this would wait for.
fn remember_place(app: &AppHandle) {
    let main = app.clone();
    let asked = app.run_on_main_thread(move || {
        if let Err(error) = main.save_window_state(REMEMBERED) {
            tracing::warn!(%error, "window size and position not saved");
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "window size and position not saved");
    }
}

async fn save_page(window: &WebviewWindow) {
    let (done, saved) = oneshot::channel();
    let done = Mutex::new(Some(done));
    let asked = window.eval_with_callback(SAVE_PAGE, move |_| {
        if let Some(done) = done.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = done.send(());
        }
    });
    if asked.is_ok() && tokio::time::timeout(SAVE_LIMIT, saved).await.is_ok() {
        tokio::time::sleep(WRITE_TIME).await;
    }
}
