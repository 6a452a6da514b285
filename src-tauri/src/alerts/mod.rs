//! Notifications: what waits for a person and who asks something, answers that nobody is looking at, and a connection that
//! is lost.

mod asks;
mod connection;
mod losses;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tauri::{AppHandle, Manager};
use tokio::sync::{Semaphore, mpsc};

pub(crate) use self::asks::follow_asks;
pub(crate) use self::connection::follow_connection;
use crate::feed::{Approval, Decision, Feed, Moment, Pairing};
use crate::host::{Host, HostState};
use crate::phrases::{Phrases, fill};
use crate::platform::{Button, Here, Note, Platform};
use crate::settings::SettingsStore;
use crate::text::{is_shown_whole, one_line, without_marks};
use crate::wire::Label;
use crate::{show, tray, window};

/// Each notification on screen keeps a thread waiting for its click; more are not shown.
const MAX_SHOWN: usize = 16;
static SHOWN: Semaphore = Semaphore::const_new(MAX_SHOWN);

const MAX_BODY: usize = 120;
const MAX_COMMAND: usize = 200;
const MAX_TITLE: usize = 60;
const ALLOW_ONCE: &str = "allow-once";
const DENY: &str = "deny";

/// What a click on a notification is about.
#[derive(Clone)]
enum About {
    WebChat,
    Chat(String),
    Approval(String),
    /// The settings of the connection.
    Connection,
}

/// The notifications that may have to be taken back, by what they are about.
type Open = Arc<Mutex<HashMap<String, u32>>>;

/// Tells what happens at the gateway, as far as the person wants to hear it.
pub(crate) async fn follow_feed(app: AppHandle, mut moments: mpsc::Receiver<Moment>) {
    let open = Open::default();
    let settings = app.state::<SettingsStore>().inner().clone();
    while let Some(moment) = moments.recv().await {
        let (wanted, phrases) = (settings.current().notifications, settings.phrases());
        // The small prompt shows an answer, and neither what waits nor who knocks.
        let quiet = window::has_focus(&app, Label::Main);
        let any = quiet || window::has_focus(&app, Label::Quick);
        match moment {
            Moment::Answer { session, title, text } if wanted.answers && !any => {
                show_note(
                    &app,
                    answer(title.as_deref(), &text, phrases),
                    About::Chat(session),
                    None,
                );
            }
            Moment::Approval(approval) if wanted.approvals && !quiet => {
                let about = About::Approval(approval.id.clone());
                let take_back = Some((approval.id.clone(), open.clone()));
                show_note(&app, ask(&approval, phrases), about, take_back);
            }
            Moment::Pairing(pairing) if wanted.pairing && !quiet => {
                let take_back = Some((pairing.id.clone(), open.clone()));
                show_note(&app, knock(&pairing, phrases), About::WebChat, take_back);
            }
            Moment::ApprovalGone(id) | Moment::PairingGone(id) => take_back(&open, &id),
            // Whoever decided believes that it was taken.
            Moment::TooLate if wanted.approvals => {
                show_note(&app, too_late(phrases), About::WebChat, None);
            }
            Moment::Answer { .. } | Moment::Approval(_) | Moment::Pairing(_) | Moment::TooLate => {}
        }
    }
}

fn answer(title: Option<&str>, text: &str, phrases: &Phrases) -> Note {
    let title =
        title.map(|title| without_marks(title, MAX_TITLE)).filter(|title| !title.is_empty());
    Note {
        title: title.unwrap_or_else(|| "Clawdbot".to_owned()),
        body: without_marks(text, MAX_BODY),
        action: phrases.open_webchat,
        buttons: Vec::new(),
    }
}

fn ask(approval: &Approval, phrases: &'static Phrases) -> Note {
    let allow = Button { id: ALLOW_ONCE, label: phrases.allow_once };
    let deny = Button { id: DENY, label: phrases.deny };
    // What cannot be seen as a whole is not allowed from here.
    let whole = is_shown_whole(&approval.command, MAX_COMMAND);
    Note {
        title: phrases.approval_title.to_owned(),
        body: one_line(&approval.command, MAX_COMMAND),
        action: if whole { phrases.open_webchat } else { phrases.see_whole },
        buttons: if approval.allow_once && whole { vec![allow, deny] } else { vec![deny] },
    }
}

