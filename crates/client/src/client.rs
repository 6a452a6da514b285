use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clawdbot_protocol::{HelloOk, RpcError};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::address::Address;
use crate::dial::{Attempt, Socket};
use crate::error::{Closed, ConnectError, RequestError};
use crate::events::{EventSink, Events, queue};
use crate::handshake::code_of;
use crate::options::ConnectOptions;
use crate::pace::Pace;
use crate::wire::{Frame, Request};

/// Requests that may wait for an answer at once.
const MAX_PENDING: usize = 1024;
/// Requests that may wait to be written; more callers wait for their turn.
const MAX_OUTGOING: usize = 64;
/// How long saying goodbye may take.
const CLOSE_GRACE: Duration = Duration::from_secs(1);
/// The close code of a client that gives up on its gateway (protocol §2.1).
const CLIENT_GAVE_UP: u16 = 4000;

/// A fresh connection.
#[derive(Debug)]
pub struct Connected {
    /// For requests.
    pub client: Client,
    /// What the gateway said about itself; its limits are already clamped to sane values.
    pub hello: HelloOk,
    /// Its events; drop this to go without.
    pub events: Events,
}

/// A handle to one connection. The connection ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Client {
    outgoing: mpsc::Sender<String>,
    link: Arc<Link>,
    timeout: Duration,
    max_frame: usize,
}

/// What handles and the two tasks of a connection share.
#[derive(Debug)]
struct Link {
    pending: Mutex<HashMap<String, Pending>>,
    next_id: AtomicU64,
    /// Cancelled when the connection has to end, for whatever reason.
    end: CancellationToken,
    /// Why it ended: the first reason given counts.
    closed: watch::Sender<Option<Closed>>,
    /// Cancelled when the socket is gone.
    gone: CancellationToken,
}

#[derive(Debug)]
struct Pending {
    answers: mpsc::Sender<Result<Value, RpcError>>,
    /// Whether `status: "accepted"` is to be followed by a second answer (protocol §3.2).
    wants_final: bool,
}

impl Client {
    /// Connects and says hello.
    ///
    /// # Errors
    /// [`ConnectError`] names the layer that failed; nothing is left open.
    pub async fn connect(options: ConnectOptions) -> Result<Connected, ConnectError> {
        let address = Address::pinned(&options.url, options.pin.as_ref())?;
        let deadline = Instant::now() + options.timeout;
        let attempt = Attempt { address: &address, deadline, options: &options };
        let mut socket = Box::pin(attempt.dial()).await?;
        let (hello, _) = attempt.handshake(&mut socket).await?;
        Ok(Self::start(socket, hello, &options))
    }

    pub(crate) fn start(socket: Socket, hello: HelloOk, options: &ConnectOptions) -> Connected {
        let (sink, events) = queue();
        let (outgoing, queued) = mpsc::channel(MAX_OUTGOING);
        let link = Arc::new(Link {
            pending: Mutex::default(),
            next_id: AtomicU64::new(1),
            end: CancellationToken::new(),
            closed: watch::Sender::new(None),
            gone: CancellationToken::new(),
        });
        let (writer, reader) = socket.split();
        let silence = Duration::from_millis(hello.policy.tick_interval_ms.saturating_mul(2));
        let pace = Pace::new(options.max_rate);
        tokio::spawn(read(link.clone(), reader, sink, (silence, pace)));
        tokio::spawn(write(link.clone(), writer, queued));
        let max_frame = usize::try_from(hello.policy.max_payload).unwrap_or(usize::MAX);
        let client = Self { outgoing, link, timeout: options.timeout, max_frame };
        Connected { client, hello, events }
    }

    /// Calls `method` and waits for its first answer.
    ///
    /// # Errors
    /// [`RequestError`]; after `Timeout` and `Closed` the gateway may still have acted.
    pub async fn request<P: Serialize + Sync + ?Sized>(
        &self,
        method: &str,
        params: &P,
    ) -> Result<Value, RequestError> {
        let mut call = self.call(method, params, false).await?;
        self.first(method, &mut call).await
    }

