//! The built-in model: offline, deterministic, and honest about being a demonstration.

mod phrases;

use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt};
use serde_json::{Value, json};

use crate::error::ModelError;
use crate::message::{Block, Message, StopReason, Usage, joined_text};
use crate::model::{Api, InputKind, Model, ModelEvent, ModelInfo, ModelRef, ModelRequest, Price};
use phrases::Phrases;

/// `builtin/demo`.
pub struct Demo {
    info: ModelInfo,
}

/// What the demo does next.
#[derive(Debug, PartialEq)]
enum Reply {
    Say(String),
    Call { name: &'static str, arguments: Value },
}

impl Demo {
    /// The reference of the demo.
    pub fn reference() -> ModelRef {
        ModelRef::new("builtin", "demo")
    }

    /// The demo model.
    pub fn new() -> Self {
        Self {
            info: ModelInfo {
                reference: Self::reference(),
                name: "Demo (offline)".into(),
                api: Api::Demo,
                context_window: 32_000,
                max_tokens: 2_000,
                reasoning: false,
                input: vec![InputKind::Text, InputKind::Image],
                cost: Price::default(),
            },
        }
    }
}

impl Default for Demo {
    fn default() -> Self {
        Self::new()
    }
}

impl Model for Demo {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ModelError>> {
        let input = approximate_tokens(&request);
        let call_number = request.messages.len();
        let reply = reply_to(&request);
        async_stream::stream! {
            let stop_reason;
            let output;
            match reply {
                Reply::Say(text) => {
                    output = tokens(text.len());
                    stop_reason = StopReason::Stop;
                    for word in text.split_inclusive([' ', '\n']) {
                        // Longer words take longer, so the pace looks natural and stays repeatable.
                        let pause = 15 + u64::try_from(word.len()).unwrap_or(0) % 11;
                        tokio::time::sleep(Duration::from_millis(pause)).await;
                        yield Ok(ModelEvent::Text(word.to_owned()));
                    }
                }
                Reply::Call { name, arguments } => {
                    output = tokens(arguments.to_string().len());
                    stop_reason = StopReason::ToolUse;
                    yield Ok(ModelEvent::ToolCall {
                        id: format!("demo-{call_number}"),
                        name: name.into(),
                        arguments,
                        thought_signature: None,
                    });
                }
            }
            let usage = Usage { input, output, total_tokens: input + output, ..Usage::default() };
            yield Ok(ModelEvent::Done { stop_reason, usage, response_id: None });
        }
        .boxed()
    }
}

fn reply_to(request: &ModelRequest) -> Reply {
    let Some((asked, images)) = last_user_text(&request.messages) else {
        return Reply::Say(Phrases::of("").introduction.into());
    };
    let phrases = Phrases::of(&asked);
    if let Some(Message::ToolResult { tool_name, content, is_error, .. }) = request.messages.last()
    {
        let result = joined_text(content);
        return Reply::Say(phrases.after_tool(tool_name, &result, *is_error));
    }
    let offers = |name: &str| request.tools.iter().any(|tool| tool.name == name);
    let words: Vec<String> = asked.split_whitespace().map(plain_word).collect();
    let asks_for = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));

    if let Some(path) = path_to_read(&asked).filter(|_| offers("read")) {
        return Reply::Call { name: "read", arguments: json!({ "path": path }) };
    }
    if asks_for(&["status", "statut", "état", "etat", "estado"]) && offers("session_status") {
        return Reply::Call { name: "session_status", arguments: json!({}) };
    }
    let mut samples = String::new();
    let all = asks_for(&["markdown"]);
    if all || asks_for(&["code", "código", "codigo"]) {
        samples.push_str(phrases.code);
    }
    if all || asks_for(&["table", "tableau", "tabla"]) {
        samples.push_str(phrases.table);
    }
    if all || asks_for(&["list", "liste", "lista"]) {
        samples.push_str(phrases.list);
    }
    if samples.is_empty() {
        Reply::Say(phrases.about(&asked, images))
    } else {
        Reply::Say(format!("{}\n\n{}", phrases.notice, samples.trim_end()))
    }
}

