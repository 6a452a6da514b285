//! A scripted provider and the shortest way to run something against it.
#![allow(dead_code, unreachable_pub, reason = "each suite is a crate that uses its part")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use clawdbot_agent::{
    Catalog, CatalogSettings, InputKind, Message, ModelRef, ModelSettings, ProviderSettings, Run,
    RunEnd, RunError, RunEvent, ThinkingLevel, Tool, ToolContext, ToolOutput, ToolSpec,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub const KEY: &str = "sk-very-secret-0123456789";

/// What the server does with one request.
pub enum Reply {
    /// Status, headers and body.
    Plain(u16, Vec<(&'static str, &'static str)>, String),
    /// A stream cut off after these bytes.
    Cut(String),
    /// A stream that goes on for ever; the sender is dropped when the client goes away.
    Hang(String, oneshot::Sender<Infallible>),
}

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

type Script = Arc<Mutex<(VecDeque<Reply>, Vec<Seen>)>>;

/// A provider that answers from a script.
pub struct Server {
    pub url: String,
    script: Script,
}

impl Server {
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script: Script = Arc::new(Mutex::new((replies.into_iter().collect(), Vec::new())));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, script }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().1.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let left = self.script.lock().unwrap().0.len();
        if !std::thread::panicking() {
            assert_eq!(left, 0, "replies were not asked for");
        }
    }
}

async fn answer(State(script): State<Script>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let reply = {
        let mut script = script.lock().unwrap();
        script.1.push(Seen {
            path: parts.uri.to_string(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        });
        script.0.pop_front()
    };
    match reply {
        None => Response::builder().status(599).body("unexpected request".into()),
        Some(Reply::Plain(status, headers, body)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(body.into())
        }
        Some(Reply::Cut(text)) => {
            // Only a pending body makes the server send what it has before the cut.
            let cut = stream::once(async {
                tokio::task::yield_now().await;
                Err(io::Error::other("cut"))
            });
            let chunks = stream::iter([Ok(Bytes::from(text))]).chain(cut);
            Response::builder().body(Body::from_stream(chunks))
        }
        Some(Reply::Hang(text, held)) => {
            let held = stream::once(async move {
                let _held = held;
                std::future::pending::<Result<Bytes, io::Error>>().await
            });
            let chunks = stream::iter([Ok(Bytes::from(text))]).chain(held);
            Response::builder().body(Body::from_stream(chunks))
        }
    }
    .unwrap()
}

/// The recorded stream of that name.
pub fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// A successful answer with the recorded stream.
pub fn recorded(name: &str) -> Reply {
    Reply::Plain(200, vec![("content-type", "text/event-stream")], fixture(name))
}

/// An error answer that asks to wait a millisecond.
pub fn refused(status: u16, body: Value) -> Reply {
    Reply::Plain(status, vec![("retry-after-ms", "1")], body.to_string())
}

/// A catalog whose provider `test` is `server`, speaking `api`.
pub fn catalog(server: &Server, api: &str) -> Catalog {
    let mut settings = ProviderSettings {
        id: "test".into(),
        base_url: Some(server.url.clone()),
        api: Some(api.into()),
        api_key: Some(KEY.into()),
        ..ProviderSettings::default()
    };
    settings.models.push(ModelSettings {
        id: "m-1".into(),
        reasoning: Some(true),
        input: Some(vec![InputKind::Text, InputKind::Image]),
        max_tokens: Some(2000),
        ..ModelSettings::default()
    });
    Catalog::new(CatalogSettings { providers: vec![settings], ..CatalogSettings::default() })
}

/// A run of `test/m-1` against `server` with the `lookup` tool.
pub fn run(server: &Server, api: &str, history: Vec<Message>) -> Run {
    Run {
        model: catalog(server, api).model(&ModelRef::new("test", "m-1")).unwrap(),
        tools: vec![Arc::new(Lookup)],
        system: "Be brief.".into(),
        history,
        thinking: ThinkingLevel::Low,
        max_turns: 4,
    }
}

/// Runs to the end and returns everything that was reported.
pub async fn finish(run: Run) -> (Result<RunEnd, RunError>, Vec<RunEvent>) {
    let mut events = Vec::new();
    let end = run.execute(CancellationToken::new(), |event| events.push(event));
    let end = tokio::time::timeout(Duration::from_secs(10), end).await.unwrap();
    (end, events)
}

/// The messages a run wants stored.
pub fn messages(events: &[RunEvent]) -> Vec<Message> {
    events
        .iter()
        .filter_map(|event| match event {
            RunEvent::Message(message) => Some(message.clone()),
            _ => None,
        })
        .collect()
}

/// A tool that repeats its argument.
pub struct Lookup;

impl Tool for Lookup {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "lookup".into(),
            description: "Looks a word up.".into(),
            parameters: json!({"type": "object", "properties": {"word": {"type": "string"}}}),
        }
    }

    fn call(&self, arguments: Value, _context: ToolContext) -> BoxFuture<'_, ToolOutput> {
        let found = format!("found {}", arguments["word"].as_str().unwrap_or("nothing"));
        Box::pin(std::future::ready(ToolOutput::text(found)))
    }
}
