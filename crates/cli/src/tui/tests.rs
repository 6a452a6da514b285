//! The screen without a terminal: what happens goes in, what would be drawn comes out.

use clawdbot_protocol::Event;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::state::{Effect, Msg, State};
use super::view;
use crate::attachment::Attached;

const KEY: &str = "agent:main:main";

fn hello() -> Msg {
    let hello = json!({
        "type": "hello-ok", "protocol": 4,
        "server": {"version": "1.2.3", "connId": "c"},
        "snapshot": {"sessionDefaults": {"defaultAgentId": "main", "mainKey": "main",
            "mainSessionKey": KEY, "scope": "per-sender"}},
        "policy": {"maxPayload": 70_000, "maxBufferedBytes": 1, "tickIntervalMs": 30_000},
    });
    Msg::Up(Box::new(serde_json::from_value(hello).unwrap()))
}

fn history(messages: Value) -> Msg {
    let info = json!({"key": KEY, "label": "Trip to Lima", "model": "demo"});
    let answer = json!({"sessionKey": KEY, "sessionInfo": info, "messages": messages});
    Msg::History { key: KEY.to_owned(), answer }
}

fn chat(run_id: &str, state: &str, text: &str) -> Msg {
    event(
        "chat",
        json!({"runId": run_id, "sessionKey": KEY, "state": state,
        "message": {"role": "assistant", "content": [{"type": "text", "text": text}]}}),
    )
}

fn event(name: &str, payload: Value) -> Msg {
    Msg::Event(Event { event: name.to_owned(), payload, seq: None })
}

/// A connected screen with an empty conversation.
fn ready() -> State {
    let mut state = State::new(None);
    let wanted = state.update(hello());
    assert_eq!(wanted, [Effect::History(KEY.to_owned()), Effect::Approvals]);
    state.update(history(json!([])));
    state
}

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    state.update(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn control(state: &mut State, c: char) -> Vec<Effect> {
    state.update(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)))
}

fn write(state: &mut State, text: &str) -> Vec<Effect> {
    for c in text.chars() {
        press(state, KeyCode::Char(c));
    }
    press(state, KeyCode::Enter)
}