    /// Calls a method that answers twice, such as `agent`, and waits for the final answer: up to
    /// the timeout for the first, without limit for the second.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn request_final<P: Serialize + Sync + ?Sized>(
        &self,
        method: &str,
        params: &P,
    ) -> Result<Value, RequestError> {
        let mut call = self.call(method, params, true).await?;
        let first = self.first(method, &mut call).await?;
        if is_accepted(&first) { call.answer().await } else { Ok(first) }
    }

    /// Ends the connection and waits until it is gone, one second at most.
    pub async fn close(&self) {
        self.link.finish(Closed::Here);
        self.link.gone.cancelled().await;
    }

    /// Waits until the connection has ended and says why.
    pub async fn closed(&self) -> Closed {
        self.link.reason().await
    }

    async fn call<P: Serialize + Sync + ?Sized>(
        &self,
        method: &str,
        params: &P,
        wants_final: bool,
    ) -> Result<Call, RequestError> {
        let id = self.link.next_id.fetch_add(1, Ordering::Relaxed).to_string();
        let text = Request::json(&id, method, params)
            .map_err(|error| RequestError::Params(error.to_string()))?;
        if text.len() > self.max_frame {
            return Err(RequestError::TooBig { size: text.len(), limit: self.max_frame });
        }
        let (sender, answers) = mpsc::channel(2);
        {
            let mut pending = self.link.pending();
            if pending.len() >= MAX_PENDING {
                return Err(RequestError::Busy);
            }
            pending.insert(id.clone(), Pending { answers: sender, wants_final });
        }
        let call = Call { id, answers, link: self.link.clone() };
        if self.link.end.is_cancelled() || self.outgoing.send(text).await.is_err() {
            return Err(RequestError::Closed(self.link.reason().await));
        }
        Ok(call)
    }

    async fn first(&self, method: &str, call: &mut Call) -> Result<Value, RequestError> {
        tokio::time::timeout(self.timeout, call.answer()).await.unwrap_or_else(|_| {
            Err(RequestError::Timeout { method: method.to_owned(), after: self.timeout })
        })
    }
}

/// A request under way; forgotten when dropped.
struct Call {
    id: String,
    answers: mpsc::Receiver<Result<Value, RpcError>>,
    link: Arc<Link>,
}

impl Call {
    async fn answer(&mut self) -> Result<Value, RequestError> {
        let answer = tokio::select! {
            biased;
            answer = self.answers.recv() => answer,
            () = self.link.gone.cancelled() => None,
        };
        match answer {
            Some(answer) => answer.map_err(RequestError::Refused),
            None => Err(RequestError::Closed(self.link.reason().await)),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.link.pending().remove(&self.id);
    }
}

impl Link {
    fn pending(&self) -> MutexGuard<'_, HashMap<String, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, why: Closed) {
        self.closed.send_if_modified(|closed| {
            let first = closed.is_none();
            closed.get_or_insert(why);
            first
        });
        self.end.cancel();
    }

    async fn reason(&self) -> Closed {
        let mut closed = self.closed.subscribe();
        let reason = closed.wait_for(Option::is_some).await.ok().and_then(|closed| closed.clone());
        reason.unwrap_or(Closed::Here)
    }

    /// Gives an answer to whoever waits for it; answers nobody waits for are dropped.
    fn deliver(&self, id: &str, result: Result<Value, RpcError>) {
        let mut pending = self.pending();
        let Some(waiting) = pending.get(id) else { return };
        let more = waiting.wants_final && result.as_ref().is_ok_and(is_accepted);
        // There is room for two answers, and a third is nobody's.
        let _ = waiting.answers.try_send(result);
        if !more {
            pending.remove(id);
        }
    }
}

fn is_accepted(answer: &Value) -> bool {
    answer.get("status").and_then(Value::as_str) == Some("accepted")
}

async fn read(
    link: Arc<Link>,
    mut socket: SplitStream<Socket>,
    events: EventSink,
    (silence, mut pace): (Duration, Pace),
) {
    let why = loop {
        let next = async {
            pace.ready().await;
            tokio::time::timeout(silence, socket.next()).await
        };
        let message = tokio::select! {
            () = link.end.cancelled() => break Closed::Here,
            message = next => message,
        };
        if let Ok(Some(Ok(message))) = &message {
            pace.count(message.len());
        }
        match message {
            Err(_) => break Closed::TickTimeout,
            Ok(Some(Ok(Message::Text(text)))) => match Frame::parse(&text) {
                Some(Frame::Response(response)) => link.deliver(&response.id, response.result),
                Some(Frame::Event(event)) => {
                    if events.offer(event, text.len()).is_err() {
                        break Closed::EventsOverrun;
                    }
                }
                None => debug!(bytes = text.len(), "ignored a message that is no frame"),
            },
            Ok(Some(Ok(Message::Close(frame)))) => {
                let reason = frame.as_ref().map(|frame| frame.reason.to_string());
                break Closed::There {
                    code: code_of(frame.as_ref()),
                    reason: reason.unwrap_or_default(),
                };
            }
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => break Closed::Broken(error.to_string()),
            Ok(None) => break Closed::There { code: 1006, reason: String::new() },
        }
    };
    link.finish(why);
    // The rest is read away, so that our close frame is not lost to a reset.
    let drain = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = tokio::time::timeout(CLOSE_GRACE, drain).await;
}

