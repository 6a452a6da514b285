//! A connection without a socket: two channels of frames.

use tokio::sync::mpsc;

use crate::connection::{Inbound, Transport};
use crate::hub::Out;

/// Frames waiting in one direction.
const DEPTH: usize = 256;

/// The host's end of a connection inside the process.
#[derive(Debug)]
pub struct InProcess {
    /// JSON text frames to the gateway. Dropping it ends the connection.
    pub to_gateway: mpsc::Sender<String>,
    /// What the gateway sends.
    pub from_gateway: mpsc::Receiver<Outgoing>,
}

/// One thing the gateway sends to a connection inside the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// One JSON frame, exactly as a WebSocket text message would carry it.
    Text(String),
    /// The connection has ended.
    Close {
        /// WebSocket close code.
        code: u16,
        /// Close reason.
        reason: String,
    },
}

/// The gateway's end.
pub(crate) struct Duplex {
    from_host: mpsc::Receiver<String>,
    to_host: mpsc::Sender<Outgoing>,
}

pub(crate) fn pair() -> (InProcess, Duplex) {
    let (to_gateway, from_host) = mpsc::channel(DEPTH);
    let (to_host, from_gateway) = mpsc::channel(DEPTH);
    (InProcess { to_gateway, from_gateway }, Duplex { from_host, to_host })
}

impl Transport for Duplex {
    async fn receive(&mut self) -> Option<Inbound> {
        self.from_host.recv().await.map(Inbound::Text)
    }

    async fn feed(&mut self, out: Out) -> bool {
        match out.into_text() {
            Some(text) => self.to_host.send(Outgoing::Text(text)).await.is_ok(),
            // The channel itself tells when the far end is gone.
            None => !self.to_host.is_closed(),
        }
    }

    async fn flush(&mut self) -> bool {
        true
    }

    fn admit(&mut self) {}

    fn silence_matters(&self) -> bool {
        false
    }

    async fn close(&mut self, code: u16, reason: &str) {
        let _ = self.to_host.send(Outgoing::Close { code, reason: reason.to_owned() }).await;
    }
}
