//! What the tray shows for a state of the app: pure, so that it can be tested.

use std::net::SocketAddr;

use super::actions::Action;
use super::way;
use crate::connection::{Mode, Wish};
use crate::feed::{Approval, Now};
use crate::host::{HostState, PortTaken, Running};
use crate::phrases::{Phrases, fill};
use crate::platform::{Here, Platform};
use crate::settings::Language;
use crate::text::{is_shown_whole, one_line};
use clawdbot_gateway::{Holder, Phase};

/// Menus cut long lines in ugly ways; the window and the log have the whole text.
const MAX_STATUS: usize = 90;
const MAX_TITLE: usize = 40;
/// Commands that wait; the window has the rest.
const MAX_APPROVALS: usize = 8;

/// The icons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Starting,
    Ready,
    Working,
    Waiting,
    Paused,
    /// A gateway elsewhere is out of reach, and the app keeps trying.
    Away,
    Error,
}

/// Everything that the tray shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) mark: Mark,
    pub(crate) tooltip: String,
    pub(crate) menu: Vec<Entry>,
}

/// One entry of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Says something and does nothing.
    Line(String),
    Separator,
    Item(Action, String),
    Greyed(Action, String),
    Check(Action, String, bool),
    Menu(String, Vec<Entry>),
}

/// What a view is made from.
pub(crate) struct Inputs<'a> {
    pub(crate) state: &'a HostState,
    /// Where the gateway is meant to be.
    pub(crate) target: &'a Wish,
    pub(crate) now: &'a Now,
    /// Something on the way to the gateway asks the person.
    pub(crate) asks: bool,
    /// A sentence for the tooltip.
    pub(crate) note: Option<&'a str>,
    pub(crate) starts_at_login: bool,
}

/// The short answer to "how is it?".
struct Status {
    mark: Mark,
    line: String,
    address: Option<SocketAddr>,
}

impl View {
    pub(crate) fn of(inputs: &Inputs<'_>, language: Language) -> Self {
        let phrases = Phrases::of(language);
        let status = status(inputs, language);
        let line = one_line(&status.line, MAX_STATUS);
        let way = one_line(&way::line(inputs.state, inputs.target, phrases), MAX_STATUS);
        let mut tooltip = format!("{}{line}", Here::TOOLTIP_START);
        if inputs.target.mode != Mode::Local {
            tooltip.push('\n');
            tooltip.push_str(&way);
        }
        if let Some(note) = inputs.note {
            tooltip.push('\n');
            tooltip.push_str(note);
        }
        let menu = menu(inputs, [line, way], status.address.is_some(), phrases);
        Self { mark: status.mark, tooltip, menu }
    }
}

/// As many entries as can be are always there: when their number changes, a desktop may lose a
/// click on the menu that is open.
fn menu(inputs: &Inputs<'_>, says: [String; 2], address: bool, phrases: &Phrases) -> Vec<Entry> {
    let item = |action, text: &str| Entry::Item(action, text.to_owned());
    let running = match inputs.state {
        HostState::Running(running) => Some(running),
        _ => None,
    };
    let copy = if address { Entry::Item } else { Entry::Greyed };

    let [status, way] = says;
    let mut menu = vec![
        // The window has the question.
        if inputs.asks { Entry::Item(Action::OpenWebChat, status) } else { Entry::Line(status) },
        Entry::Line(way),
    ];
    let published = running.and_then(|running| running.status.published.as_ref());
    menu.extend(
        published.map(|published| {
            Entry::Line(one_line(&way::published(published, phrases), MAX_STATUS))
        }),
    );
    let approvals = inputs.now.approvals.iter().take(MAX_APPROVALS);
    menu.extend(approvals.map(|approval| waiting(approval, phrases)));
    menu.push(Entry::Separator);
    menu.push(item(Action::OpenWebChat, phrases.open_webchat));
    menu.push(recent(inputs.now, phrases));
    menu.push(copy(Action::CopyAddress, phrases.copy_address.to_owned()));
    menu.push(Entry::Separator);
    menu.push(match running {
        Some(running) if running.gateway.is_here() => {
            Entry::Check(Action::Pause, phrases.pause.to_owned(), running.status.paused)
        }
        // A gateway elsewhere takes no orders of that kind.
        _ => Entry::Greyed(Action::Pause, phrases.pause.to_owned()),
    });
    let elsewhere = inputs.state.is_elsewhere(inputs.target.mode);
    let stops = inputs.state.runs_here();
    let restart = [phrases.restart, phrases.restart_one, phrases.restart_many];
    let restart = if elsewhere { phrases.reconnect.to_owned() } else { that_stops(stops, restart) };
    menu.push(Entry::Item(Action::Restart, restart));
    menu.push(Entry::Check(
        Action::StartAtLogin,
        phrases.start_at_login.to_owned(),
        inputs.starts_at_login,
    ));
    menu.push(Entry::Separator);
    menu.push(item(Action::Settings, phrases.settings));
    menu.push(item(Action::Diagnostics, phrases.diagnostics));
    menu.push(item(Action::OpenLogs, phrases.open_logs));
    menu.push(Entry::Separator);
    let quit = [phrases.quit, phrases.quit_one, phrases.quit_many];
    menu.push(Entry::Item(Action::Quit, that_stops(stops, quit)));
    menu
}

