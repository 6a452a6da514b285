//! The window process: the same program, started again by the app for as long as a window is open.
//!
//! It shows pages and carries what they ask for to the app over standard input and output. It keeps
//! no state but the size of the windows, and ends with the app, whatever that ended of.

mod calls;
mod closing;
mod crash;
mod guard;
mod line;
mod media;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tauri::webview::NewWindowResponse;
use tauri::{
    AppHandle, CloseRequestApi, Manager, RunEvent, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    Window, WindowEvent,
};
use tauri_plugin_window_state::StateFlags;

use self::line::Line;
use crate::links;
use crate::platform::{Here, Platform};
use crate::settings::Language;
use crate::wire::{FromWindow, Label};

/// What the app starts this program with to get its windows.
pub(crate) const ARGUMENT: &str = "--window-process";

/// Where the pages come from.
const ORIGIN: &str = if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };
/// What is remembered about the window between two openings.
const REMEMBERED: StateFlags =
    StateFlags::SIZE.union(StateFlags::POSITION).union(StateFlags::MAXIMIZED);

const SIZE: (f64, f64) = (900.0, 700.0);
const MIN_SIZE: (f64, f64) = (360.0, 420.0);
const QUICK_SIZE: (f64, f64) = (600.0, 260.0);

/// Tells once that the page has drawn itself. Nothing is drawn while nobody could see it.
const REPORT_PAINT: &str = "addEventListener('load',()=>{\
    const tell=()=>__TAURI_INTERNALS__.invoke('page_painted');\
    if(document.hidden)tell();else requestAnimationFrame(()=>requestAnimationFrame(tell))})";

/// What happens to each window.
#[derive(Default)]
struct Windows {
    /// In here from the close button until the web view is gone; opening again takes it back.
    closing: Mutex<HashSet<String>>,
    /// The last window is gone and this process ends; whoever wants another one gets a new process.
    ending: AtomicBool,
    opening: Mutex<()>,
}

impl Windows {
    fn closing(&self) -> MutexGuard<'_, HashSet<String>> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows windows until the last one is closed, or until the app ends.
pub(crate) fn run() -> anyhow::Result<()> {
    let pipe = line::take_over()?;
    let app = tauri::Builder::default()
        .plugin(
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(REMEMBERED)
                .with_denylist(&[Label::Quick.as_str()])
                .build(),
        )
        .manage(Windows::default())
        .manage(Line::to(pipe))
        .register_asynchronous_uri_scheme_protocol(media::SCHEME, media::serve)
        .invoke_handler(calls::on_invoke)
        .on_window_event(on_event)
        .setup(|app| {
            // Where the window was is kept there.
            Here::private_dir(&app.path().app_config_dir()?)?;
            catch_signals(app.handle().clone());
            line::listen(app.handle().clone());
            Ok(())
        })
        .build(crate::app::context())?;
    app.run(|_app, event| {
        // Whether the last window is gone is decided where windows are made and closed.
        if let RunEvent::ExitRequested { code: None, api, .. } = event {
            api.prevent_exit();
        }
    });
    Ok(())
}

/// Lets the pages save what was typed, then ends.
fn close_all(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        for window in app.webview_windows().into_values() {
            closing::close(window).await;
        }
        closing::all_gone(&app).await;
        app.exit(0);
    });
}

fn catch_signals(app: AppHandle) {
    let caught = tauri::async_runtime::block_on(async {
        let signal = Here::end_requested()?;
        tauri::async_runtime::spawn(async move {
            signal.await;
            close_all(&app);
        });
        Ok::<(), std::io::Error>(())
    });
    if let Err(error) = caught {
        tracing::warn!(%error, "signals cannot be caught");
    }
}

/// Brings a window to the front, making it if there is none.
fn show(app: &AppHandle, label: Label, language: Language) {
    let app = app.clone();
    // Making a window waits for the main thread.
    tauri::async_runtime::spawn_blocking(move || match show_now(&app, label, language) {
        Ok(true) => shown(&app, label),
        Ok(false) => {}
        Err(error) => {
            tracing::error!(%error, "the window did not open");
            app.exit(1);
        }
    });
}

/// Says that a window is there. What happened to a new one before its events were listened to is
/// found out by asking.
fn shown(app: &AppHandle, label: Label) {
    let (line, state) = (app.state::<Line>(), app.state::<Windows>());
    line.say(&FromWindow::Shown { label });
    let _one_at_a_time = state.opening.lock().unwrap_or_else(PoisonError::into_inner);
    match app.get_webview_window(label.as_str()).map(|window| window.is_focused()) {
        Some(Ok(focused)) => line.say(&FromWindow::Focus { label, focused }),
        // Closed, which Tauri did not notice either: it would bring back a window that is gone.
        Some(Err(_)) => {
            state.ending.store(true, Ordering::Relaxed);
            close_all(app);
        }
        None => {}
    }
}

/// False when it is too late for a window in this process.
fn show_now(app: &AppHandle, label: Label, language: Language) -> tauri::Result<bool> {
    let state = app.state::<Windows>();
    let _one_at_a_time = state.opening.lock().unwrap_or_else(PoisonError::into_inner);
    if state.ending.load(Ordering::Relaxed) {
        return Ok(false);
    }
    state.closing().remove(label.as_str());
    let Some(window) = app.get_webview_window(label.as_str()) else {
        crash::watch(&build(app, label, language)?, label)?;
        return Ok(true);
    };
    window.unminimize()?;
    window.show()?;
    window.set_focus()?;
    Ok(true)
}

fn build(app: &AppHandle, label: Label, language: Language) -> tauri::Result<WebviewWindow> {
    let dev_url = if tauri::is_dev() { app.config().build.dev_url.clone() } else { None };
    let builder = match label {
        Label::Main => WebviewWindowBuilder::new(app, label.as_str(), WebviewUrl::default())
            .title("Clawdbot")
            .inner_size(SIZE.0, SIZE.1)
            .min_inner_size(MIN_SIZE.0, MIN_SIZE.1),
        Label::Quick => {
            let page = WebviewUrl::App("quick.html".into());
            WebviewWindowBuilder::new(app, label.as_str(), page)
                .title("Clawdbot quick chat")
                .inner_size(QUICK_SIZE.0, QUICK_SIZE.1)
                .center()
                .decorations(false)
                .always_on_top(true)
                .skip_taskbar(true)
                // It is in the person's language.
                .on_document_title_changed(|window, title| {
                    let _ = window.set_title(&title);
                })
        }
    };
    builder
        .data_directory(data_directory(app)?)
        .devtools(cfg!(debug_assertions))
        .initialization_script(REPORT_PAINT)
        // So that the first words are in the app's language, whatever the system's is.
        .initialization_script(format!("__CLAWDBOT_LANGUAGE__='{}'", language.as_str()))
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

/// Follows what happens to the windows.
fn on_event(window: &Window, event: &WindowEvent) {
    let Some(label) = Label::parse(window.label()) else { return };
    let line = window.state::<Line>();
    match event {
        WindowEvent::CloseRequested { api, .. } => close_requested(window, api),
        WindowEvent::Focused(focused) => {
            line.say(&FromWindow::Focus { label, focused: *focused });
        }
        WindowEvent::Destroyed => line.say(&FromWindow::Gone { label }),
        _ => {}
    }
}

fn close_requested(window: &Window, api: &CloseRequestApi) {
    // Otherwise the window would be destroyed, its page unsaved, and perhaps while it is being made.
    api.prevent_close();
    let (app, label) = (window.app_handle().clone(), window.label().to_owned());
    tauri::async_runtime::spawn(async move { closing::close_when_made(&app, label).await });
}
