//! One connection, from challenge to close. The transport may be a WebSocket or a pair of channels
//! inside the process; everything above it is the same.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clawdbot_protocol::{Incoming, Outcome, Request, RpcError, TICK_INTERVAL_MS, event_json};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tracing::{Instrument as _, debug, info, trace, warn};

use crate::access::Caller;
use crate::handshake::{self, Admission};
use crate::hub::{Out, Outgoing, SERVICE_RESTART, outbox};
use crate::logging::REQUESTS;
use crate::router::{Ctx, Reply};
use crate::shared::Shared;

/// Time a client has between the challenge and a valid `connect`.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);
/// Time a closing client has to take what is on its way.
const CLOSE_GRACE: Duration = Duration::from_secs(1);
/// Frames written with one flush.
const BATCH: usize = 64;
/// A request that takes longer is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);
/// Requests of one connection that may run at once.
const MAX_IN_FLIGHT: usize = 256;

/// What came from the far end.
pub(crate) enum Inbound {
    /// A text message, or a binary one that holds text.
    Text(String),
    /// A ping or pong: a sign of life.
    Alive,
    /// A message over the limit.
    TooBig,
    /// Not a message this protocol knows.
    Garbage,
}

/// A way to exchange text frames with one client.
pub(crate) trait Transport: Send {
    /// The next message; `None` when the far end is gone. Safe to cancel.
    fn receive(&mut self) -> impl Future<Output = Option<Inbound>> + Send;
    /// Writes a frame without flushing.
    fn feed(&mut self, out: Out) -> impl Future<Output = bool> + Send;
    /// Writes out everything fed so far.
    fn flush(&mut self) -> impl Future<Output = bool> + Send;
    /// Whether a long silence means that the far end is gone.
    fn silence_matters(&self) -> bool;
    /// Lifts the size limit once the client has proven itself.
    fn admit(&mut self);
    /// Says goodbye.
    fn close(&mut self, code: u16, reason: &str) -> impl Future<Output = ()> + Send;
}

/// Serves one connection to its end.
pub(crate) async fn serve(gateway: Arc<Shared>, mut transport: impl Transport, caller: Caller) {
    let nonce = uuid::Uuid::new_v4().to_string();
    let admission = match greet(&gateway, &mut transport, &caller, &nonce).await {
        Ok(admission) => admission,
        Err(end) => return end.finish(&mut transport).await,
    };
    transport.admit();
    let conn = admission.conn_id.clone();
    let span = tracing::info_span!("conn", id = %conn);
    run(gateway, transport, admission).instrument(span).await;
}

/// How a connection ends before it is admitted.
struct Farewell {
    response: Option<String>,
    code: u16,
    reason: String,
}

impl Farewell {
    fn silent(code: u16, reason: &str) -> Self {
        Self { response: None, code, reason: reason.to_owned() }
    }

    fn refusal(id: &Value, error: RpcError, code: u16) -> Self {
        let reason = match pairing_request(&error) {
            Some(request) => format!("{} (requestId: {request})", error.message),
            None => error.message.clone(),
        };
        let outcome = Outcome::Err(error, None);
        let response = clawdbot_protocol::Response::new(id, &outcome).to_json();
        Self { response: Some(response), code, reason }
    }

    async fn finish(self, transport: &mut impl Transport) {
        let goodbye = async {
            if let Some(response) = self.response {
                transport.feed(Out::Text(response)).await;
                transport.flush().await;
            }
            transport.close(self.code, &self.reason).await;
        };
        let _ = tokio::time::timeout(CLOSE_GRACE, goodbye).await;
    }
}

/// The request that a generation 4 device is told to wait for.
fn pairing_request(error: &RpcError) -> Option<&str> {
    let wanted = error.detail_code() == Some("PAIRING_REQUIRED");
    error.details.as_ref().filter(|_| wanted)?.get("requestId")?.as_str()
}

