//! Event fan-out. A payload is serialised once per protocol generation; every connection gets the
//! same buffer with its own sequence number.

mod devices;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clawdbot_protocol::{
    Generation, MAX_BUFFERED, Outcome, Response, Role, Scope, Scopes, StateVersion, event_json,
};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Frames a connection may have waiting, whatever their size.
const MAX_QUEUED: usize = 32_768;
/// Conversations whose rows one connection gets.
pub(crate) const MAX_CONVERSATIONS: usize = 256;

/// Identifies one connection of this process.
pub(crate) type ConnId = u64;

/// One thing for a connection to write.
#[derive(Debug)]
pub(crate) enum Out {
    /// A finished frame.
    Text(String),
    /// An event, spliced around its payload when it is written.
    Event { name: &'static str, payload: Arc<str>, seq: Option<u64>, state: Option<StateVersion> },
    /// Ask for a sign of life.
    Ping,
}

impl Out {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Event { payload, .. } => payload.len() + 64,
            Self::Ping => 2,
        }
    }

    /// The frame as text; `None` for a ping.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Event { name, payload, seq, state } => {
                Some(event_json(name, &payload, seq, state))
            }
            Self::Ping => None,
        }
    }
}

/// Why the gateway ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CloseWith {
    /// WebSocket close code.
    pub(crate) code: u16,
    /// Close reason, at most 120 bytes.
    pub(crate) reason: &'static str,
}

/// The gateway is stopping.
pub(crate) const SERVICE_RESTART: CloseWith = CloseWith { code: 1012, reason: "service restart" };

/// The secret a connection was let in by no longer holds (protocol §2.1).
pub(crate) const AUTH_CHANGED: CloseWith = CloseWith { code: 4001, reason: "gateway auth changed" };

/// A device, or a right of it, was taken away (protocol §2.1).
pub(crate) const DEVICE_REMOVED: CloseWith = CloseWith { code: 4001, reason: "device removed" };

const SLOW: CloseWith = CloseWith { code: 1008, reason: "slow consumer" };

/// The sending half of a connection's queue. Bounded in frames and bytes.
#[derive(Clone)]
pub(crate) struct Outbox {
    queue: mpsc::UnboundedSender<Out>,
    bytes: Arc<AtomicUsize>,
    frames: Arc<AtomicUsize>,
    end: Arc<Mutex<Option<CloseWith>>>,
    kill: CancellationToken,
}

/// The receiving half.
pub(crate) struct Outgoing {
    queue: mpsc::UnboundedReceiver<Out>,
    bytes: Arc<AtomicUsize>,
    frames: Arc<AtomicUsize>,
    end: Arc<Mutex<Option<CloseWith>>>,
    kill: CancellationToken,
}

/// Makes the queue of one connection.
pub(crate) fn outbox() -> (Outbox, Outgoing) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (bytes, frames): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
    let (end, kill) = (Arc::<Mutex<_>>::default(), CancellationToken::new());
    (
        Outbox {
            queue: sender,
            bytes: bytes.clone(),
            frames: frames.clone(),
            end: end.clone(),
            kill: kill.clone(),
        },
        Outgoing { queue: receiver, bytes, frames, end, kill },
    )
}

impl Outbox {
    /// Queues a frame. A full queue drops what may be dropped and ends the connection otherwise.
    pub(crate) fn push(&self, out: Out, droppable: bool) -> bool {
        let len = out.len();
        let full = self.bytes.load(Ordering::Relaxed) + len > MAX_BUFFERED
            || self.frames.load(Ordering::Relaxed) >= MAX_QUEUED;
        if full {
            if !droppable {
                self.close(SLOW);
            }
            return false;
        }
        self.bytes.fetch_add(len, Ordering::Relaxed);
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.queue.send(out).is_ok()
    }

    /// Answers the request `id`.
    pub(crate) fn respond(&self, id: &Value, outcome: &Outcome) {
        self.push(Out::Text(Response::new(id, outcome).to_json()), false);
    }

    /// Ends the connection; the first reason wins.
    pub(crate) fn close(&self, with: CloseWith) {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(with);
        self.kill.cancel();
    }
}

