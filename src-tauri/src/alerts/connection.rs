//! Tells when a remote gateway is lost, and when it is back.

use tauri::{AppHandle, Manager as _};

use super::losses::{Link, Losses, News};
use super::{About, MAX_BODY, Open, show_note, take_back};
use crate::connection::{Mode, Wish};
use crate::host::{Host, HostState};
use crate::phrases::{Phrases, fill};
use crate::platform::Note;
use crate::settings::SettingsStore;
use crate::text::one_line;
use crate::window;
use crate::wire::Label;

/// Under which name the news of a loss is taken back.
const LOSS: &str = "connection";

/// Follows the connection for as long as the app lives.
pub(crate) async fn follow_connection(app: AppHandle, host: Host) {
    let settings = app.state::<SettingsStore>().inner().clone();
    let open = Open::default();
    let mut state = host.watch();
    let mut losses = Losses::default();
    let mut shown = false;
    loop {
        let (link, needs_person, stopped) = {
            let state = state.borrow_and_update();
            let link = Link::of(&state, host.target().mode);
            (link, matches!(*state, HostState::Failed(_)), matches!(*state, HostState::Stopped))
        };
        if stopped {
            return;
        }
        match losses.see(link, tokio::time::Instant::now()) {
            Some(News::Lost) => {
                let wanted = settings.current().notifications.connection;
                shown = wanted && !window::has_focus(&app, Label::Main);
                if shown {
                    let note = lost(&host.target(), needs_person, settings.phrases());
                    show_note(&app, note, About::Connection, Some((LOSS.to_owned(), open.clone())));
                }
            }
            Some(News::Stuck) => {
                let wanted = settings.current().notifications.connection;
                let note = stuck(&state.borrow(), host.target().mode, &settings);
                if let Some(note) = note.filter(|_| wanted && !window::has_focus(&app, Label::Main))
                {
                    show_note(&app, note, About::Connection, Some((LOSS.to_owned(), open.clone())));
                }
            }
            Some(News::Back) => {
                take_back(&open, LOSS);
                // Who was not told of the loss needs no news of its end.
                if std::mem::take(&mut shown) {
                    let note = back(&host.target(), settings.phrases());
                    show_note(&app, note, About::WebChat, None);
                }
            }
            // The person has turned elsewhere.
            None if link == Link::Off => take_back(&open, LOSS),
            None => {}
        }
        let changed = match losses.due() {
            Some(due) => tokio::time::timeout_at(due, state.changed()).await.unwrap_or(Ok(())),
            None => state.changed().await,
        };
        if changed.is_err() {
            return;
        }
    }
}

fn lost(target: &Wish, needs_person: bool, phrases: &Phrases) -> Note {
    let title =
        if target.mode == Mode::Ssh { phrases.tunnel_lost } else { phrases.connection_lost };
    let body = if needs_person { phrases.lost_act } else { phrases.lost_body };
    note(title, body, target, phrases)
}

/// Why it never came up; the rest is in the settings, which a click opens.
fn stuck(state: &HostState, mode: Mode, settings: &SettingsStore) -> Option<Note> {
    let HostState::Failed(failure) = state else { return None };
    let (phrases, said) = (settings.phrases(), failure.said.in_language(settings.language()));
    let title = if mode == Mode::Local { phrases.cannot_start } else { phrases.cannot_connect };
    let title = fill(title, &[""]);
    Some(Note {
        title: title.trim_end_matches([':', '\u{a0}', '\u{202f}', ' ']).to_owned(),
        body: one_line(&said.headline, MAX_BODY),
        action: phrases.open_webchat,
        buttons: Vec::new(),
    })
}

fn back(target: &Wish, phrases: &Phrases) -> Note {
    note(phrases.back, phrases.back_body, target, phrases)
}

fn note(title: &str, body: &str, target: &Wish, phrases: &Phrases) -> Note {
    Note {
        title: title.to_owned(),
        body: fill(body, &[target.place().unwrap_or_default()]),
        action: phrases.open_webchat,
        buttons: Vec::new(),
    }
}
