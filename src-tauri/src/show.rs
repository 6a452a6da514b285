//! Where the page is sent from outside: by the tray, a notification or a link.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tauri::{AppHandle, Emitter, Manager, State};

use crate::window;

/// A place in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Page {
    Chat,
    Settings,
    Diagnostics,
    Link,
}

/// The event and what the page takes when it has loaded.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Show {
    page: Page,
    #[serde(skip_serializing_if = "Value::is_null")]
    detail: Value,
}

/// What waits for a page that is still loading.
#[derive(Default)]
pub(crate) struct Waiting {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The page has asked once, so it hears events from now on.
    listening: bool,
    show: Option<Show>,
}

/// Opens the window there; `detail` is for the page.
pub(crate) fn page(app: &AppHandle, page: Page, detail: Value) {
    let show = Show { page, detail };
    let waiting = app.state::<Waiting>();
    let listening = {
        let mut inner = waiting.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.listening {
            inner.show = Some(show.clone());
        }
        inner.listening
    };
    if listening && let Err(error) = app.emit("show", show) {
        tracing::warn!(%error, "the page was not told where to go");
    }
    window::open(app);
}

/// A conversation in the window.
pub(crate) fn chat(app: &AppHandle, session: &str) {
    page(app, Page::Chat, serde_json::json!({ "sessionKey": session }));
}

/// What the page that has just loaded is to show, once.
pub(crate) fn show_take(waiting: &State<'_, Waiting>) -> Option<Show> {
    let mut inner = waiting.inner.lock().unwrap_or_else(PoisonError::into_inner);
    inner.listening = true;
    inner.show.take()
}

/// The page is gone; the next one has to ask again.
pub(crate) fn page_gone(app: &AppHandle) {
    let waiting = app.state::<Waiting>();
    waiting.inner.lock().unwrap_or_else(PoisonError::into_inner).listening = false;
}
