//! A model server that answers at once, with the same words.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What it says.
const WORDS: [&str; 8] = ["The ", "quick ", "brown ", "fox ", "jumps ", "over ", "lazy ", "dogs."];
/// Between the first word and the others of a paced answer.
const PAUSE: Duration = Duration::from_millis(20);

/// The server; it ends with the runtime.
pub(crate) struct Model {
    url: String,
    /// When the first byte of each paced answer was handed to the system.
    pub(crate) first_bytes: mpsc::UnboundedReceiver<Instant>,
}

impl Model {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (report, first_bytes) = mpsc::unbounded_channel();
        let app = Router::new()
            .route("/instant/chat/completions", post(instant))
            .route("/paced/chat/completions", post(paced))
            .with_state(report);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            // Only latency suffers when it is refused.
            let _ = stream.set_nodelay(true);
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, first_bytes })
    }

    /// Where the whole answer comes at once.
    pub(crate) fn instant(&self) -> String {
        format!("{}/instant", self.url)
    }

    /// Where a pause follows the first word.
    pub(crate) fn paced(&self) -> String {
        format!("{}/paced", self.url)
    }
}

async fn instant(_request: Bytes) -> Response {
    answer(Body::from(beginning() + &rest()))
}

async fn paced(State(report): State<mpsc::UnboundedSender<Instant>>, _request: Bytes) -> Response {
    answer(Body::from_stream(async_stream::stream! {
        let _ = report.send(Instant::now());
        yield Ok::<_, Infallible>(beginning());
        tokio::time::sleep(PAUSE).await;
        yield Ok(rest());
    }))
}

fn answer(body: Body) -> Response {
    let mut response = Response::new(body);
    let kind = axum::http::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, kind);
    response
}

/// Role and first word.
fn beginning() -> String {
    chunk(&json!([choice(json!({"role": "assistant", "content": WORDS[0]}), None)]), None)
}

/// The other words, the end and the usage.
fn rest() -> String {
    let mut text = String::new();
    for word in &WORDS[1..] {
        text += &chunk(&json!([choice(json!({"content": word}), None)]), None);
    }
    text += &chunk(&json!([choice(json!({}), Some("stop"))]), None);
    let usage = json!({"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 48});
    text += &chunk(&json!([]), Some(usage));
    text + "data: [DONE]\n\n"
}

fn choice(delta: Value, finish: Option<&str>) -> Value {
    json!({"index": 0, "delta": delta, "finish_reason": finish})
}

fn chunk(choices: &Value, usage: Option<Value>) -> String {
    let chunk = json!({
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "scripted",
        "choices": choices,
        "usage": usage,
    });
    format!("data: {chunk}\n\n")
}
