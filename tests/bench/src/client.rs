//! A client that does as little as it can, so that what is measured is the gateway.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Every response begins with it.
const RESPONSE: &str = r#"{"type":"res""#;

/// A WebSocket over loopback.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(4096);
        let url = format!("ws://{address}/");
        let (stream, _) = client_async_with_config(url, tcp, Some(config)).await?;
        Ok(Self { stream })
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) -> anyhow::Result<()> {
        Ok(self.stream.send(Message::text(text.into())).await?)
    }

    /// The next text.
    pub(crate) async fn receive(&mut self) -> anyhow::Result<String> {
        loop {
            match self.stream.next().await.context("the server closed the connection")?? {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(frame) => bail!("the server closed the connection: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Sends a request and waits for its response, past any events.
    pub(crate) async fn exchange(&mut self, request: &str) -> anyhow::Result<String> {
        self.send(request).await?;
        loop {
            let text = self.receive().await?;
            if text.starts_with(RESPONSE) {
                return Ok(text);
            }
        }
    }
}

/// A connection that has said hello.
pub(crate) struct Client {
    pub(crate) socket: Socket,
}

/// What a client looks at in a frame.
#[derive(Debug, Deserialize)]
pub(crate) struct Frame<'a> {
    /// Of a response.
    pub(crate) id: Option<&'a str>,
    /// Of a response.
    pub(crate) ok: Option<bool>,
    /// Of an event.
    pub(crate) event: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) payload: Option<&'a RawValue>,
}

/// What a client looks at in a `chat` event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Chat {
    pub(crate) run_id: String,
    pub(crate) state: String,
}

impl Frame<'_> {
    pub(crate) fn parse(text: &str) -> anyhow::Result<Frame<'_>> {
        serde_json::from_str(text).with_context(|| format!("not a frame: {text}"))
    }

    /// The `chat` event in it.
    pub(crate) fn chat(&self) -> anyhow::Result<Option<Chat>> {
        match (self.event, self.payload) {
            (Some("chat"), Some(payload)) => Ok(Some(serde_json::from_str(payload.get())?)),
            _ => Ok(None),
        }
    }
}

impl Client {
    /// Connects like the command line does, up to `hello-ok`.
    pub(crate) async fn connect(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let mut socket = Socket::open(address).await?;
        socket.receive().await?;
        let version = env!("CARGO_PKG_VERSION");
        let connect = json!({
            "minProtocol": 4,
            "maxProtocol": 4,
            "client": {"id": "cli", "mode": "cli", "version": version, "platform": "linux"},
            "role": "operator",
            "scopes": ["operator.admin"],
            "auth": {"token": token},
        });
        let hello = socket.exchange(&request("hello", "connect", &connect)).await?;
        if !hello.contains(r#""hello-ok""#) {
            bail!("the gateway did not say hello: {hello}");
        }
        Ok(Self { socket })
    }

    /// The text of the response to one request; an error when it is a refusal.
    pub(crate) async fn request(&mut self, method: &str, params: &Value) -> anyhow::Result<String> {
        let text = self.socket.exchange(&request("r", method, params)).await?;
        if Frame::parse(&text)?.ok != Some(true) {
            bail!("{method} was refused: {text}");
        }
        Ok(text)
    }

    /// Sends a message without waiting for the answer; the run id is the request id, too.
    pub(crate) async fn say(&mut self, session: &str, run_id: &str) -> anyhow::Result<()> {
        let params = json!({
            "sessionKey": session,
            "message": "How many words does a fox need?",
            "idempotencyKey": run_id,
        });
        self.socket.send(request(run_id, "chat.send", &params)).await
    }
}

/// A request frame.
pub(crate) fn request(id: &str, method: &str, params: &Value) -> String {
    json!({"type": "req", "id": id, "method": method, "params": params}).to_string()
}