async fn greet(
    gateway: &Arc<Shared>,
    transport: &mut impl Transport,
    caller: &Caller,
    nonce: &str,
) -> Result<Admission, Farewell> {
    let challenge = json!({
        "nonce": nonce,
        "ts": gateway.now_ms(),
        "capabilities": ["model-catalog-snapshot"],
    });
    let challenge = event_json("connect.challenge", &challenge.to_string(), None, None);
    if !(transport.feed(Out::Text(challenge)).await && transport.flush().await) {
        return Err(Farewell::silent(1000, ""));
    }
    let text = tokio::select! {
        () = gateway.stop.cancelled() => return Err(Farewell::silent(1012, "service restart")),
        text = tokio::time::timeout(HANDSHAKE_TIMEOUT, first_text(transport)) => {
            text.map_err(|_| Farewell::silent(1000, ""))??
        }
    };
    let request = first_request(&text)?;
    let id = Value::from(request.id.as_ref());
    let params = request.params.map_or("{}", |params| params.get());
    handshake::admit(gateway, caller, nonce, id.clone(), params).await.map_err(|error| {
        warn!(ip = %caller.ip, error = %error.message, "connect refused");
        let mismatch = error.detail_code() == Some("PROTOCOL_MISMATCH");
        Farewell::refusal(&id, error, if mismatch { 1002 } else { 1008 })
    })
}

/// The first message; pings neither count nor extend the deadline.
async fn first_text(transport: &mut impl Transport) -> Result<String, Farewell> {
    loop {
        match transport.receive().await {
            Some(Inbound::Text(text)) => return Ok(text),
            Some(Inbound::Alive) => {}
            Some(Inbound::TooBig) => {
                return Err(Farewell::silent(1009, "preauth payload too large"));
            }
            Some(Inbound::Garbage) | None => return Err(Farewell::silent(1000, "")),
        }
    }
}

fn first_request(text: &str) -> Result<Request<'_>, Farewell> {
    match Incoming::parse(text) {
        Incoming::Request(request) if request.method == "connect" => Ok(request),
        Incoming::Request(request) => Err(Farewell::refusal(
            &Value::from(request.id.as_ref()),
            RpcError::invalid("invalid handshake: first request must be connect"),
            1008,
        )),
        Incoming::BadFrame { .. } => Err(Farewell::silent(1008, "invalid request frame")),
        Incoming::NotJson => Err(Farewell::silent(1000, "")),
    }
}

/// The life of an admitted connection.
async fn run(gateway: Arc<Shared>, mut transport: impl Transport, admission: Admission) {
    let (outbox, mut outgoing) = outbox();
    let (peer, presence_key) = admission.enter(&gateway, outbox);
    // Whoever comes in after everybody was sent away has to be sent away as well.
    if gateway.stop.is_cancelled() {
        peer.outbox.close(SERVICE_RESTART);
    }
    info!(client = %peer.client_id, mode = %peer.client_mode, "connected");
    let mut heard = Instant::now();
    let killed = outgoing.killed();
    let in_flight = Arc::new(AtomicUsize::new(0));
    loop {
        tokio::select! {
            () = killed.cancelled() => break,
            inbound = transport.receive() => {
                heard = Instant::now();
                match inbound {
                    Some(Inbound::Text(text)) => receive(&gateway, &peer, &in_flight, &text),
                    Some(Inbound::Alive) => {}
                    Some(Inbound::TooBig) => {
                        let goodbye = transport.close(1009, "message too big");
                        let _ = tokio::time::timeout(CLOSE_GRACE, goodbye).await;
                        break;
                    }
                    Some(Inbound::Garbage) | None => break,
                }
            }
            out = outgoing.next() => {
                let Some(out) = out else { break };
                if matches!(out, Out::Ping) && transport.silence_matters() && heard.elapsed() > silence_limit() {
                    debug!("no sign of life");
                    break;
                }
                // A client that takes nothing for that long is as gone as one that says nothing.
                let patience =
                    if transport.silence_matters() { silence_limit() } else { Duration::MAX };
                let cut = outgoing.cut(CLOSE_GRACE / 2);
                let written = tokio::time::timeout(patience, write(&mut transport, out, &mut outgoing));
                tokio::pin!(written);
                let written = tokio::select! {
                    () = cut => false,
                    written = written => written.unwrap_or(false),
                };
                if !written {
                    break;
                }
            }
        }
    }
    gateway.leave(&peer, presence_key.as_deref());
    if let Some(end) = outgoing.end() {
        let goodbye = async {
            while let Some(out) = outgoing.ready() {
                if end.code == 1008 || !transport.feed(out).await {
                    break;
                }
            }
            transport.close(end.code, end.reason).await;
        };
        let _ = tokio::time::timeout(CLOSE_GRACE, goodbye).await;
    }
    info!("disconnected");
}

