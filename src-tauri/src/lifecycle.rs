//! How the app ends: by its menu, by a signal, and by closing the window only where nothing else
//! could end it.

use std::time::Duration;

use tauri::{AppHandle, Manager, RunEvent};
use tracing_appender::non_blocking::WorkerGuard;

use crate::host::Host;
use crate::platform::{Here, Platform};
use crate::{alerts, window};

/// Runs have two seconds of grace; this covers the writing after it.
const STOP_LIMIT: Duration = Duration::from_secs(6);

/// Closes the window in the usual way, so that nothing typed is lost, then exits with 0.
pub(crate) fn quit(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        window::close_all(&app).await;
        app.exit(0);
    });
}

/// Quits if there is no other way to do so, once all that is under way is done. A window or a tray
/// that appears meanwhile keeps the app.
pub(crate) fn last_window_gone(app: &AppHandle) {
    if !window::was_last(app) {
        return;
    }
    let mut state = app.state::<Host>().watch();
    let runs = state.borrow().runs_here();
    if runs == 0 {
        return quit(app);
    }
    alerts::ends_later(app, runs);
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let done = async {
            let _ = state.wait_for(|state| state.runs_here() == 0).await;
        };
        tokio::select! {
            () = done => {}
            () = window::opened(&app) => return,
        }
        if window::was_last(&app) {
            quit(&app);
        }
    });
}

/// From now on quits when the session or a terminal asks for it, instead of being killed.
pub(crate) fn catch_signals(app: AppHandle) {
    let caught = tauri::async_runtime::block_on(async {
        let signal = Here::end_requested()?;
        tauri::async_runtime::spawn(async move {
            let signal = signal.await;
            tracing::info!(signal, "asked to end");
            quit(&app);
        });
        Ok::<(), std::io::Error>(())
    });
    if let Err(error) = caught {
        tracing::error!(%error, "signals cannot be caught; use Quit in the menu");
    }
}

/// The event loop's own moments.
///
/// The log's guard ends with the gateway, because nothing after the loop is ever run.
pub(crate) fn on_run_event(app: &AppHandle, event: &RunEvent, log: &mut Option<WorkerGuard>) {
    match event {
        // Without a code it is only the last window that went away.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        // Elsewhere a link is an argument of a second start.
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => {
            for url in urls {
                crate::outside::propose(app, url.as_str());
            }
        }
        RunEvent::Exit => {
            stop_gateway(app);
            *log = None;
        }
        _ => {}
    }
}

fn stop_gateway(app: &AppHandle) {
    let Some(host) = app.try_state::<Host>() else {
        return;
    };
    let stopped = tauri::async_runtime::block_on(async {
        tokio::time::timeout(STOP_LIMIT, host.stop()).await
    });
    if stopped.is_err() {
        tracing::error!("the gateway did not stop in time");
    }
}
