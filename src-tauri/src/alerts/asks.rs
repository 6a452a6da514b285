//! Tells when a machine on the way to the gateway asks something and nobody sees it.

use std::time::Duration;

use tauri::{AppHandle, Manager as _};

use super::{About, Open, show_note, take_back};
use crate::connection::asks::Asks;
use crate::phrases::{Phrases, fill};
use crate::platform::Note;
use crate::settings::SettingsStore;
use crate::window;
use crate::wire::Label;

/// The window opens for a question; one that is not seen by then is told of.
const PATIENCE: Duration = Duration::from_secs(3);
/// Under which name the notification is taken back.
const ASK: &str = "ask";

/// Follows the questions for as long as the app lives. However often a machine asks, it is told
/// once until the person has looked.
pub(crate) async fn follow_asks(app: AppHandle) {
    let settings = app.state::<SettingsStore>().inner().clone();
    let open = Open::default();
    let (mut asks, mut windows) = (app.state::<Asks>().watch(), window::watch(&app));
    let mut told = false;
    loop {
        let host = asks.borrow_and_update().first().map(|waiting| waiting.host.clone());
        let seen = windows.borrow_and_update().focused == Some(Label::Main);
        if seen || host.is_none() {
            take_back(&open, ASK);
        }
        told &= !seen;
        let unseen = host.filter(|_| !seen && !told);
        let ended = tokio::select! {
            () = tokio::time::sleep(PATIENCE), if unseen.is_some() => {
                told = true;
                if let Some(host) = unseen.filter(|_| settings.current().notifications.connection) {
                    let note = note(&host, settings.phrases());
                    show_note(&app, note, About::WebChat, Some((ASK.to_owned(), open.clone())));
                }
                false
            }
            changed = asks.changed() => changed.is_err(),
            changed = windows.changed() => changed.is_err(),
        };
        if ended {
            return;
        }
    }
}

fn note(host: &str, phrases: &Phrases) -> Note {
    Note {
        title: phrases.asks_title.to_owned(),
        body: fill(phrases.asks_body, &[host]),
        action: phrases.open_webchat,
        buttons: Vec::new(),
    }
}
