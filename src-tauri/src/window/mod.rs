//! The windows, as the app sees them: they live in a process of their own, made on demand and gone
//! with the last window, so that a closed window costs no memory and a web view that breaks takes
//! nothing with it. Pages keep their session, draft and place in their own storage.

mod channel;
mod process;
mod render;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clawdbot_gateway::memory;
use serde_json::value::RawValue;
use tauri::{AppHandle, Listener, Manager};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use self::channel::PageChannel;
use self::process::Actor;
use crate::wire::Label;

/// The events of the app that pages may hear; `emit` sends them.
const EVENTS: [&str; 5] = ["connection", "settings", "ask", "ask-gone", "show"];
/// Orders that wait; nobody clicks faster.
const ORDERS: usize = 32;

/// A cheap handle to the windows.
#[derive(Clone)]
pub(crate) struct Windows {
    orders: mpsc::Sender<Order>,
    seen: watch::Receiver<Seen>,
    /// The app ends with its last window, because nothing else could end it.
    end_with_last: Arc<AtomicBool>,
}

/// What is known about the windows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) open: Vec<Label>,
    pub(crate) focused: Option<Label>,
}

enum Order {
    Show(Label),
    Event(&'static str, Box<RawValue>),
    Close(oneshot::Sender<()>),
}

/// Makes ready for windows; there is none yet.
pub(crate) fn prepare(app: &AppHandle) {
    let (orders, inbox) = mpsc::channel(ORDERS);
    let (seen, watched) = watch::channel(Seen::default());
    tauri::async_runtime::spawn(rest(watched.clone()));
    let end_with_last = Arc::default();
    app.manage(Windows { orders: orders.clone(), seen: watched, end_with_last });
    tauri::async_runtime::spawn(Actor::new(app.clone(), inbox, seen).run());
    for name in EVENTS {
        let orders = orders.clone();
        app.listen_any(name, move |event| {
            let Ok(payload) = RawValue::from_string(event.payload().to_owned()) else { return };
            if orders.try_send(Order::Event(name, payload)).is_err() {
                tracing::warn!(name, "the pages were not told");
            }
        });
    }
}

/// Whether the app ends with its last window from now on.
pub(crate) fn end_with_last(app: &AppHandle, ends: bool) {
    if let Some(windows) = app.try_state::<Windows>() {
        windows.end_with_last.store(ends, Ordering::Relaxed);
    }
}

/// Whether it would end now.
pub(crate) fn was_last(app: &AppHandle) -> bool {
    app.try_state::<Windows>().is_some_and(|windows| {
        windows.end_with_last.load(Ordering::Relaxed)
            && !windows.seen.borrow().open.contains(&Label::Main)
    })
}

/// Follows what is known about the windows.
pub(crate) fn watch(app: &AppHandle) -> watch::Receiver<Seen> {
    app.state::<Windows>().seen.clone()
}

/// Waits until WebChat is open.
pub(crate) async fn opened(app: &AppHandle) {
    let mut seen = watch(app);
    let _ = seen.wait_for(|seen| seen.open.contains(&Label::Main)).await;
}

/// Keeps the app small while there is no window.
async fn rest(mut seen: watch::Receiver<Seen>) {
    while seen.wait_for(|seen| seen.open.is_empty()).await.is_ok() {
        let changed = tokio::select! {
            () = memory::give_back_when_calm() => seen.changed().await,
            changed = seen.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Brings WebChat to the front, making the window if there is none.
pub(crate) fn open(app: &AppHandle) {
    show(app, Label::Main);
}

/// Brings the small prompt to the front, making it if there is none.
pub(crate) fn open_quick(app: &AppHandle) {
    show(app, Label::Quick);
}

fn show(app: &AppHandle, label: Label) {
    let Some(windows) = app.try_state::<Windows>() else { return };
    if windows.orders.try_send(Order::Show(label)).is_err() {
        tracing::warn!("the window did not open, because the app is quitting or very busy");
    }
}

/// True while the person is looking at that window.
pub(crate) fn has_focus(app: &AppHandle, label: Label) -> bool {
    app.try_state::<Windows>().is_some_and(|windows| windows.seen.borrow().focused == Some(label))
}

/// Closes every window in the usual way, so that nothing typed is lost.
pub(crate) async fn close_all(app: &AppHandle) {
    let Some(windows) = app.try_state::<Windows>() else { return };
    let (done, closed) = oneshot::channel();
    if windows.orders.send(Order::Close(done)).await.is_ok() {
        let _ = closed.await;
    }
}