impl Outgoing {
    /// The next frame to write.
    pub(crate) async fn next(&mut self) -> Option<Out> {
        let out = self.queue.recv().await?;
        self.release(&out);
        Some(out)
    }

    /// A frame that is already waiting.
    pub(crate) fn ready(&mut self) -> Option<Out> {
        let out = self.queue.try_recv().ok()?;
        self.release(&out);
        Some(out)
    }

    /// Fires when the connection shall end.
    pub(crate) fn killed(&self) -> CancellationToken {
        self.kill.clone()
    }

    /// Fires when a frame that is being written is given up: at once for a slow client, and after
    /// `grace` for any other, which would miss the frame.
    pub(crate) fn cut(&self, grace: Duration) -> impl Future<Output = ()> + Send + use<> {
        let (kill, end) = (self.kill.clone(), self.end.clone());
        async move {
            kill.cancelled().await;
            let end = *end.lock().unwrap_or_else(PoisonError::into_inner);
            if end != Some(SLOW) {
                tokio::time::sleep(grace).await;
            }
        }
    }

    /// Why it shall end.
    pub(crate) fn end(&self) -> Option<CloseWith> {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, out: &Out) {
        self.bytes.fetch_sub(out.len(), Ordering::Relaxed);
        self.frames.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who an event is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Audience<'a> {
    /// Everybody, nodes included.
    Everyone,
    /// Operators that hold a scope.
    Scope(Scope),
    /// Operators that asked for `sessions.changed`.
    SessionList,
    /// Operators that asked for this conversation's rows.
    Messages(&'a str),
    /// Operators that show tool steps; generation 3 only where the session is verbose.
    Tools {
        /// Whether the session's `verboseLevel` is on.
        verbose: bool,
    },
}

/// An event on its way out.
pub(crate) struct Broadcast<'a> {
    pub(crate) name: &'static str,
    pub(crate) audience: Audience<'a>,
    /// Whether a slow client may miss it.
    pub(crate) droppable: bool,
    /// Oldest generation that knows it.
    pub(crate) since: Generation,
    pub(crate) state: Option<StateVersion>,
    /// The conversation it is about; nodes that follow it get the event as well.
    pub(crate) session: Option<&'a str>,
}

impl Broadcast<'_> {
    /// An event for everybody, of all generations, that is never dropped.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            audience: Audience::Everyone,
            droppable: false,
            since: Generation::V3,
            state: None,
            session: None,
        }
    }
}

/// What the hub knows of one connection.
pub(crate) struct Subscriber {
    pub(crate) outbox: Outbox,
    pub(crate) generation: Generation,
    pub(crate) role: Role,
    pub(crate) scopes: Scopes,
    pub(crate) tool_events: bool,
    /// Whether it was let in by the shared secret alone.
    pub(crate) by_secret: bool,
    device: Option<String>,
    sessions: bool,
    messages: HashSet<String>,
    /// Conversations a node follows.
    followed: HashSet<String>,
    seq: u64,
}

impl Subscriber {
    pub(crate) fn new(
        outbox: Outbox,
        generation: Generation,
        role: Role,
        scopes: Scopes,
        tool_events: bool,
        by_secret: bool,
    ) -> Self {
        Self {
            outbox,
            generation,
            role,
            scopes,
            tool_events,
            by_secret,
            device: None,
            sessions: false,
            messages: HashSet::new(),
            followed: HashSet::new(),
            seq: 0,
        }
    }

    /// Names the device behind the connection.
    pub(crate) fn of_device(self, device: Option<String>) -> Self {
        Self { device, ..self }
    }

    fn wants(&self, event: &Broadcast<'_>) -> bool {
        if self.generation < event.since {
            return false;
        }
        if self.follows(event) {
            return true;
        }
        let operator = self.role == Role::Operator;
        let reads = operator && self.scopes.allow(Scope::Read);
        match event.audience {
            Audience::Everyone => true,
            Audience::Scope(scope) => operator && self.scopes.allow(scope),
            Audience::SessionList => reads && self.sessions,
            Audience::Messages(key) => reads && self.messages.contains(key),
            Audience::Tools { verbose } => {
                reads && (self.tool_events || (self.generation == Generation::V3 && verbose))
            }
        }
    }

