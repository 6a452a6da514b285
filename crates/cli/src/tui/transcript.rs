//! A conversation: what was said, and what is being said.

use ratatui::text::Text;
use serde_json::Value;

use crate::text;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    You,
    Assistant,
    Tool,
    Note,
}

/// One thing that was said, ready to be drawn.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) who: Who,
    pub(super) text: Text<'static>,
    /// The run of a message that was sent here and may not be in the history yet.
    sent: Option<(String, String)>,
}

/// An answer that is still growing.
#[derive(Debug, Clone)]
pub(super) struct Live {
    run_id: String,
    said: String,
    pub(super) text: Text<'static>,
    /// The tool that runs at the moment.
    pub(super) tool: Option<String>,
}

/// The rows, oldest first, the present answer, and where one looks.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    rows: Vec<Row>,
    live: Option<Live>,
    /// Pages from the end; 0 follows what is added.
    pages_up: u16,
}

impl Transcript {
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    pub(super) fn pages_up(&self) -> u16 {
        self.pages_up
    }

    /// Half a page up or down.
    pub(super) fn scroll(&mut self, up: i16) {
        self.pages_up = self.pages_up.saturating_add_signed(up);
    }

    /// Keeps the place within what there is: at most so many half pages.
    pub(super) fn bound(&mut self, most: u16) {
        self.pages_up = self.pages_up.min(most);
    }

    pub(super) fn follow(&mut self) {
        self.pages_up = 0;
    }

    /// Something the program itself has to say; the next history takes it away.
    pub(super) fn note(&mut self, said: String) {
        self.rows.push(Row { who: Who::Note, text: markdown(&text::plain(&said)), sent: None });
        self.follow();
    }

    /// A message that is being sent.
    pub(super) fn said(&mut self, run_id: &str, said: &str, files: &[&str]) {
        let mut shown = text::plain(said);
        for file in files {
            shown.push_str(&format!("\n[{}]", text::plain(file)));
        }
        let sent = Some((run_id.to_owned(), said.to_owned()));
        self.rows.push(Row { who: Who::You, text: Text::raw(shown), sent });
        self.follow();
        self.begin(run_id);
    }

    /// Removes a message that was not taken, and answers what it said.
    pub(super) fn take_back(&mut self, run_id: &str) -> Option<String> {
        self.live.take_if(|live| live.run_id == run_id);
        let of_run = |row: &Row| row.sent.as_ref().is_some_and(|(run, _)| run == run_id);
        let at = self.rows.iter().position(of_run)?;
        self.rows.remove(at).sent.map(|(_, said)| said)
    }

    /// The connection is gone; what was on its way will be in the history.
    pub(super) fn cut(&mut self) {
        self.live = None;
    }

    fn begin(&mut self, run_id: &str) {
        self.live = Some(Live {
            run_id: run_id.to_owned(),
            said: String::new(),
            text: Text::default(),
            tool: None,
        });
    }

    /// A `chat` event. Answers whether a run has ended, so that the history has more than this.
    pub(super) fn chat(&mut self, payload: &Value) -> bool {
        let run_id = text::of(payload, "runId");
        let state = text::of(payload, "state");
        let said = text::of_message(&payload["message"]);
        let ended = matches!(state, "final" | "aborted" | "error");
        let others = self.live.as_ref().is_some_and(|live| live.run_id != run_id);
        if !ended {
            if others && said.is_empty() {
                return false;
            }
            if self.live.is_none() || others {
                self.begin(run_id);
            }
            self.grow(said);
            return false;
        }
        if !others {
            self.live = None;
        }
        // From here on the history knows best, also that a reset has taken the message away.
        for row in &mut self.rows {
            row.sent.take_if(|(run, _)| run == run_id);
        }
        if !said.is_empty() {
            self.rows.push(Row {
                who: Who::Assistant,
                text: markdown(&text::plain(&said)),
                sent: None,
            });
        }
        match state {
            "aborted" => self.note("Stopped.".to_owned()),
            "error" => {
                let why = text::first(payload, &["errorMessage", "error"]);
                self.note(format!(
                    "The answer failed: {}",
                    if why.is_empty() { "no reason given" } else { why }
                ));
                // The history does not say why.
                return false;
            }
            _ => {}
        }
        true
    }