fn too_late(phrases: &Phrases) -> Note {
    Note {
        title: phrases.too_late_title.to_owned(),
        body: phrases.too_late_body.to_owned(),
        action: phrases.open_webchat,
        buttons: Vec::new(),
    }
}

fn knock(pairing: &Pairing, phrases: &Phrases) -> Note {
    let name = one_line(&pairing.name, MAX_TITLE);
    Note {
        title: phrases.pairing_title.to_owned(),
        body: fill(phrases.pairing_body, &[&name]),
        action: phrases.open_webchat,
        buttons: Vec::new(),
    }
}

/// Tells once per start of the gateway when another program has its port.
pub(crate) async fn follow_port(app: AppHandle, host: Host) {
    let settings = app.state::<SettingsStore>().inner().clone();
    let mut state = host.watch();
    let mut told = false;
    loop {
        let taken = match &*state.borrow_and_update() {
            HostState::Running(running) => running.port_taken.clone(),
            HostState::Stopped => return,
            _ => None,
        };
        if let Some(taken) = taken.as_ref().filter(|_| !told) {
            let phrases = settings.phrases();
            let note = Note {
                title: tray::port_taken(taken, phrases),
                body: phrases.port_hint.to_owned(),
                action: phrases.open_webchat,
                buttons: Vec::new(),
            };
            show_note(&app, note, About::WebChat, None);
        }
        told = taken.is_some();
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Tells that the app ends as soon as so many runs are done, which nothing else shows then.
pub(crate) fn ends_later(app: &AppHandle, runs: usize) {
    let phrases = app.state::<SettingsStore>().phrases();
    let title = match runs {
        1 => phrases.ends_one.to_owned(),
        runs => fill(phrases.ends_many, &[&runs.to_string()]),
    };
    let note = Note {
        title,
        body: phrases.ends_body.to_owned(),
        action: phrases.open_webchat,
        buttons: Vec::new(),
    };
    show_note(app, note, About::WebChat, None);
}

/// Shows a notification and does what its click asks for.
fn show_note(app: &AppHandle, note: Note, about: About, open: Option<(String, Open)>) {
    let Ok(permit) = SHOWN.try_acquire() else {
        tracing::debug!("too many notifications are open");
        return;
    };
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        let _permit = permit;
        let shown = |id| {
            if let Some((about, open)) = &open {
                held(open).insert(about.clone(), id);
            }
        };
        let clicked = Here::notify(&note, shown);
        if let Some((about, open)) = &open {
            held(open).remove(about);
        }
        match clicked {
            Ok(Some(button)) => act(&app, &button, about),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the notification was not shown"),
        }
    });
}

fn act(app: &AppHandle, button: &str, about: About) {
    match (button, about) {
        (ALLOW_ONCE, About::Approval(id)) => app.state::<Feed>().decide(Decision::AllowOnce(id)),
        (DENY, About::Approval(id)) => app.state::<Feed>().decide(Decision::Deny(id)),
        (_, About::Chat(session)) => show::chat(app, &session),
        (_, About::Connection) => {
            show::page(app, show::Page::Settings, serde_json::json!({"section": "connection"}));
        }
        (_, About::WebChat | About::Approval(_)) => window::open(app),
    }
}

/// What was decided elsewhere asks no longer.
fn take_back(open: &Open, about: &str) {
    let Some(id) = held(open).remove(about) else { return };
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = Here::take_back(id) {
            tracing::debug!(%error, "the notification stays until it is closed");
        }
    });
}

fn held(open: &Open) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Language;

    #[test]
    fn only_a_command_that_is_seen_whole_is_allowed_in_a_notification_exe_07() {
        let phrases = Phrases::of(Language::En);
        let buttons = |command: &str| {
            let approval = Approval { id: "a".into(), command: command.into(), allow_once: true };
            ask(&approval, phrases).buttons.into_iter().map(|button| button.id).collect::<Vec<_>>()
        };
        assert_eq!(buttons("make install"), [ALLOW_ONCE, DENY]);
        let tail = format!("echo {}; rm -rf ~", "a".repeat(MAX_COMMAND));
        for command in [tail.as_str(), "ls\nrm -rf ~", "rm\u{200b} x"] {
            assert_eq!(buttons(command), [DENY], "{command:?}");
        }
    }
}