    /// Whether this is a node that follows what the event is about (protocol §14.7).
    fn follows(&self, event: &Broadcast<'_>) -> bool {
        let about = matches!(
            event.audience,
            Audience::Scope(Scope::Read) | Audience::Tools { verbose: true }
        );
        let followed = match event.session {
            Some(key) => self.followed.contains(key),
            None => event.name == "health" && !self.followed.is_empty(),
        };
        self.role == Role::Node && about && followed
    }

    /// Queues an event. What was sent to a node on purpose is not counted (protocol §11.1).
    fn send(
        &mut self,
        name: &'static str,
        payload: Arc<str>,
        state: Option<StateVersion>,
        droppable: bool,
        counted: bool,
    ) -> bool {
        let seq = counted.then_some(self.seq + 1);
        let sent = self.outbox.push(Out::Event { name, payload, seq, state }, droppable);
        self.seq += u64::from(sent && counted);
        sent
    }
}

/// All connections that have said hello.
#[derive(Default)]
pub(crate) struct Hub {
    subscribers: Mutex<HashMap<ConnId, Subscriber>>,
}

impl Hub {
    pub(crate) fn add(&self, id: ConnId, subscriber: Subscriber) {
        self.lock().insert(id, subscriber);
    }

    pub(crate) fn remove(&self, id: ConnId) {
        self.lock().remove(&id);
    }

    /// Changes one connection's subscriptions.
    pub(crate) fn subscribe_sessions(&self, id: ConnId, on: bool) {
        if let Some(subscriber) = self.lock().get_mut(&id) {
            subscriber.sessions = on;
        }
    }

    /// Changes whether one connection gets the rows of `key`; false when it gets those of too many
    /// conversations already.
    pub(crate) fn subscribe_messages(&self, id: ConnId, key: &str, on: bool) -> bool {
        let mut subscribers = self.lock();
        let Some(subscriber) = subscribers.get_mut(&id) else { return true };
        let messages = &mut subscriber.messages;
        if !on {
            messages.remove(key);
        } else if messages.len() < MAX_CONVERSATIONS || messages.contains(key) {
            messages.insert(key.to_owned());
        } else {
            return false;
        }
        true
    }

    /// Sends one event; `payload` is asked at most once per generation that has a receiver.
    pub(crate) fn publish<T: Serialize>(
        &self,
        event: &Broadcast<'_>,
        mut payload: impl FnMut(Generation) -> T,
    ) {
        let mut texts: [Option<Arc<str>>; 2] = [None, None];
        for subscriber in self.lock().values_mut() {
            if !subscriber.wants(event) {
                continue;
            }
            let generation = subscriber.generation;
            let slot = &mut texts[usize::from(generation == Generation::V4)];
            let text = slot.get_or_insert_with(|| {
                serde_json::to_string(&payload(generation)).unwrap_or_default().into()
            });
            let counted = !subscriber.follows(event);
            let text = text.clone();
            subscriber.send(event.name, text, event.state, event.droppable, counted);
        }
    }

    /// Sends one event to one connection.
    pub(crate) fn tell<T: Serialize>(
        &self,
        id: ConnId,
        name: &'static str,
        state: Option<StateVersion>,
        payload: &T,
    ) {
        if let Some(subscriber) = self.lock().get_mut(&id) {
            let text = serde_json::to_string(payload).unwrap_or_default().into();
            subscriber.send(name, text, state, false, true);
        }
    }

    /// Whether a node is connected.
    pub(crate) fn has_nodes(&self) -> bool {
        self.lock().values().any(|subscriber| subscriber.role == Role::Node)
    }

    /// Asks every connection for a sign of life.
    pub(crate) fn ping(&self) {
        for subscriber in self.lock().values() {
            subscriber.outbox.push(Out::Ping, true);
        }
    }

    /// Ends every connection that was let in by the shared secret alone.
    pub(crate) fn close_by_secret(&self, with: CloseWith) {
        for subscriber in self.lock().values().filter(|subscriber| subscriber.by_secret) {
            subscriber.outbox.close(with);
        }
    }

    /// Ends every connection.
    pub(crate) fn close_all(&self, with: CloseWith) {
        for subscriber in self.lock().values() {
            subscriber.outbox.close(with);
        }
    }