/// A command that waits, with what can be said to it.
fn waiting(approval: &Approval, phrases: &Phrases) -> Entry {
    let command = one_line(&approval.command, MAX_TITLE);
    let mut answers = vec![Entry::Line(one_line(&approval.command, MAX_STATUS)), Entry::Separator];
    // What cannot be seen as a whole is not allowed from here.
    let whole = is_shown_whole(&approval.command, MAX_STATUS);
    if !whole {
        answers.push(Entry::Item(Action::OpenWebChat, phrases.see_whole.to_owned()));
    }
    if approval.allow_once && whole {
        let allow = Action::AllowOnce(approval.id.clone());
        answers.push(Entry::Item(allow, phrases.allow_once.to_owned()));
    }
    answers.push(Entry::Item(Action::Deny(approval.id.clone()), phrases.deny.to_owned()));
    Entry::Menu(fill(phrases.asks_to_run, &[&command]), answers)
}

/// The last conversations.
fn recent(now: &Now, phrases: &Phrases) -> Entry {
    let chats = now.chats.iter().map(|chat| {
        let title = Some(one_line(&chat.title, MAX_TITLE)).filter(|title| !title.is_empty());
        let title = title.unwrap_or_else(|| phrases.untitled.to_owned());
        Entry::Item(Action::Chat(chat.key.clone()), title)
    });
    let mut chats: Vec<Entry> = chats.collect();
    if chats.is_empty() {
        chats.push(Entry::Line(phrases.no_chats.to_owned()));
    }
    Entry::Menu(phrases.recent.to_owned(), chats)
}

/// What stops runs says so: the words for none, one and many.
fn that_stops(runs: usize, [none, one, many]: [&str; 3]) -> String {
    match runs {
        0 => none.to_owned(),
        1 => one.to_owned(),
        runs => fill(many, &[&runs.to_string()]),
    }
}

fn status(inputs: &Inputs<'_>, language: Language) -> Status {
    let phrases = Phrases::of(language);
    let (mark, line, address) = match inputs.state {
        HostState::Stopped => (Mark::Starting, phrases.stopping.to_owned(), None),
        state if inputs.asks => (Mark::Waiting, phrases.asks.to_owned(), state.address()),
        HostState::Starting => (Mark::Starting, phrases.starting.to_owned(), None),
        HostState::Running(running) => of_running(running, inputs.now, phrases),
        HostState::Away(away) => {
            let (mark, line) = way::away(away, inputs.target.mode, phrases);
            (mark, line.to_owned(), away.front_door)
        }
        HostState::Failed(failure) => {
            let cannot = match inputs.target.mode {
                Mode::Local => phrases.cannot_start,
                Mode::Ssh | Mode::Direct => phrases.cannot_connect,
            };
            let headline = &failure.said.in_language(language).headline;
            (Mark::Error, fill(cannot, &[headline]), None)
        }
    };
    Status { mark, line, address }
}

fn of_running(
    running: &Running,
    now: &Now,
    phrases: &Phrases,
) -> (Mark, String, Option<SocketAddr>) {
    let status = &running.status;
    let (phase, runs) = match (running.gateway.is_here(), now.runs.len()) {
        (true, _) => (status.phase, status.active_runs),
        (false, 0) => (Phase::Ready, 0),
        (false, runs) => (Phase::Working, runs),
    };
    let (mark, line) = match (phase, &running.port_taken) {
        (Phase::Stopping, _) => (Mark::Starting, phrases.stopping.to_owned()),
        _ if !now.approvals.is_empty() => (Mark::Waiting, waits(now.approvals.len(), phrases)),
        _ if status.paused => (Mark::Paused, phrases.paused.to_owned()),
        (Phase::Working, None) => (Mark::Working, working(runs, now.tool.as_deref(), phrases)),
        (Phase::Working, Some(taken)) => (Mark::Working, port_taken(taken, phrases)),
        (Phase::Ready, Some(taken)) => (Mark::Error, port_taken(taken, phrases)),
        (Phase::Ready, None) => (Mark::Ready, ready(status.address, phrases)),
    };
    (mark, line, status.address)
}

