//! Frames between the pages and the gateway.
//!
//! A page has at most one connection. It carries the same JSON text as a WebSocket,
//! so the gateway does not know the difference and the page holds no secret. What the page does not
//! read waits at the gateway, which drops what may be dropped, as behind any slow connection.

mod room;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clawdbot_gateway::{InProcess, Outgoing};
use serde_json::json;
use tauri::State;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use self::room::Room;
use crate::error::CommandError;
use crate::host::{Failure, Host};
use crate::window::PageChannel;
use crate::wire::Label;

/// Frames the page may have under way; a page that sends more is told to wait.
const QUEUE: usize = 256;
/// The gateway's own limit for a frame (`policy.maxPayload`), in bytes.
const MAX_FRAME: usize = 25 * 1024 * 1024;
/// Close code for an end without a reason, as WebSocket has it.
const ABNORMAL: u16 = 1006;

/// Why a frame did not reach the gateway.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BridgeError {
    #[error("{0}")]
    NoGateway(#[from] Failure),
    #[error("There is no connection to the gateway. Open one first.")]
    NotOpen,
    #[error("The gateway is busy and cannot take more messages. Try again in a moment.")]
    Busy,
    #[error("This message is larger than 25 MiB, which the gateway does not take.")]
    TooLarge,
}

impl BridgeError {
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::NoGateway(failure) => &failure.code,
            Self::NotOpen => "BRIDGE_NOT_OPEN",
            Self::Busy => "BRIDGE_BUSY",
            Self::TooLarge => "BRIDGE_TOO_LARGE",
        }
    }
}

/// The connections of the windows that have one.
#[derive(Default)]
pub(crate) struct Bridge {
    lines: Mutex<HashMap<Label, Line>>,
}

struct Line {
    to_gateway: mpsc::Sender<String>,
    room: Arc<Room>,
    pump: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl Bridge {
    /// Joins the page's channel to a new gateway connection, ending an older one.
    fn open(&self, label: Label, connection: InProcess, page: PageChannel) {
        let (to_gateway, from_page) = mpsc::channel(QUEUE);
        let room = Arc::new(Room::new());
        // A page may have read something before there is a line to tell it to.
        let mut lines = self.lines();
        let pump = tokio::spawn(pump(connection, from_page, page, room.clone())).abort_handle();
        lines.insert(label, Line { to_gateway, room, pump });
    }

    /// Ends the connection, as the page asks or because its window is gone.
    pub(crate) fn close(&self, label: Label) {
        self.lines().remove(&label);
    }

    fn took(&self, label: Label, frames: usize) {
        if let Some(line) = self.lines().get(&label) {
            line.room.read(frames);
        }
    }

    fn send(&self, label: Label, frame: String) -> Result<(), BridgeError> {
        if frame.len() > MAX_FRAME {
            return Err(BridgeError::TooLarge);
        }
        let lines = self.lines();
        let line = lines.get(&label).ok_or(BridgeError::NotOpen)?;
        line.to_gateway.try_send(frame).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => BridgeError::Busy,
            mpsc::error::TrySendError::Closed(_) => BridgeError::NotOpen,
        })
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Label, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries frames both ways until one side ends; the page hears how it ended.
async fn pump(
    connection: InProcess,
    mut from_page: mpsc::Receiver<String>,
    page: PageChannel,
    room: Arc<Room>,
) {
    let InProcess { to_gateway, mut from_gateway } = connection;
    let upward = async {
        while let Some(frame) = from_page.recv().await {
            if to_gateway.send(frame).await.is_err() {
                break;
            }
        }
    };
    let downward = async {
        while let Some(outgoing) = from_gateway.recv().await {
            match outgoing {
                Outgoing::Text(frame) => {
                    room.take(frame.len()).await;
                    if page.send(&frame).await.is_err() {
                        return None;
                    }
                }
                Outgoing::Close { code, reason } => return Some((code, reason)),
            }
        }
        Some((ABNORMAL, "the gateway ended the connection".to_owned()))
    };
    tokio::pin!(downward);
    let end = tokio::select! {
        end = &mut downward => end,
        // The gateway may still have its reason for closing under way.
        () = upward => downward.await,
    };
    if let Some((code, reason)) = end {
        let frame = json!({ "type": "close", "code": code, "reason": reason });
        let _ = page.send(&frame.to_string()).await;
    }
}

/// Opens the page's connection. Frames, and at the end one of type `close`, arrive on
/// `on_frame`. Waits for a gateway that is starting; fails with its reason if it cannot.
pub(crate) async fn gateway_open(
    label: Label,
    on_frame: PageChannel,
    host: State<'_, Host>,
    bridge: State<'_, Bridge>,
) -> Result<(), CommandError> {
    let gateway = host.gateway().await.map_err(BridgeError::from)?;
    bridge.open(label, gateway.connect_in_process(), on_frame);
    Ok(())
}

/// Sends one JSON frame.
pub(crate) fn gateway_send(
    label: Label,
    frame: String,
    bridge: &State<'_, Bridge>,
) -> Result<(), CommandError> {
    Ok(bridge.send(label, frame)?)
}

/// The page has read so many more frames of its connection.
pub(crate) fn gateway_took(label: Label, frames: usize, bridge: &State<'_, Bridge>) {
    bridge.took(label, frames);
}

/// Ends the page's connection.
pub(crate) fn gateway_close(label: Label, bridge: &State<'_, Bridge>) {
    bridge.close(label);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Frames that reach the window until no more come.
    async fn arriving(lines: &mut mpsc::Receiver<String>) -> usize {
        let mut frames = 0;
        while tokio::time::timeout(Duration::from_secs(1), lines.recv()).await.is_ok() {
            frames += 1;
        }
        frames
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_reads_nothing_gets_no_more_than_it_has_room_for_app_09() {
        for (bytes, most, portion) in [(100, 512, 64), (32 * 1024, 170, 64), (8 << 20, 2, 1)] {
            let (to_page, from_gateway) = mpsc::channel(1);
            let (to_gateway, _taken) = mpsc::channel(1);
            let flood = tokio::spawn(async move {
                while to_page.send(Outgoing::Text("x".repeat(bytes))).await.is_ok() {}
            });
            let (lines, mut window) = mpsc::channel(1024);
            let bridge = Bridge::default();
            let connection = InProcess { to_gateway, from_gateway };
            bridge.open(Label::Main, connection, PageChannel::new(1, lines));
            assert_eq!(arriving(&mut window).await, most, "{bytes}");
            bridge.took(Label::Main, portion);
            assert_eq!(arriving(&mut window).await, portion, "{bytes}");
            // Whoever says more than is true gains nothing.
            bridge.took(Label::Main, usize::MAX);
            assert_eq!(arriving(&mut window).await, most, "{bytes}");
            flood.abort();
        }
    }
}
