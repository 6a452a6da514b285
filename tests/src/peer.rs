//! A client that says exactly what the test wants, right or wrong.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::{Connect, PATIENCE};

type Socket = WebSocketStream<TcpStream>;

/// One socket to a gateway. It is read all the time, as a good client does; for a bad one see
/// [`crate::upgrade`].
pub struct Peer {
    socket: SplitSink<Socket, Message>,
    arriving: mpsc::UnboundedReceiver<Frame>,
    waiting: VecDeque<Value>,
    next_id: u64,
    /// The challenge's nonce.
    pub nonce: String,
    /// The challenge's time.
    pub ts: i64,
}

/// What arrived.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// A message.
    Json(Value),
    /// The end, with code and reason; 1006 when the connection just broke.
    Closed(u16, String),
}

/// How a `connect` failed.
#[derive(Debug)]
pub struct Refused {
    /// The response's `error`, if there was a response.
    pub error: Value,
    /// Close code.
    pub code: u16,
    /// Close reason.
    pub reason: String,
}

impl Peer {
    /// Opens a socket and reads the challenge.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, &[]).await.unwrap()
    }

    /// The same with request headers; answers the HTTP status of a refused upgrade.
    ///
    /// # Errors
    /// The status when the gateway does not upgrade.
    pub async fn open_with(address: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, u16> {
        Self::open_at(address, "/", headers).await
    }

    /// The same at another path.
    ///
    /// # Errors
    /// The status when the gateway does not upgrade.
    pub async fn open_at(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let config = WebSocketConfig::default().max_message_size(Some(64 << 20));
        let config = config.max_frame_size(Some(64 << 20));
        let upgraded =
            tokio_tungstenite::client_async_with_config(request, tcp, Some(config)).await;
        let socket = match upgraded {
            Ok((socket, _)) => socket,
            Err(Error::Http(response)) => return Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        };
        let (socket, incoming) = socket.split();
        let (sender, arriving) = mpsc::unbounded_channel();
        tokio::spawn(read(incoming, sender));
        let waiting = VecDeque::new();
        let mut peer = Self { socket, arriving, waiting, next_id: 1, nonce: String::new(), ts: 0 };
        let Frame::Json(challenge) = peer.read().await else { panic!("no challenge") };
        assert_eq!(challenge["event"], "connect.challenge", "{challenge}");
        assert_eq!(challenge.get("seq"), None, "the challenge has no seq");
        peer.nonce = challenge["payload"]["nonce"].as_str().unwrap().to_owned();
        peer.ts = challenge["payload"]["ts"].as_i64().unwrap();
        Ok(peer)
    }

    /// Sends `connect` and answers the `hello-ok` payload.
    ///
    /// # Errors
    /// The refusal and the close that follows it.
    pub async fn connect(&mut self, connect: Connect) -> Result<Value, Refused> {
        self.post_connect(connect).await;
        self.admission().await
    }

    /// Sends `connect` without waiting.
    pub async fn post_connect(&mut self, connect: Connect) {
        let params = connect.finish(&self.nonce, self.ts);
        let request =
            json!({"type": "req", "id": "connect-1", "method": "connect", "params": params});
        self.send(&request).await;
    }

    /// Waits for the answer to a `connect` that was sent by hand.
    ///
    /// # Errors
    /// The refusal and the close that follows it.
    pub async fn admission(&mut self) -> Result<Value, Refused> {
        let mut error = Value::Null;
        loop {
            match self.read().await {
                Frame::Json(mut frame) if frame["type"] == "res" && frame["ok"] == true => {
                    return Ok(frame["payload"].take());
                }
                Frame::Json(mut frame) if frame["type"] == "res" => error = frame["error"].take(),
                Frame::Json(frame) => self.waiting.push_back(frame),
                Frame::Closed(code, reason) => return Err(Refused { error, code, reason }),
            }
        }
    }

    /// Calls a method; answers the response frame. Events meanwhile are kept for later.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.post(method, params).await;
        self.response(&id).await
    }

    /// Calls a method that has to succeed; answers its payload.
    pub async fn ok(&mut self, method: &str, params: Value) -> Value {
        let mut response = self.request(method, params).await;
        assert_eq!(response["ok"], true, "{method}: {response}");
        response["payload"].take()
    }

    /// Calls a method that has to fail; answers its `error`.
    pub async fn fails(&mut self, method: &str, params: Value) -> Value {
        let mut response = self.request(method, params).await;
        assert_eq!(response["ok"], false, "{method}: {response}");
        response["error"].take()
    }

    /// Sends a request without waiting; answers its id.
    pub async fn post(&mut self, method: &str, params: Value) -> String {
        let id = format!("r{}", self.next_id);
        self.next_id += 1;
        self.send(&json!({"type": "req", "id": id, "method": method, "params": params})).await;
        id
    }

    /// The response to `id`; everything else is kept for later.
    pub async fn response(&mut self, id: &str) -> Value {
        self.wait(|frame| frame["type"] == "res" && frame["id"] == id).await
    }

    /// The next event that `wanted` accepts; everything else is kept for later.
    pub async fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(|frame| frame["type"] == "event" && wanted(frame)).await
    }

    /// The `chat` event that ends a run.
    pub async fn terminal(&mut self, run_id: &str) -> Value {
        let event = self.event(|frame| {
            frame["event"] == "chat"
                && frame["payload"]["runId"] == run_id
                && matches!(frame["payload"]["state"].as_str(), Some("final" | "aborted" | "error"))
        });
        event.await["payload"].take()
    }

    async fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(at).unwrap();
        }
        loop {
            match self.read().await {
                Frame::Json(frame) if wanted(&frame) => return frame,
                Frame::Json(frame) => self.waiting.push_back(frame),
                Frame::Closed(code, reason) => {
                    panic!("closed {code} {reason:?}; before: {:?}", self.seen())
                }
            }
        }
    }

    /// The next frame in order of arrival.
    pub async fn next(&mut self) -> Frame {
        match self.waiting.pop_front() {
            Some(frame) => Frame::Json(frame),
            None => self.read().await,
        }
    }

    /// Everything up to the frame that `last` accepts, in order of arrival.
    pub async fn until(&mut self, last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let Frame::Json(frame) = self.next().await else { panic!("closed: {frames:#?}") };
            let done = last(&frame);
            frames.push(frame);
            if done {
                return frames;
            }
        }
    }

    /// Hangs up, and waits until the gateway has noticed.
    pub async fn leave(mut self) {
        self.send_message(Message::Close(None)).await;
        self.closed().await;
    }

    /// Waits for the end.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Frame::Closed(code, reason) = self.read().await {
                return (code, reason);
            }
        }
    }

    /// Sends a JSON frame.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends text.
    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends any message. A gateway that has hung up is found out by reading.
    pub async fn send_message(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// Sends bytes that claim to be text.
    pub async fn send_claimed_text(&mut self, bytes: Vec<u8>) {
        // Built by hand, because the library would check the text.
        let mut frame = tokio_tungstenite::tungstenite::protocol::frame::Frame::message(
            bytes,
            tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode::Data(
                tokio_tungstenite::tungstenite::protocol::frame::coding::Data::Text,
            ),
            true,
        );
        frame.header_mut().mask = Some([1, 2, 3, 4]);
        self.send_message(Message::Frame(frame)).await;
    }

    /// What arrived and nobody asked for, in short.
    fn seen(&self) -> Vec<String> {
        let short = |frame: &Value| match crate::of_event(frame) {
            Some((event, kind, phase)) => format!("{event} {kind} {phase}"),
            None => frame.to_string().chars().take(200).collect(),
        };
        self.waiting.iter().map(short).collect()
    }

    async fn read(&mut self) -> Frame {
        match tokio::time::timeout(PATIENCE, self.arriving.recv()).await {
            Ok(frame) => frame.unwrap_or(Frame::Closed(1006, String::new())),
            Err(_) => panic!("nothing arrived for {PATIENCE:?}; before: {:?}", self.seen()),
        }
    }
}

async fn read(mut socket: SplitStream<Socket>, frames: mpsc::UnboundedSender<Frame>) {
    while let Some(message) = socket.next().await {
        let frame = match message {
            Ok(Message::Text(text)) => Frame::Json(parse(&text)),
            Ok(Message::Close(Some(frame))) => {
                Frame::Closed(frame.code.into(), frame.reason.to_string())
            }
            Ok(Message::Close(None)) => Frame::Closed(1005, String::new()),
            Ok(_) => continue,
            Err(_) => Frame::Closed(1006, String::new()),
        };
        let _ = frames.send(frame);
    }
}

fn parse(text: &Utf8Bytes) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