/// What would be on the screen, without the blanks at the ends of lines.
fn screen(state: &mut State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, state)).unwrap();
    let cells = &terminal.backend().buffer().content;
    let lines = cells.chunks(width.into()).map(|line| {
        let line: String = line.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Sends a message and answers its run.
fn send(state: &mut State, text: &str) -> String {
    let effects = write(state, text);
    let [Effect::Send { run_id, text: sent, .. }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(sent, text);
    run_id.clone()
}

#[test]
fn a_conversation_on_eighty_by_twenty_four() {
    let mut state = ready();
    let run = send(&mut state, "Where is Lima?");
    state.update(chat(&run, "delta", "In **Peru**:\n\n- on the"));
    let shown = screen(&mut state, 80, 24);
    let expected = " Clawdbot  Trip to Lima
You
Where is Lima?

Assistant
In Peru:

- on the
…";
    assert!(shown.starts_with(expected), "{shown}");
    assert!(shown.contains(" demo · agent:main:main · answering, 0 s · Esc stops"), "{shown}");
    assert_eq!(shown.lines().count(), 24);
    let wanted = state.update(chat(&run, "final", "In **Peru**:\n\n- on the coast"));
    assert_eq!(wanted, [Effect::History(KEY.to_owned())]);
    let shown = screen(&mut state, 80, 24);
    assert!(shown.contains("- on the coast\n") && shown.contains("Enter sends"), "{shown}");
}

#[test]
fn the_history_replaces_what_was_shown_and_keeps_what_it_lacks() {
    let mut state = ready();
    let first = send(&mut state, "one");
    state.update(chat(&first, "final", "first answer"));
    let second = send(&mut state, "two");
    state.update(history(json!([
        {"role": "user", "content": "one", "__openclaw": {"runId": first}},
        {"role": "toolResult", "toolName": "read", "content": [{"type": "text", "text": "a\nb"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "first answer"}]},
    ])));
    let shown = screen(&mut state, 60, 20);
    assert_eq!(shown.matches("one\n").count(), 1, "{shown}");
    assert!(shown.contains("read: a b") && shown.contains("two\n"), "{shown}");
    state.update(Msg::NotSent { run_id: second, why: "the lane is full".to_owned() });
    let shown = screen(&mut state, 60, 20);
    assert!(shown.contains("Not sent: the lane is full"), "{shown}");
    assert_eq!(state.input.lines(), ["two"], "it can be sent again");
    assert!(!state.busy());
}

#[test]
fn escape_stops_and_says_so() {
    let mut state = ready();
    assert_eq!(press(&mut state, KeyCode::Esc), []);
    let run = send(&mut state, "Tell me a story");
    assert_eq!(press(&mut state, KeyCode::Esc), [Effect::Abort(KEY.to_owned())]);
    state.update(chat(&run, "aborted", "Once upon"));
    let shown = screen(&mut state, 60, 20);
    assert!(shown.contains("Once upon") && shown.contains("Stopped."), "{shown}");
    assert!(!state.busy());
    let stored = json!([{"role": "assistant", "content": "Once upon", "stopReason": "aborted"}]);
    state.update(history(stored));
    let shown = screen(&mut state, 60, 20);
    assert_eq!(shown.matches("Stopped.").count(), 1, "{shown}");
    assert!(!shown.contains("Tell me a story"), "the history is right: {shown}");
}

#[test]
fn several_lines_are_one_message() {
    let mut state = ready();
    for c in "ab".chars() {
        press(&mut state, KeyCode::Char(c));
        control(&mut state, 'j');
    }
    state.update(Msg::Paste("c\r\nd\u{1b}[31m".to_owned()));
    let effects = press(&mut state, KeyCode::Enter);
    assert!(matches!(&effects[..], [Effect::Send { text, .. }] if text == "a\nb\nc\nd[31m"));
}

#[test]
fn a_question_is_answered_with_one_key_while_nothing_is_written() {
    let mut state = ready();
    let asked = json!({"id": "q-1", "request": {"command": "rm -r \u{1b}[8mbuild", "cwd": "/work",
        "allowedDecisions": ["allow-once", "deny"]}});
    state.update(event("exec.approval.requested", asked.clone()));
    let shown = screen(&mut state, 80, 24);
    assert!(shown.contains("rm -r [8mbuild"), "{shown}");
    assert!(shown.contains("a once   d deny") && !shown.contains("A always"), "{shown}");
    assert_eq!(press(&mut state, KeyCode::Char('A')), [], "not offered, so it is a letter");
    assert_eq!(press(&mut state, KeyCode::Char('d')), [], "words are being written");
    control(&mut state, 'c');
    let denied = Effect::Resolve { id: "q-1".to_owned(), decision: "deny" };
    assert_eq!(press(&mut state, KeyCode::Char('d')), [denied]);
    assert!(state.questions.is_empty());
    state.update(Msg::Approvals(json!([asked])));
    state.update(event("exec.approval.resolved", json!({"id": "q-1", "decision": "deny"})));
    assert!(state.questions.is_empty(), "somebody else decided");
}

#[test]
fn another_conversation_is_found_and_opened() {
    let mut state = ready();
    send(&mut state, "here");
    assert_eq!(control(&mut state, 'p'), [Effect::Sessions]);
    state.update(Msg::Sessions(json!({"sessions": [
        {"key": KEY, "label": "Trip to Lima"},
        {"key": "agent:main:tax", "derivedTitle": "Tax return"},
        {"key": "agent:main:tea", "derivedTitle": "Tea"},
    ]})));
    let shown = screen(&mut state, 80, 24);
    assert!(shown.contains("● Trip to Lima") && shown.contains("Tax return"), "{shown}");
    for c in "ta".chars() {
        press(&mut state, KeyCode::Char(c));
    }
    let wanted = press(&mut state, KeyCode::Enter);
    assert_eq!(wanted, [Effect::History("agent:main:tax".to_owned())]);
    // What belongs to the conversation before is not shown in this one.
    state.update(history(json!([{"role": "user", "content": "elsewhere"}])));
    state.update(chat("other", "delta", "elsewhere"));
    let shown = screen(&mut state, 80, 24);
    assert!(!shown.contains("elsewhere") && !shown.contains("here\n"), "{shown}");
}

#[test]
fn commands_are_done_here_or_asked_of_the_gateway() {
    let mut state = ready();
    assert_eq!(write(&mut state, "/attach ~/notes.txt"), [Effect::Attach("~/notes.txt".into())]);
    let file = Attached { name: "notes.txt".to_owned(), content: "aGk=".to_owned() };
    state.update(Msg::Attached(file));
    assert!(screen(&mut state, 60, 12).contains(" with notes.txt"));
    let effects = write(&mut state, "Read it");
    let [Effect::Send { attachments, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(attachments, &[json!({"fileName": "notes.txt", "content": "aGk="})]);
    assert!(state.attachments.is_empty());
    assert_eq!(write(&mut state, "/session agent:main:x").len(), 1);
    assert_eq!(write(&mut state, "/help"), []);
    assert!(screen(&mut state, 80, 40).contains("Ctrl+P"));
    assert!(matches!(&write(&mut state, "/status")[..], [Effect::Send { .. }]));
    assert_eq!(write(&mut state, "/quit"), [Effect::Quit]);
}

#[test]
fn a_lost_connection_is_said_and_nothing_written_is_lost() {
    let mut state = ready();
    send(&mut state, "hello");
    state.update(Msg::Down { why: "the gateway closed it with 1012".to_owned(), retry: true });
    let shown = screen(&mut state, 80, 24);
    assert!(shown.contains(" Away, trying again: the gateway closed it with 1012"), "{shown}");
    assert_eq!(write(&mut state, "more"), []);
    assert_eq!(state.input.lines(), ["more"]);
    assert_eq!(state.update(hello()).len(), 2, "the history is asked for again");
    assert!(!screen(&mut state, 80, 24).contains("Away"));
    let gone = Msg::Down { why: "refused".to_owned(), retry: false };
    assert_eq!(state.update(gone), [Effect::Fail("refused".to_owned())]);
}

#[test]
fn earlier_messages_are_scrolled_to_on_any_size() {
    let mut state = ready();
    let said: Vec<Value> =
        (0..60).map(|n| json!({"role": "user", "content": format!("number {n}")})).collect();
    state.update(history(json!(said)));
    assert!(screen(&mut state, 80, 24).contains("number 59\n"));
    for _ in 0..200 {
        press(&mut state, KeyCode::PageUp);
    }
    let top = screen(&mut state, 80, 24);
    assert!(top.contains("number 0\n") && !top.contains("number 59"), "{top}");
    press(&mut state, KeyCode::PageDown);
    assert!(!screen(&mut state, 80, 24).contains("number 0\n"), "one step down is one step");
    for (width, height) in [(20, 6), (1, 1), (200, 60)] {
        screen(&mut state, width, height);
    }
}

#[test]
fn without_colours_nothing_is_coloured() {
    let mut state = ready();
    send(&mut state, "hello");
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let draw = |frame: &mut ratatui::Frame<'_>| {
        view::draw(frame, &mut state);
        view::without_colours(frame);
    };
    terminal.draw(draw).unwrap();
    let plain = ratatui::style::Color::Reset;
    let cells = &terminal.backend().buffer().content;
    assert!(cells.iter().all(|cell| cell.fg == plain && cell.bg == plain));
}