fn waits(commands: usize, phrases: &Phrases) -> String {
    match commands {
        1 => phrases.waits_one.to_owned(),
        commands => fill(phrases.waits_many, &[&commands.to_string()]),
    }
}

fn ready(address: Option<SocketAddr>, phrases: &Phrases) -> String {
    address.map_or_else(
        || phrases.ready_no_port.to_owned(),
        |address| fill(phrases.ready, &[&address.to_string()]),
    )
}

fn working(runs: usize, tool: Option<&str>, phrases: &Phrases) -> String {
    let runs = match runs {
        0 | 1 => phrases.working_one.to_owned(),
        runs => fill(phrases.working_many, &[&runs.to_string()]),
    };
    tool.map_or_else(|| runs.clone(), |tool| fill(phrases.working_tool, &[&runs, tool]))
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

#[cfg(test)]
mod tests {
    use super::{Action, Entry, Inputs, Mark, View, that_stops, working};
    use crate::connection::{Mode, Wish};
    use crate::feed::{Approval, Chat, Now};
    use crate::host::{Away, Failure, HostState};
    use crate::phrases::Phrases;
    use crate::settings::Language;
    use crate::words::Words;

    fn view(state: &HostState, now: &Now, note: Option<&str>) -> View {
        let target = &Wish::default();
        let inputs = Inputs { state, target, now, asks: false, note, starts_at_login: false };
        View::of(&inputs, Language::En)
    }

    fn remote(state: &HostState, language: Language) -> View {
        remote_that(false, state, language)
    }

    fn remote_that(asks: bool, state: &HostState, language: Language) -> View {
        let target =
            &Wish { mode: Mode::Ssh, ssh_target: Some(" me@server".into()), ..Wish::default() };
        let now = &Now::default();
        let note = Some("Note.");
        let inputs = Inputs { state, target, now, asks, note, starts_at_login: false };
        View::of(&inputs, language)
    }

    fn away(phase: &'static str, code: Option<&str>) -> HostState {
        HostState::Away(Away { phase, code: code.map(str::to_owned), ..Away::default() })
    }

    fn failure(code: &str, headline: &str) -> Failure {
        Failure::new(code, |_| Words::state(headline))
    }

    #[test]
    fn the_way_to_a_remote_gateway_is_told_in_menu_tooltip_and_icon() {
        for (state, mark, way) in [
            (away("connecting", None), Mark::Starting, "connecting"),
            (away("waiting", Some("SSH_LOST")), Mark::Away, "tunnel down"),
            (away("waiting", Some("UNREACHABLE")), Mark::Away, "no answer"),
            (away("paused", None), Mark::Paused, "disconnected"),
        ] {
            let view = remote(&state, Language::En);
            assert_eq!(view.mark, mark, "{way}");
            let line = format!("Over SSH, me@server: {way}");
            assert_eq!(view.menu[1], Entry::Line(line.clone()));
            assert!(view.tooltip.ends_with(&format!("{line}\nNote.")), "{}", view.tooltip);
        }
    }

    #[test]
    fn the_way_is_told_in_the_persons_language() {
        let state = away("waiting", Some("SSH_LOST"));
        for (language, status, way) in [
            (
                Language::Fr,
                "Le tunnel est coupé : nouvel essai en cours",
                "Par SSH, me@server : tunnel coupé",
            ),
            (Language::Es, "El túnel está caído: se reintenta", "Por SSH, me@server: túnel caído"),
        ] {
            let view = remote(&state, language);
            assert_eq!(view.menu[..2], [status, way].map(|line| Entry::Line(line.into())));
        }
    }

    #[test]
    fn a_question_on_the_way_waits_for_the_person_and_can_be_clicked() {
        for (language, line) in [
            (Language::En, "The remote machine asks: click to answer"),
            (Language::Fr, "La machine distante demande : cliquez pour répondre"),
            (Language::Es, "La máquina remota pregunta: haz clic para responder"),
        ] {
            let view = remote_that(true, &away("connecting", None), language);
            assert_eq!(view.mark, Mark::Waiting);
            assert_eq!(view.menu[0], Entry::Item(Action::OpenWebChat, line.into()));
            assert!(view.tooltip.contains(line), "{}", view.tooltip);
        }
    }

    #[test]
    fn the_entry_that_restarts_says_what_it_does_to_a_gateway_elsewhere() {
        for (language, label) in [
            (Language::En, "Connect again"),
            (Language::Fr, "Se reconnecter"),
            (Language::Es, "Volver a conectar"),
        ] {
            let view = remote(&away("connecting", None), language);
            assert!(view.menu.contains(&Entry::Item(Action::Restart, label.into())), "{label}");
        }
        let here = view(&HostState::Starting, &Now::default(), None);
        assert!(here.menu.contains(&Entry::Item(Action::Restart, "Restart gateway".into())));
    }

    #[test]
    fn a_remote_gateway_that_refuses_is_an_error_that_does_not_speak_of_starting() {
        let failure = failure("SSH_DENIED", "The machine refuses the key");
        let view = remote(&HostState::Failed(failure), Language::En);
        assert_eq!(view.mark, Mark::Error);
        assert_eq!(
            view.menu[..2],
            ["Cannot connect: The machine refuses the key", "Over SSH, me@server: failed"]
                .map(|line| Entry::Line(line.into()))
        );
    }

    #[test]
    fn a_failure_is_named() {
        let failure = failure("CONFIG_INVALID", "clawdbot.json, gateway.port: not a\tnumber");
        let view = view(&HostState::Failed(failure), &Now::default(), None);
        assert_eq!(view.mark, Mark::Error);
        let line = "Cannot start: clawdbot.json, gateway.port: not a number";
        assert_eq!(view.menu[0], Entry::Line(line.into()));
        let copy = Entry::Greyed(Action::CopyAddress, "Copy WebChat address".into());
        assert!(view.menu.contains(&copy), "{:?}", view.menu);
    }

    #[test]
    fn a_note_is_in_the_tooltip_only() {
        let view = view(&HostState::Starting, &Now::default(), Some("Note."));
        assert_eq!(view.menu[0], Entry::Line("Starting".into()));
        assert_eq!(view.menu[1], Entry::Line("On this computer".into()));
        assert!(view.tooltip.ends_with("Starting\nNote."), "{}", view.tooltip);
    }

    #[test]
    fn what_waits_can_be_answered_and_chats_opened() {
        let command = "rm -rf build && echo done".to_owned();
        let now = Now {
            approvals: vec![Approval { id: "a1".into(), command, allow_once: false }],
            chats: vec![Chat { key: "agent:main:main".into(), title: String::new() }],
            ..Now::default()
        };
        let view = view(&HostState::Starting, &now, None);
        let Entry::Menu(title, answers) = &view.menu[2] else { panic!("{:?}", view.menu) };
        assert_eq!(title, "Run? rm -rf build && echo done");
        assert_eq!(answers.last(), Some(&Entry::Item(Action::Deny("a1".into()), "Deny".into())));
        assert_eq!(answers.len(), 3, "a request that may not be allowed has no such entry");
        let chat = Entry::Item(Action::Chat("agent:main:main".into()), "New chat".into());
        assert!(view.menu.contains(&Entry::Menu("Recent chats".into(), vec![chat])));
    }

    #[test]
    fn only_a_command_that_is_seen_whole_is_allowed_in_the_menu_exe_07() {
        let tail = format!("echo {}; rm -rf ~", "a".repeat(90));
        for (command, whole) in [("make", true), (tail.as_str(), false), ("ls\nrm -rf ~", false)] {
            let approval = Approval { id: "a1".into(), command: command.into(), allow_once: true };
            let now = Now { approvals: vec![approval], ..Now::default() };
            let view = view(&HostState::Starting, &now, None);
            let Entry::Menu(_, answers) = &view.menu[2] else { panic!("{:?}", view.menu) };
            let allow = Entry::Item(Action::AllowOnce("a1".into()), "Allow once".into());
            assert_eq!(answers.contains(&allow), whole, "{command}");
            let see = Entry::Item(Action::OpenWebChat, "See all of it in WebChat".into());
            assert_eq!(answers.contains(&see), !whole, "{command}");
            assert_eq!(
                answers.last(),
                Some(&Entry::Item(Action::Deny("a1".into()), "Deny".into()))
            );
        }
    }

    #[test]
    fn what_stops_runs_says_how_many() {
        let phrases = Phrases::of(Language::Fr);
        let restart = [phrases.restart, phrases.restart_one, phrases.restart_many];
        for (runs, label) in [
            (0, "Redémarrer la passerelle"),
            (1, "Redémarrer la passerelle et arrêter 1 exécution"),
            (3, "Redémarrer la passerelle et arrêter 3 exécutions"),
        ] {
            assert_eq!(that_stops(runs, restart), label);
        }
    }

    #[test]
    fn the_tool_in_use_is_named() {
        let phrases = Phrases::of(Language::En);
        assert_eq!(working(1, None, phrases), "Working: 1 run");
        assert_eq!(working(2, Some("exec"), phrases), "Working: 2 runs, exec");
    }
}