    /// How many operators may decide on approvals, `except` not counted.
    pub(crate) fn approvers(&self, except: Option<ConnId>) -> usize {
        let decides = |subscriber: &Subscriber| {
            subscriber.role == Role::Operator && subscriber.scopes.allow(Scope::Approvals)
        };
        let all = self.lock();
        all.iter().filter(|(id, subscriber)| Some(**id) != except && decides(subscriber)).count()
    }

    /// How many connections have said hello.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ConnId, Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn join(hub: &Hub, id: ConnId, generation: Generation, scopes: &[&str]) -> Outgoing {
        let (outbox, outgoing) = outbox();
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        hub.add(id, Subscriber::new(outbox, generation, Role::Operator, scopes, false, false));
        outgoing
    }

    fn texts(outgoing: &mut Outgoing) -> Vec<Value> {
        std::iter::from_fn(|| outgoing.ready())
            .filter_map(Out::into_text)
            .map(|text| serde_json::from_str(&text).unwrap())
            .collect()
    }

    #[test]
    fn each_connection_counts_for_itself_without_gaps() {
        let hub = Hub::default();
        let mut reader = join(&hub, 1, Generation::V4, &["operator.read"]);
        let mut blind = join(&hub, 2, Generation::V4, &[]);
        let event = Broadcast { audience: Audience::Scope(Scope::Read), ..Broadcast::new("chat") };
        hub.publish(&event, |_| json!({"n": 1}));
        hub.publish(&Broadcast::new("tick"), |_| json!({"ts": 1}));
        let seqs = |frames: Vec<Value>| -> Vec<u64> {
            frames.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect()
        };
        assert_eq!(seqs(texts(&mut reader)), [1, 2]);
        assert_eq!(seqs(texts(&mut blind)), [1]);
    }

    #[test]
    fn nodes_get_what_they_follow_and_nothing_is_counted() {
        let hub = Hub::default();
        let (outbox, mut node) = outbox();
        let scopes = Scopes::default();
        hub.add(1, Subscriber::new(outbox, Generation::V4, Role::Node, scopes, false, false));
        assert!(hub.follow(1, "agent:main:main", true));
        for session in ["agent:main:main", "agent:main:other"] {
            let audience = Audience::Scope(Scope::Read);
            let session = Some(session);
            hub.publish(&Broadcast { audience, session, ..Broadcast::new("chat") }, |_| session);
        }
        hub.tell_nodes(None, "voicewake.changed", &json!({"triggers": []}));
        let frames = texts(&mut node);
        let seen: Vec<_> = frames.iter().map(|f| (&f["event"], f.get("seq"))).collect();
        assert_eq!(seen, [(&json!("chat"), None), (&json!("voicewake.changed"), None)]);
        assert_eq!(frames[0]["payload"], "agent:main:main");
    }

    #[test]
    fn a_payload_is_made_once_per_generation() {
        let hub = Hub::default();
        let mut queues: Vec<_> = (0..4)
            .map(|id| {
                let generation = if id == 0 { Generation::V3 } else { Generation::V4 };
                join(&hub, id, generation, &[])
            })
            .collect();
        let mut made = 0;
        hub.publish(&Broadcast::new("tick"), |generation| {
            made += 1;
            json!({"generation": generation.number()})
        });
        assert_eq!(made, 2);
        assert_eq!(texts(&mut queues[0])[0]["payload"]["generation"], 3);
        assert_eq!(texts(&mut queues[3])[0]["payload"]["generation"], 4);
    }

    #[test]
    fn a_slow_consumer_loses_droppable_frames_first_and_then_the_socket_dos_04() {
        let hub = Hub::default();
        let slow = join(&hub, 1, Generation::V4, &[]);
        let tick = Broadcast { droppable: true, ..Broadcast::new("tick") };
        for _ in 0..MAX_QUEUED + 10 {
            hub.publish(&tick, |_| json!({}));
        }
        assert_eq!(slow.end(), None);
        hub.publish(&Broadcast::new("chat"), |_| json!({}));
        assert_eq!(slow.end(), Some(SLOW));
        assert!(slow.killed().is_cancelled());
    }
}