    fn grow(&mut self, said: String) {
        if let Some(live) = self.live.as_mut().filter(|live| live.said != said) {
            live.text = markdown(&text::plain(&said));
            live.said = said;
            live.tool = None;
        }
    }

    /// An `agent` event: of interest are the tools.
    pub(super) fn agent(&mut self, payload: &Value) {
        let data = &payload["data"];
        let run_id = text::of(payload, "runId");
        let Some(live) = self.live.as_mut().filter(|live| live.run_id == run_id) else { return };
        match (text::of(payload, "stream"), text::of(data, "phase")) {
            ("tool", "start") => {
                let argument = text::first(&data["args"], &["command", "path", "query"]);
                let name = text::of(data, "name");
                live.tool = Some(text::short(&format!("{name} {argument}"), 100));
            }
            ("tool", "result") => live.tool = None,
            _ => {}
        }
    }

    /// The history as the gateway has it. Messages that it does not have yet stay.
    pub(super) fn load(&mut self, answer: &Value) {
        let messages = text::rows(answer, "messages");
        let known = |run: &str| {
            messages.iter().any(|message| {
                let meta = &message["__openclaw"];
                text::of(meta, "runId") == run || text::of(meta, "idempotencyKey").starts_with(run)
            })
        };
        let kept =
            self.rows.drain(..).filter(|row| row.sent.as_ref().is_some_and(|(run, _)| !known(run)));
        let kept: Vec<Row> = kept.collect();
        self.rows =
            messages.iter().flat_map(|message| [row(message), ending(message)]).flatten().collect();
        self.rows.extend(kept);
        let running = &answer["inFlightRun"];
        if let Some(run_id) = running["runId"].as_str() {
            if self.live.as_ref().is_none_or(|live| live.run_id != run_id) {
                self.begin(run_id);
            }
            let said = text::of(running, "text");
            if self.live.as_ref().is_some_and(|live| live.said.len() < said.len()) {
                self.grow(said.to_owned());
            }
        }
    }
}

fn row(message: &Value) -> Option<Row> {
    let said = text::of_message(message);
    let said = said.trim();
    let (who, text) = match text::of(message, "role") {
        "user" => (Who::You, Text::raw(text::plain(said))),
        "assistant" => (Who::Assistant, markdown(&text::plain(said))),
        "toolResult" => {
            let name = text::of(message, "toolName");
            (Who::Tool, Text::raw(format!("{name}: {}", text::short(said, 160))))
        }
        _ => (Who::Note, markdown(&text::plain(said))),
    };
    (!said.is_empty()).then_some(Row { who, text, sent: None })
}

/// What a history says of an answer that did not come to its end.
fn ending(message: &Value) -> Option<Row> {
    let said = match text::of(message, "stopReason") {
        "aborted" => "Stopped.".to_owned(),
        "error" => format!("The answer failed: {}", text::of(message, "errorMessage")),
        _ => return None,
    };
    Some(Row { who: Who::Note, text: Text::raw(text::plain(&said)), sent: None })
}

/// Markdown as styled text of its own.
fn markdown(said: &str) -> Text<'static> {
    use ratatui::text::{Line, Span};
    let drawn = tui_markdown::from_str(said);
    let lines = drawn.lines.into_iter().map(|line| {
        let spans = line.spans.into_iter();
        let spans = spans.map(|span| Span::styled(span.content.into_owned(), span.style));
        Line { spans: spans.collect(), style: line.style, alignment: line.alignment }
    });
    Text { lines: lines.collect(), style: drawn.style, alignment: drawn.alignment }
}
