//! A model provider that says what the test wrote down.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An OpenAI-compatible server with a queue of answers. Dropping it fails the test when an answer
/// was never asked for, or a question had no answer.
pub struct FakeModel {
    address: SocketAddr,
    state: Arc<State>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    /// How many requests there were.
    asked: watch::Sender<usize>,
}

#[derive(Default)]
struct Inner {
    scripts: VecDeque<Script>,
    echo: bool,
    requests: Vec<Value>,
    unexpected: usize,
}

/// What the model does with one request.
#[derive(Clone, Default)]
pub struct Script {
    steps: Vec<Act>,
    error: Option<(u16, String)>,
}

#[derive(Clone)]
enum Act {
    Text(String),
    Tool(String, Value),
    Delay(Duration),
    Hold(Gate),
    Disconnect,
    Stall,
}

/// Holds a script back until the test opens it.
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// A closed gate.
    #[expect(clippy::new_without_default, reason = "a closed gate is no obvious default")]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn pass(&self) {
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl Script {
    /// Answers with these chunks of text.
    pub fn text<'a>(chunks: impl IntoIterator<Item = &'a str>) -> Self {
        chunks.into_iter().fold(Self::default(), Self::say)
    }

    /// Refuses with an HTTP status.
    pub fn error(status: u16, message: &str) -> Self {
        let body = json!({"error": {"message": message, "type": "invalid_request_error"}});
        Self { steps: Vec::new(), error: Some((status, body.to_string())) }
    }

    /// Asks for a tool.
    pub fn tool(name: &str, arguments: Value) -> Self {
        Self { steps: vec![Act::Tool(name.to_owned(), arguments)], error: None }
    }

    /// One more chunk.
    pub fn say(self, chunk: &str) -> Self {
        self.and(Act::Text(chunk.to_owned()))
    }

    /// Pauses.
    pub fn delay(self, pause: Duration) -> Self {
        self.and(Act::Delay(pause))
    }

    /// Waits for the test.
    pub fn hold(self, gate: &Gate) -> Self {
        self.and(Act::Hold(gate.clone()))
    }

    /// Breaks the connection.
    pub fn disconnect(self) -> Self {
        self.and(Act::Disconnect)
    }

    /// Says nothing more, ever.
    pub fn stall(self) -> Self {
        self.and(Act::Stall)
    }

    fn and(mut self, act: Act) -> Self {
        self.steps.push(act);
        self
    }
}

impl FakeModel {
    /// Starts a server with an empty queue.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let server = tokio::spawn(serve(listener, state.clone()));
        Self { address, state, _server: AbortOnDropHandle::new(server) }
    }

    /// Queues an answer.
    pub fn push(&self, script: Script) {
        self.state.lock().scripts.push_back(script);
    }

    /// From now on answers requests without a script by repeating the last user message.
    pub fn echo(&self) {
        self.state.lock().echo = true;
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Value> {
        self.state.lock().requests.clone()
    }

    /// Waits until there were this many requests.
    pub async fn asked(&self, count: usize) {
        self.state.asked.subscribe().wait_for(|asked| *asked >= count).await.unwrap();
    }

    /// For `models.providers.<id>.baseUrl`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What is wrong, if anything.
    pub fn leftovers(&self) -> Option<String> {
        let inner = self.state.lock();
        match (inner.scripts.len(), inner.unexpected) {
            (0, 0) => None,
            (unused, unexpected) => {
                Some(format!("{unused} scripts were not used, {unexpected} requests had none"))
            }
        }
    }
}

impl Drop for FakeModel {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Some(leftovers) = self.leftovers()
        {
            panic!("FakeModel: {leftovers}");
        }
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Books a request and picks its answer.
    fn take(&self, request: Value) -> Script {
        let mut inner = self.lock();
        let said = last_user_text(&request);
        inner.requests.push(request);
        self.asked.send_replace(inner.requests.len());
        match inner.scripts.pop_front() {
            Some(script) => script,
            None if inner.echo => Script::text([said.as_str()]),
            None => {
                inner.unexpected += 1;
                Script::error(400, "this request has no script")
            }
        }
    }
}

fn last_user_text(request: &Value) -> String {
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    match last.map(|message| &message["content"]) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect()
        }
        _ => String::new(),
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request| answer(state.clone(), request));
        tokio::spawn(async move {
            let io = TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let bytes = request.into_body().collect().await.unwrap().to_bytes();
    let script = state.take(serde_json::from_slice(&bytes).unwrap_or_default());
    let (status, kind, body) = match script.error {
        Some((status, text)) => (status, "application/json", whole(text)),
        None => (200, "text/event-stream", stream(script.steps)),
    };
    let response = Response::builder().status(status).header("content-type", kind);
    Ok(response.body(body).unwrap())
}

fn whole(text: String) -> Body {
    http_body_util::Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

fn stream(steps: Vec<Act>) -> Body {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(64);
    tokio::spawn(play(steps, sender));
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|item| (item, receiver))
    });
    StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync()
}

async fn play(steps: Vec<Act>, out: mpsc::Sender<io::Result<Bytes>>) {
    let called = steps.iter().any(|step| matches!(step, Act::Tool(..)));
    for (index, step) in steps.into_iter().enumerate() {
        let delta = match step {
            Act::Text(text) => json!({"content": text}),
            Act::Tool(name, arguments) => json!({"tool_calls": [{
                "index": 0, "id": format!("call_{index}"), "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()},
            }]}),
            Act::Delay(pause) => {
                tokio::time::sleep(pause).await;
                continue;
            }
            Act::Hold(gate) => {
                tokio::select! {
                    () = gate.pass() => continue,
                    () = out.closed() => return,
                }
            }
            Act::Disconnect => {
                let _ = out.send(Err(io::ErrorKind::ConnectionReset.into())).await;
                return;
            }
            Act::Stall => return out.closed().await,
        };
        if out.send(Ok(chunk(&delta, None))).await.is_err() {
            return;
        }
    }
    let reason = if called { "tool_calls" } else { "stop" };
    let _ = out.send(Ok(chunk(&json!({}), Some(reason)))).await;
    let usage = json!({"id": "fake", "object": "chat.completion.chunk", "created": 1,
        "model": "fake-model", "choices": [],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}});
    let _ = out.send(Ok(format!("data: {usage}\n\ndata: [DONE]\n\n").into())).await;
}

fn chunk(delta: &Value, finish: Option<&str>) -> Bytes {
    let chunk = json!({"id": "fake", "object": "chat.completion.chunk", "created": 1,
        "model": "fake-model",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    format!("data: {chunk}\n\n").into()
}