/// Text and number of images of the last user message.
fn last_user_text(messages: &[Message]) -> Option<(String, usize)> {
    messages.iter().rev().find_map(|message| match message {
        Message::User { content } => {
            let images =
                content.iter().filter(|block| matches!(block, Block::Image { .. })).count();
            Some((joined_text(content), images))
        }
        _ => None,
    })
}

/// The path in "read notes.md", "lis notes.md" or "lee notes.md".
fn path_to_read(asked: &str) -> Option<String> {
    let mut words = asked.split_whitespace();
    let verb = plain_word(words.next()?);
    if !["read", "lis", "lire", "lee", "leer"].contains(&verb.as_str()) {
        return None;
    }
    let rest = words.collect::<Vec<_>>().join(" ");
    let path = rest.trim_matches(['`', '"', '\'', '«', '»', ' ']);
    (!path.is_empty()).then(|| path.to_owned())
}

fn plain_word(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

fn approximate_tokens(request: &ModelRequest) -> u64 {
    let text: usize = request
        .messages
        .iter()
        .map(|message| match message {
            Message::User { content } | Message::ToolResult { content, .. } => {
                joined_text(content).len()
            }
            Message::Assistant(answer) => answer.text().len(),
        })
        .sum();
    tokens(text + request.system.len())
}

/// Four bytes make about one token.
fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::ToolSpec;

    fn ask(text: &str) -> ModelRequest {
        let tool = |name: &str| ToolSpec {
            name: name.into(),
            description: String::new(),
            parameters: json!({}),
        };
        ModelRequest {
            messages: vec![Message::user(text)],
            tools: vec![tool("read"), tool("session_status")],
            ..ModelRequest::default()
        }
    }

    fn said(text: &str) -> String {
        match reply_to(&ask(text)) {
            Reply::Say(text) => text,
            call @ Reply::Call { .. } => panic!("called a tool: {call:?}"),
        }
    }

    #[test]
    fn answers_in_the_language_of_the_question_and_says_it_is_a_demo() {
        for (question, expected) in [
            ("Hello", "demo"),
            ("hi there, what can you do?", "demo"),
            ("Bonjour", "démonstration"),
            ("Bonjour, que sais-tu faire ?", "démonstration"),
            ("Hola", "demostración"),
            ("Hola, ¿qué puedes hacer?", "demostración"),
        ] {
            let reply = said(question);
            assert!(reply.contains(expected), "{question}: {reply}");
            assert!(reply.contains(question), "{question} is not echoed: {reply}");
            assert!(reply.contains("ANTHROPIC_API_KEY"), "{reply}");
            assert!(reply.contains("~/.clawdbot/clawdbot.json"), "{reply}");
        }
    }

    #[test]
    fn shows_markdown_on_request() {
        assert!(said("show me a table").contains("| --- |"));
        assert!(said("some code please").contains("```"));
        assert!(said("Fais une liste").contains("\n- "));
        let all = said("markdown");
        assert!(all.contains("```") && all.contains("| --- |") && all.contains("\n- "));
    }

    #[test]
    fn uses_the_tools_it_is_offered() {
        let read = Reply::Call { name: "read", arguments: json!({"path": "my notes.md"}) };
        assert_eq!(reply_to(&ask("Read `my notes.md`")), read);
        let status = Reply::Call { name: "session_status", arguments: json!({}) };
        assert_eq!(reply_to(&ask("status?")), status);
        let mut without = ask("status?");
        without.tools.clear();
        assert!(matches!(reply_to(&without), Reply::Say(_)));
    }

    #[test]
    fn reports_what_a_tool_returned() {
        let mut request = ask("read notes.md");
        request.messages.push(Message::ToolResult {
            tool_call_id: "demo-1".into(),
            tool_name: "read".into(),
            content: vec![Block::text("hello from the file\n```\nfence")],
            is_error: false,
            details: None,
        });
        let Reply::Say(text) = reply_to(&request) else {
            panic!("called again");
        };
        assert!(text.contains("hello from the file"), "{text}");
        assert!(text.contains("````"), "the fence must outlast the content: {text}");
    }
}
