//! What there is to see, and how it changes.

use clawdbot_protocol::{Event, HelloOk};
use ratatui::crossterm::event::KeyEvent;
use ratatui_textarea::{TextArea, WrapMode};
use serde_json::{Value, json};

use super::transcript::Transcript;
use crate::attachment::Attached;
use crate::text;

/// Something that happened.
pub(super) enum Msg {
    Key(KeyEvent),
    Paste(String),
    Tick,
    Up(Box<HelloOk>),
    /// The connection ended; `retry` is false when waiting does not help.
    Down {
        why: String,
        retry: bool,
    },
    Event(Event),
    History {
        key: String,
        answer: Value,
    },
    Sessions(Value),
    Approvals(Value),
    Created(Value),
    Attached(Attached),
    /// A message was not taken.
    NotSent {
        run_id: String,
        why: String,
    },
    /// Anything else that did not work.
    Failed(String),
}

/// Something to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    Quit,
    Fail(String),
    History(String),
    Sessions,
    Approvals,
    Create,
    Send { key: String, run_id: String, text: String, attachments: Vec<Value> },
    Abort(String),
    Resolve { id: String, decision: &'static str },
    Attach(String),
}

/// A command that waits for the person.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub(super) id: String,
    pub(super) command: String,
    pub(super) cwd: String,
    pub(super) allowed: Vec<String>,
}

/// One line of the list of conversations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) title: String,
    pub(super) used: String,
}

/// The list of conversations, while it is open.
#[derive(Debug, Default)]
pub(super) struct Picker {
    pub(super) filter: String,
    pub(super) rows: Vec<Listed>,
    pub(super) at: usize,
}

impl Picker {
    /// The rows that match what was typed.
    pub(super) fn matching(&self) -> Vec<&Listed> {
        let wanted = self.filter.to_lowercase();
        let matches = |row: &&Listed| {
            row.key.to_lowercase().contains(&wanted) || row.title.to_lowercase().contains(&wanted)
        };
        self.rows.iter().filter(matches).collect()
    }
}

/// All there is to see.
pub(super) struct State {
    /// Conversation asked for when it was started.
    wanted: Option<String>,
    pub(super) key: String,
    pub(super) title: String,
    pub(super) model: String,
    /// Why there is no connection, if there is none.
    pub(super) away: Option<String>,
    /// The gateway's version.
    pub(super) version: String,
    pub(super) transcript: Transcript,
    pub(super) input: TextArea<'static>,
    pub(super) attachments: Vec<Attached>,
    pub(super) questions: Vec<Question>,
    pub(super) picker: Option<Picker>,
    /// Seconds since the present run began.
    pub(super) busy_secs: u64,
    /// Numbers for runs; together with a random part they never repeat.
    runs: u64,
    origin: String,
}

impl State {
    pub(super) fn new(wanted: Option<String>) -> Self {
        Self {
            wanted,
            key: String::new(),
            title: String::new(),
            model: String::new(),
            away: Some("connecting".to_owned()),
            version: String::new(),
            transcript: Transcript::default(),
            input: editor(),
            attachments: Vec::new(),
            questions: Vec::new(),
            picker: None,
            busy_secs: 0,
            runs: 0,
            origin: uuid::Uuid::new_v4().to_string(),
        }
    }