async fn write(
    link: Arc<Link>,
    mut socket: SplitSink<Socket, Message>,
    mut queued: mpsc::Receiver<String>,
) {
    loop {
        let text = tokio::select! {
            () = link.end.cancelled() => break,
            text = queued.recv() => text,
        };
        let Some(text) = text else {
            link.finish(Closed::Here);
            break;
        };
        let sent = tokio::select! {
            () = link.end.cancelled() => break,
            sent = socket.send(Message::text(text)) => sent,
        };
        match sent {
            Ok(()) => {}
            // The reader will find the close frame that tells why.
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => link.end.cancelled().await,
            Err(error) => link.finish(Closed::Broken(error.to_string())),
        }
    }
    let code = match link.reason().await {
        Closed::TickTimeout => Some((CLIENT_GAVE_UP, "tick timeout")),
        Closed::EventsOverrun => Some((CLIENT_GAVE_UP, "events not read")),
        Closed::Here => Some((1000, "")),
        Closed::There { .. } | Closed::Broken(_) => None,
    };
    let goodbye = async {
        if let Some((code, reason)) = code {
            let frame = CloseFrame { code: code.into(), reason: reason.into() };
            let _ = socket.send(Message::Close(Some(frame))).await;
        }
        let _ = socket.close().await;
    };
    let _ = tokio::time::timeout(CLOSE_GRACE, goodbye).await;
    link.gone.cancel();
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::dialer::Stream;

    /// A client and the gateway's end of its socket, without a network.
    async fn pair(tick_ms: u64) -> (Connected, WebSocketStream<tokio::io::DuplexStream>) {
        let (near, far) = tokio::io::duplex(1 << 20);
        let near: Box<dyn Stream> = Box::new(near);
        let near = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        let far = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
        let hello = serde_json::json!({
            "type": "hello-ok", "protocol": 4,
            "policy": {"maxPayload": 70_000, "maxBufferedBytes": 1, "tickIntervalMs": tick_ms},
        });
        let hello = serde_json::from_value(hello).unwrap();
        (Client::start(near, hello, &ConnectOptions::new("ws://127.0.0.1")), far)
    }

    #[tokio::test(start_paused = true)]
    async fn two_silent_ticks_end_the_connection_with_4000() {
        let (connected, mut far) = pair(30_000).await;
        let begun = Instant::now();
        assert_eq!(connected.client.closed().await, Closed::TickTimeout);
        assert_eq!(begun.elapsed().as_secs(), 60);
        let Some(Ok(Message::Close(Some(frame)))) = far.next().await else { panic!() };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4000, "tick timeout"));
    }

    #[tokio::test(start_paused = true)]
    async fn any_frame_keeps_the_connection() {
        let (connected, mut far) = pair(30_000).await;
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(59)).await;
            far.send(Message::text(r#"{"type":"event","event":"tick"}"#)).await.unwrap();
        }
        assert!(!connected.client.link.end.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn unread_events_end_the_connection_and_unwanted_ones_do_not_app_09() {
        let flood = |mut far: WebSocketStream<tokio::io::DuplexStream>| async move {
            for _ in 0..10_000 {
                let event = Message::text(r#"{"type":"event","event":"x"}"#);
                if far.feed(event).await.is_err() {
                    return;
                }
            }
            let _ = far.flush().await;
            let _ = far.next().await;
        };
        let (kept, far) = pair(30_000).await;
        tokio::spawn(flood(far));
        assert_eq!(kept.client.closed().await, Closed::EventsOverrun);
        let (Connected { client, events, .. }, far) = pair(30_000).await;
        drop(events);
        tokio::spawn(flood(far));
        assert_eq!(client.closed().await, Closed::TickTimeout);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_over_the_limit_is_not_sent() {
        let (connected, mut far) = pair(30_000).await;
        let big = serde_json::json!({"message": "x".repeat(80_000)});
        let error = connected.client.request("chat.send", &big).await.unwrap_err();
        assert_eq!(error.code(), "TOO_BIG");
        connected.client.close().await;
        assert!(matches!(far.next().await, Some(Ok(Message::Close(_)))));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_requests_are_bounded_and_forgotten_when_given_up() {
        let (connected, mut far) = pair(300_000).await;
        tokio::spawn(async move { while let Some(Ok(_)) = far.next().await {} });
        let client = connected.client;
        let calls: Vec<_> = (0..MAX_PENDING)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.request("never", &()).await })
            })
            .collect();
        while client.link.pending().len() < MAX_PENDING {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.request("one.more", &()).await.unwrap_err().code(), "BUSY");
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap_err().code(), "TIMEOUT");
        }
        assert!(client.link.pending().is_empty());
    }
}
