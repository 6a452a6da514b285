//! `POST /v1/responses`.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::exchange::{Answer, Exchange};
use super::super::reply;
use super::chat::refuse_forced_tools;
use super::input::{Content, Conversation, Speaker};
use super::run::{Order, Telling, has_answer, stream};
use super::target::Target;
use super::{Accepted, Failure};
use crate::error::store_error;
use crate::runs::Ended;

/// What every response's id begins with; a run's id follows.
const ID: &str = "resp_";

#[derive(Debug, Deserialize)]
struct Request {
    model: String,
    input: Input,
    instructions: Option<String>,
    stream: Option<bool>,
    user: Option<String>,
    previous_response_id: Option<String>,
    tool_choice: Option<Value>,
    reasoning: Option<Reasoning>,
    metadata: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// One item of the input; a message may leave its type out.
#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    content: Option<Content>,
    output: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Reasoning {
    effort: Option<String>,
}

pub(in super::super) async fn responses(exchange: Exchange) -> Answer {
    let (accepted, asked) = super::accept(exchange, |endpoints| &endpoints.responses).await?;
    Ok(answer(&accepted, asked).await.unwrap_or_else(|failure| failure.answer()))
}

async fn answer(
    accepted: &Accepted,
    asked: Request,
) -> Result<http::Response<reply::Body>, Failure> {
    refuse_forced_tools(asked.tool_choice.as_ref())?;
    let streamed = asked.stream == Some(true);
    let shared = &accepted.shared;
    let earlier = match asked.previous_response_id.as_deref() {
        Some(id) => Some(conversation_of(accepted, id).await?),
        None => None,
    };
    let (user, settings) = (asked.user.as_deref(), shared.settings());
    let earlier = earlier.as_deref();
    let target = Target::new(&settings, &accepted.headers, &asked.model, user, earlier)?;
    let mut conversation = Conversation::default();
    conversation.instruct(asked.instructions.as_deref().unwrap_or_default());
    match asked.input {
        Input::Text(text) => conversation.say(Speaker::User, Content::Text(text))?,
        Input::Items(items) => {
            for item in items {
                say(&mut conversation, item)?;
            }
        }
    }
    let known = shared.store.session(target.key.as_str()).await.map_err(store_error)?.is_some();
    let run_id = uuid::Uuid::new_v4().to_string();
    let mut telling = Reply {
        id: format!("{ID}{run_id}"),
        item: format!("msg_{run_id}"),
        created: shared.now_ms() / 1000,
        model: asked.model,
        instructions: asked.instructions,
        previous: asked.previous_response_id,
        metadata: asked.metadata.unwrap_or_default(),
        text: String::new(),
        sequence: 0,
    };
    let thinking = asked.reasoning.and_then(|reasoning| reasoning.effort).map(super::thinking);
    let order = Order { target, prompt: conversation.prompt(known)?, thinking, run_id };
    let answering = order.start(shared).await?;
    if streamed {
        return Ok(stream(answering, telling));
    }
    let ended = answering.end().await;
    if !has_answer(&ended) {
        return Err(Failure::of_run(&ended));
    }
    telling.text.clone_from(&ended.text);
    Ok(reply::json(StatusCode::OK, &telling.response("completed", Some(&ended))))
}

/// The conversation an earlier response belongs to.
async fn conversation_of(accepted: &Accepted, id: &str) -> Result<String, Failure> {
    let run = match id.strip_prefix(ID) {
        Some(run_id) => accepted.shared.store.run(run_id).await.map_err(store_error)?,
        None => None,
    };
    match run {
        Some(run) => Ok(run.session_key),
        None => Err(Failure::invalid("previous_response_id names no response of this gateway")),
    }
}

fn say(conversation: &mut Conversation, item: Item) -> Result<(), Failure> {
    match item.kind.as_deref() {
        None | Some("message") => {
            let speaker = Speaker::parse(item.role.as_deref().unwrap_or("user"))?;
            conversation.say(speaker, item.content.unwrap_or(Content::Text(String::new())))
        }
        Some("function_call_output") => {
            let text = match item.output.unwrap_or_default() {
                Value::String(text) => text,
                other => other.to_string(),
            };
            conversation.say(Speaker::Tool, Content::Text(text))
        }
        // What a model thought or called belongs to the run that is over.
        Some("reasoning" | "function_call") => Ok(()),
        Some(_) => Err(Failure::invalid(
            "an item of the input is of a type this gateway does not take; send messages",
        )),
    }
}

/// One response under way.
struct Reply {
    id: String,
    item: String,
    created: i64,
    model: String,
    instructions: Option<String>,
    previous: Option<String>,
    metadata: Map<String, Value>,
    text: String,
    sequence: u64,
}

impl Reply {
    fn response(&self, status: &str, ended: Option<&Ended>) -> Value {
        let output = match ended {
            Some(_) if status == "completed" => json!([self.message("completed")]),
            _ => json!([]),
        };
        let error = ended.filter(|ended| !has_answer(ended)).map(
            |ended| json!({"code": "server_error", "message": Failure::of_run(ended).message}),
        );
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": error,
            "incomplete_details": null,
            "instructions": self.instructions,
            "metadata": self.metadata,
            "model": self.model,
            "output": output,
            "parallel_tool_calls": true,
            "previous_response_id": self.previous,
            "temperature": null,
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "usage": ended.map(usage),
        })
    }

    fn part(&self) -> Value {
        json!({"type": "output_text", "text": self.text, "annotations": [], "logprobs": []})
    }

    fn message(&self, status: &str) -> Value {
        let content = if status == "completed" { json!([self.part()]) } else { json!([]) };
        json!({"id": self.item, "type": "message", "role": "assistant", "status": status,
            "content": content})
    }

    fn event(&mut self, kind: &str, members: Value) -> String {
        let mut event = json!({"type": kind, "sequence_number": self.sequence});
        if let (Value::Object(event), Value::Object(members)) = (&mut event, members) {
            event.extend(members);
        }
        self.sequence += 1;
        format!("event: {kind}\ndata: {event}\n\n")
    }

    /// An event about the one text there is.
    fn about_text(&mut self, kind: &str, name: &str, value: Value) -> String {
        let mut members = json!({"item_id": self.item, "output_index": 0, "content_index": 0});
        members[name] = value;
        self.event(kind, members)
    }
}

impl Telling for Reply {
    fn begin(&mut self) -> String {
        let response = self.response("in_progress", None);
        let message = self.message("in_progress");
        let part = self.part();
        [
            self.event("response.created", json!({"response": response})),
            self.event("response.in_progress", json!({"response": response})),
            self.event("response.output_item.added", json!({"output_index": 0, "item": message})),
            self.about_text("response.content_part.added", "part", part),
        ]
        .concat()
    }

    fn text(&mut self, text: &str) -> String {
        self.text.push_str(text);
        self.about_text("response.output_text.delta", "delta", json!(text))
    }

    fn end(&mut self, ended: &Ended) -> String {
        if !has_answer(ended) {
            let response = self.response("failed", Some(ended));
            return self.event("response.failed", json!({"response": response}))
                + "data: [DONE]\n\n";
        }
        let text = json!(self.text);
        let part = self.part();
        let message = self.message("completed");
        let response = self.response("completed", Some(ended));
        [
            self.about_text("response.output_text.done", "text", text),
            self.about_text("response.content_part.done", "part", part),
            self.event("response.output_item.done", json!({"output_index": 0, "item": message})),
            self.event("response.completed", json!({"response": response})),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat()
    }
}

fn usage(ended: &Ended) -> Value {
    let usage = &ended.usage;
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + usage.output,
    })
}