    /// Takes in what happened and answers what is to be done.
    pub(super) fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Key(key) => return self.key(key),
            Msg::Paste(text) => {
                self.input.insert_str(text::plain(&text.replace("\r\n", "\n").replace('\r', "\n")));
            }
            Msg::Tick => self.busy_secs = if self.busy() { self.busy_secs + 1 } else { 0 },
            Msg::Up(hello) => return self.up(&hello),
            Msg::Down { why, retry: false } => return vec![Effect::Fail(why)],
            Msg::Down { why, retry: true } => {
                self.away = Some(why);
                self.transcript.cut();
            }
            Msg::Event(event) => return self.event(&event),
            Msg::History { key, answer } => self.history(&key, &answer),
            Msg::Sessions(list) => self.listed(&list),
            Msg::Approvals(list) => {
                let waiting = list.as_array().map(Vec::as_slice).unwrap_or_default();
                self.questions = waiting.iter().map(question).collect();
            }
            Msg::Created(answer) => return self.open(text::of(&answer, "key").to_owned()),
            Msg::Attached(file) => self.attachments.push(file),
            Msg::NotSent { run_id, why } => {
                let said = self.transcript.take_back(&run_id);
                self.transcript.note(format!("Not sent: {why}"));
                // What was typed is not lost.
                if let Some(said) = said.filter(|_| self.input.is_empty()) {
                    self.input.insert_str(said);
                }
            }
            Msg::Failed(why) => self.transcript.note(why),
        }
        Vec::new()
    }

    /// Whether an answer is on its way.
    pub(super) fn busy(&self) -> bool {
        self.transcript.live().is_some()
    }

    fn up(&mut self, hello: &HelloOk) -> Vec<Effect> {
        self.away = None;
        self.version.clone_from(&hello.server.version);
        if self.key.is_empty() {
            let main = hello.snapshot.session_defaults.as_ref();
            let main = main.map_or("main", |defaults| defaults.main_session_key.as_str());
            self.key = self.wanted.take().unwrap_or_else(|| main.to_owned());
        }
        vec![Effect::History(self.key.clone()), Effect::Approvals]
    }

    /// Turns to another conversation.
    pub(super) fn open(&mut self, key: String) -> Vec<Effect> {
        self.picker = None;
        self.title.clear();
        self.transcript = Transcript::default();
        self.key.clone_from(&key);
        vec![Effect::History(key)]
    }

    fn history(&mut self, key: &str, answer: &Value) {
        // The answer may come after the person has turned to another conversation.
        if key != self.key {
            return;
        }
        let info = &answer["sessionInfo"];
        if let Some(canonical) = info["key"].as_str() {
            self.key = canonical.to_owned();
        }
        let title = text::first(info, &["label", "displayName", "derivedTitle"]);
        self.title = text::short(title, 60);
        self.model = text::short(text::of(info, "model"), 40);
        self.transcript.load(answer);
    }

    fn listed(&mut self, list: &Value) {
        let Some(picker) = &mut self.picker else { return };
        picker.rows = text::rows(list, "sessions")
            .iter()
            .map(|row| Listed {
                key: text::plain(text::of(row, "key")),
                title: text::short(text::first(row, &["label", "displayName", "derivedTitle"]), 60),
                used: crate::when::relative(row["updatedAt"].as_i64()),
            })
            .collect();
    }

    fn event(&mut self, event: &Event) -> Vec<Effect> {
        let payload = &event.payload;
        match event.event.as_str() {
            "chat" if text::of(payload, "sessionKey") == self.key => {
                let ended = self.transcript.chat(payload);
                return ended.then(|| Effect::History(self.key.clone())).into_iter().collect();
            }
            "agent" if text::of(payload, "sessionKey") == self.key => {
                self.transcript.agent(payload);
            }
            "exec.approval.requested" => {
                let question = question(payload);
                if self.questions.iter().all(|known| known.id != question.id) {
                    self.questions.push(question);
                }
            }
            "exec.approval.resolved" => {
                let id = text::of(payload, "id");
                self.questions.retain(|question| question.id != id);
            }
            _ => {}
        }
        Vec::new()
    }

    /// Sends what was typed.
    pub(super) fn send(&mut self, said: String) -> Vec<Effect> {
        if self.away.is_some() {
            self.transcript.note("Not sent: the gateway is away. What you typed stays.".to_owned());
            return Vec::new();
        }
        self.clear_input();
        self.runs += 1;
        let run_id = format!("tui-{}-{}", self.origin, self.runs);
        let files = std::mem::take(&mut self.attachments);
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        self.transcript.said(&run_id, &said, &names);
        let attachments =
            files.iter().map(|file| json!({"fileName": file.name, "content": file.content}));
        let attachments = attachments.collect();
        vec![Effect::Send { key: self.key.clone(), run_id, text: said, attachments }]
    }

    pub(super) fn clear_input(&mut self) {
        self.input = editor();
    }
}

fn editor() -> TextArea<'static> {
    let mut input = TextArea::default();
    input.set_wrap_mode(WrapMode::WordOrGlyph);
    input.set_cursor_line_style(ratatui::style::Style::default());
    input.set_placeholder_text("Write a message. /help says what else there is.");
    input
}

fn question(entry: &Value) -> Question {
    let wish = &entry["request"];
    let allowed = text::rows(wish, "allowedDecisions").iter().filter_map(Value::as_str);
    Question {
        id: text::of(entry, "id").to_owned(),
        command: text::plain(text::of(wish, "command")),
        cwd: text::plain(text::of(wish, "cwd")),
        allowed: allowed.map(str::to_owned).collect(),
    }
}
