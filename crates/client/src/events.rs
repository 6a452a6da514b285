use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clawdbot_protocol::Event;
use tokio::sync::mpsc;

/// Events that may wait to be read.
const MAX_WAITING: usize = 4096;
/// Bytes of wire text that may wait to be read.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The events of one connection, in order. Whoever does not want them drops this; whoever keeps it
/// must read it, or the connection is closed.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<(Event, usize)>,
    waiting: Arc<AtomicUsize>,
}

/// The writing end.
pub(crate) struct EventSink {
    queue: mpsc::Sender<(Event, usize)>,
    waiting: Arc<AtomicUsize>,
}

/// The reader fell too far behind.
#[derive(Debug)]
pub(crate) struct Overrun;

pub(crate) fn queue() -> (EventSink, Events) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    let waiting = Arc::new(AtomicUsize::new(0));
    (EventSink { queue: sender, waiting: waiting.clone() }, Events { queue: receiver, waiting })
}

impl Events {
    /// The next event; `None` once the connection has ended and everything was read.
    pub async fn recv(&mut self) -> Option<Event> {
        let (event, size) = self.queue.recv().await?;
        self.waiting.fetch_sub(size, Ordering::Relaxed);
        Some(event)
    }
}

impl EventSink {
    /// Hands an event over without waiting; drops it when nobody wants events. `size` is what it took on the wire.
    pub(crate) fn offer(&self, event: Event, size: usize) -> Result<(), Overrun> {
        if self.queue.is_closed() {
            return Ok(());
        }
        if self.waiting.fetch_add(size, Ordering::Relaxed) + size > MAX_WAITING_BYTES {
            return Err(Overrun);
        }
        self.queue.try_send((event, size)).map_err(|_| Overrun)
    }
}
