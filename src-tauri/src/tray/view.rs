//! What the tray shows for a state of the gateway: pure, so that it can be tested.

use std::net::SocketAddr;

use crate::host::{HostState, PortTaken, Running};
use crate::phrases::{Phrases, fill};
use crate::platform::{Here, Platform};
use clawdbot_gateway::{Holder, Phase};

/// Menus cut long lines in ugly ways; the window and the log have the whole text.
const MAX_STATUS: usize = 90;

/// The four icons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Starting,
    Ready,
    Working,
    Error,
}

/// Everything of the tray that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) mark: Mark,
    /// The first line of the menu.
    pub(crate) status: String,
    pub(crate) tooltip: String,
    /// Where a browser finds WebChat.
    pub(crate) address: Option<SocketAddr>,
}

impl View {
    pub(crate) fn of(state: &HostState, note: Option<&str>, phrases: &Phrases) -> Self {
        let (mark, status, address) = match state {
            HostState::Starting => (Mark::Starting, phrases.starting.to_owned(), None),
            HostState::Stopped => (Mark::Starting, phrases.stopping.to_owned(), None),
            HostState::Running(running) => of_running(running, phrases),
            HostState::Failed(failure) => {
                (Mark::Error, fill(phrases.cannot_start, &[&failure.headline]), None)
            }
        };
        let status = one_line(&status);
        let mut tooltip = format!("{}{status}", Here::TOOLTIP_START);
        if let Some(note) = note {
            tooltip.push('\n');
            tooltip.push_str(note);
        }
        Self { mark, status, tooltip, address }
    }
}

fn of_running(running: &Running, phrases: &Phrases) -> (Mark, String, Option<SocketAddr>) {
    let address = running.status.address;
    let (mark, status) = match (running.status.phase, &running.port_taken) {
        (Phase::Stopping, _) => (Mark::Starting, phrases.stopping.to_owned()),
        (Phase::Working, None) => (Mark::Working, working(running.status.active_runs, phrases)),
        (Phase::Working, Some(taken)) => (Mark::Working, port_taken(taken, phrases)),
        (Phase::Ready, Some(taken)) => (Mark::Error, port_taken(taken, phrases)),
        (Phase::Ready, None) => (Mark::Ready, ready(address, phrases)),
    };
    (mark, status, address)
}

fn ready(address: Option<SocketAddr>, phrases: &Phrases) -> String {
    address.map_or_else(
        || phrases.ready_no_port.to_owned(),
        |address| fill(phrases.ready, &[&address.to_string()]),
    )
}

fn working(runs: usize, phrases: &Phrases) -> String {
    if runs <= 1 {
        phrases.working_one.to_owned()
    } else {
        fill(phrases.working_many, &[&runs.to_string()])
    }
}

/// Names the program that has the port, as far as it is known.
pub(crate) fn port_taken(taken: &PortTaken, phrases: &Phrases) -> String {
    let port = taken.port.to_string();
    match &taken.holder {
        Some(Holder { pid, name, .. }) => {
            fill(phrases.port_taken_by, &[&port, name, &pid.to_string()])
        }
        None => fill(phrases.port_taken, &[&port]),
    }
}

/// A status is one line without control characters, whatever an error says.
fn one_line(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_STATUS + 1).collect();
    match clean.char_indices().nth(MAX_STATUS) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, View, one_line};
    use crate::host::{Failure, HostState};
    use crate::phrases::Phrases;

    fn view(state: &HostState) -> View {
        View::of(state, None, Phrases::for_locale(None))
    }

    #[test]
    fn a_failure_is_named() {
        let failure = Failure {
            code: "CONFIG_INVALID".into(),
            headline: "clawdbot.json, gateway.port: not a\tnumber".into(),
            message: "long".into(),
        };
        let view = view(&HostState::Failed(failure));
        assert_eq!(view.mark, Mark::Error);
        assert_eq!(view.status, "Cannot start: clawdbot.json, gateway.port: not a number");
        assert_eq!(view.address, None);
    }

    #[test]
    fn a_note_is_in_the_tooltip_only() {
        let view = View::of(&HostState::Starting, Some("Note."), Phrases::for_locale(None));
        assert_eq!(view.status, "Starting");
        assert!(view.tooltip.ends_with("Starting\nNote."), "{}", view.tooltip);
    }

    #[test]
    fn long_causes_are_cut_between_characters() {
        let line = one_line(&"é".repeat(200));
        assert_eq!(line.chars().count(), 91);
        assert!(line.ends_with('…'));
    }
}
