//! Notifications: an answer that nobody is looking at, and a port that is taken.

mod answers;
mod text;

use tauri::AppHandle;
use tokio::sync::Semaphore;

pub(crate) use self::answers::follow as follow_answers;
use crate::host::{Host, HostState};
use crate::phrases::Phrases;
use crate::platform::{Here, Note, Platform};
use crate::{tray, window};

/// Each notification on screen keeps a thread waiting for its click; more are not shown.
const MAX_SHOWN: usize = 16;
static SHOWN: Semaphore = Semaphore::const_new(MAX_SHOWN);

/// Tells once per start of the gateway when another program has its port.
pub(crate) async fn follow_port(app: AppHandle, host: Host, phrases: &'static Phrases) {
    let mut state = host.watch();
    let mut told = false;
    loop {
        let taken = match &*state.borrow_and_update() {
            HostState::Running(running) => running.port_taken.clone(),
            HostState::Stopped => return,
            _ => None,
        };
        if let Some(taken) = taken.as_ref().filter(|_| !told) {
            show(
                &app,
                Note {
                    title: tray::port_taken(taken, phrases),
                    body: phrases.port_hint.to_owned(),
                    action: phrases.open_webchat,
                },
            );
        }
        told = taken.is_some();
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Shows a notification; a click on it opens WebChat.
fn show(app: &AppHandle, note: Note) {
    let Ok(permit) = SHOWN.try_acquire() else {
        tracing::debug!("too many notifications are open");
        return;
    };
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        let _permit = permit;
        match Here::notify(&note) {
            Ok(true) => window::open(&app),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the notification was not shown"),
        }
    });
}
