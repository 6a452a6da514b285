//! `POST /v1/chat/completions`.

use clawdbot_agent::Usage;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::exchange::{Answer, Exchange};
use super::super::reply;
use super::input::{Content, Conversation, Speaker};
use super::run::{Order, Telling, has_answer, stream};
use super::target::Target;
use super::{Accepted, Failure};
use crate::error::store_error;
use crate::runs::Ended;

/// The members of a request that mean something to an agent; the rest is left to it.
#[derive(Debug, Deserialize)]
struct Request {
    model: String,
    messages: Vec<Message>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    user: Option<String>,
    n: Option<u64>,
    tool_choice: Option<Value>,
    reasoning_effort: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

pub(in super::super) async fn chat(exchange: Exchange) -> Answer {
    let (accepted, asked) =
        super::accept(exchange, |endpoints| &endpoints.chat_completions).await?;
    Ok(answer(&accepted, asked).await.unwrap_or_else(|failure| failure.answer()))
}

async fn answer(
    accepted: &Accepted,
    asked: Request,
) -> Result<http::Response<reply::Body>, Failure> {
    if asked.n.is_some_and(|n| n != 1) {
        return Err(Failure::invalid("n has to be 1: an agent gives one answer"));
    }
    refuse_forced_tools(asked.tool_choice.as_ref())?;
    let streamed = asked.stream == Some(true);
    let wants_usage = asked.stream_options.as_ref().and_then(|options| options.include_usage);
    let shared = &accepted.shared;
    let (user, settings) = (asked.user.as_deref(), shared.settings());
    let target = Target::new(&settings, &accepted.headers, &asked.model, user, None)?;
    let mut conversation = Conversation::default();
    for message in asked.messages {
        let speaker = Speaker::parse(&message.role)?;
        conversation.say(speaker, message.content.unwrap_or(Content::Text(String::new())))?;
    }
    let known = shared.store.session(target.key.as_str()).await.map_err(store_error)?.is_some();
    let run_id = uuid::Uuid::new_v4().to_string();
    let mut telling = Completion {
        id: format!("chatcmpl-{run_id}"),
        created: shared.now_ms() / 1000,
        model: asked.model,
        wants_usage: wants_usage == Some(true),
    };
    let thinking = asked.reasoning_effort.map(super::thinking);
    let order = Order { target, prompt: conversation.prompt(known)?, thinking, run_id };
    let answering = order.start(shared).await?;
    if streamed {
        return Ok(stream(answering, telling));
    }
    let ended = answering.end().await;
    if !has_answer(&ended) {
        return Err(Failure::of_run(&ended));
    }
    Ok(reply::json(StatusCode::OK, &telling.whole(&ended)))
}

/// Tools of the caller's own are no part of what an agent does here.
pub(super) fn refuse_forced_tools(choice: Option<&Value>) -> Result<(), Failure> {
    match choice {
        Some(Value::String(word)) if word == "required" => {}
        Some(Value::Object(_)) => {}
        _ => return Ok(()),
    }
    Err(Failure::invalid("tool_choice cannot be honoured: the agent uses its own tools here"))
}

/// One completion under way.
struct Completion {
    id: String,
    created: i64,
    model: String,
    wants_usage: bool,
}

impl Completion {
    fn whole(&mut self, ended: &Ended) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": ended.text, "refusal": null},
                "logprobs": null,
                "finish_reason": finish_reason(ended),
            }],
            "usage": usage(&ended.usage),
        })
    }

    fn chunk(&self, choices: &Value, usage: Option<&Value>) -> String {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if self.wants_usage {
            chunk["usage"] = usage.cloned().unwrap_or(Value::Null);
        }
        format!("data: {chunk}\n\n")
    }

    fn delta(&self, delta: &Value, finish: Option<&str>) -> String {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
        self.chunk(&json!([choice]), None)
    }
}

impl Telling for Completion {
    fn begin(&mut self) -> String {
        self.delta(&json!({"role": "assistant", "content": ""}), None)
    }

    fn text(&mut self, text: &str) -> String {
        self.delta(&json!({"content": text}), None)
    }

    fn end(&mut self, ended: &Ended) -> String {
        let mut text = String::new();
        if has_answer(ended) {
            text.push_str(&self.delta(&json!({}), Some(finish_reason(ended))));
            if self.wants_usage {
                text.push_str(&self.chunk(&json!([]), Some(&usage(&ended.usage))));
            }
        } else {
            text.push_str(&format!("data: {}\n\n", Failure::of_run(ended).body()));
        }
        text.push_str("data: [DONE]\n\n");
        text
    }
}

fn finish_reason(ended: &Ended) -> &'static str {
    match ended.stop_reason.as_deref() {
        Some("length") => "length",
        _ => "stop",
    }
}

fn usage(usage: &Usage) -> Value {
    let prompt = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    })
}
