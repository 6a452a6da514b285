//! Frames between the pages and the gateway.
//!
//! A page has at most one connection. It carries the same JSON text as a WebSocket,
//! so the gateway does not know the difference and the page holds no secret.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clawdbot_gateway::{InProcess, Outgoing};
use serde_json::json;
use tauri::State;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

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
        let pump = tokio::spawn(pump(connection, from_page, page)).abort_handle();
        self.lines().insert(label, Line { to_gateway, pump });
    }

    /// Ends the connection, as the page asks or because its window is gone.
    pub(crate) fn close(&self, label: Label) {
        self.lines().remove(&label);
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
async fn pump(connection: InProcess, mut from_page: mpsc::Receiver<String>, page: PageChannel) {
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

/// Ends the page's connection.
pub(crate) fn gateway_close(label: Label, bridge: &State<'_, Bridge>) {
    bridge.close(label);
}