fn silence_limit() -> Duration {
    Duration::from_millis(2 * TICK_INTERVAL_MS)
}

async fn write(transport: &mut impl Transport, first: Out, queue: &mut Outgoing) -> bool {
    let mut next = Some(first);
    for _ in 0..BATCH {
        let Some(out) = next else { break };
        if !transport.feed(out).await {
            return false;
        }
        next = queue.ready();
    }
    match next {
        Some(out) => transport.feed(out).await && transport.flush().await,
        None => transport.flush().await,
    }
}

/// Handles one message after the handshake (protocol §3.4).
fn receive(
    gateway: &Arc<Shared>,
    peer: &Arc<crate::router::Peer>,
    in_flight: &Arc<AtomicUsize>,
    text: &str,
) {
    let request = match Incoming::parse(text) {
        Incoming::Request(request) => request,
        Incoming::BadFrame { id, error } => {
            return peer.outbox.respond(&id, &Outcome::Err(error, None));
        }
        Incoming::NotJson => return,
    };
    let id = Value::from(request.id.as_ref());
    let params = request.params.map_or("{}", |params| params.get());
    let ctx = Ctx { gateway: gateway.clone(), peer: peer.clone(), request_id: id.clone() };
    if in_flight.load(Ordering::Relaxed) >= MAX_IN_FLIGHT {
        let busy = RpcError::unavailable(
            "too many requests of this connection are running; wait for some to finish",
        );
        return Reply::send(Err(busy.retry_after(100)), &peer.outbox, &id);
    }
    let method = request.method.clone().into_owned();
    let work = gateway.router.call(ctx, &request.method, params);
    let mut work = Box::pin(noted(work, method));
    // Most methods are done at once; only those that wait get a task of their own.
    if let Some(result) = work.as_mut().now_or_never() {
        return Reply::send(result, &peer.outbox, &id);
    }
    in_flight.fetch_add(1, Ordering::Relaxed);
    let (peer, in_flight) = (peer.clone(), in_flight.clone());
    gateway.tasks.spawn(
        async move {
            let result = work.await;
            in_flight.fetch_sub(1, Ordering::Relaxed);
            Reply::send(result, &peer.outbox, &id);
        }
        .in_current_span(),
    );
}

/// Logs how a request went. A panic in a handler is one failed request, nothing more.
async fn noted(
    work: impl Future<Output = Result<Reply, RpcError>>,
    method: String,
) -> Result<Reply, RpcError> {
    let begun = Instant::now();
    let result = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        warn!(%method, "handler panicked");
        Err(RpcError::unavailable("the gateway failed inside this request; see its log"))
    });
    let took = begun.elapsed();
    match &result {
        Err(error) => debug!(target: REQUESTS, %method, ?took, %error, "request refused"),
        Ok(_) if took >= SLOW => debug!(target: REQUESTS, %method, ?took, "slow request"),
        Ok(_) => trace!(target: REQUESTS, %method, ?took, "request"),
    }
    result
}
