//! A channel to the page, as a command gets it.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tauri::ipc::{Channel, InvokeResponseBody};
use tokio::sync::mpsc;

use crate::wire::{ToWindow, line};

/// The page is gone, or reads nothing any more.
#[derive(Debug, thiserror::Error)]
#[error("the window takes no more messages")]
pub(crate) struct PageGone;

/// A way to the page that stays open until it is dropped.
pub(crate) struct PageChannel {
    id: u32,
    lines: mpsc::Sender<String>,
}

impl PageChannel {
    pub(crate) fn new(id: u32, lines: mpsc::Sender<String>) -> Self {
        Self { id, lines }
    }

    /// Sends a value, waiting while the window has others to read.
    pub(crate) async fn send(&self, value: &(impl Serialize + Sync)) -> Result<(), PageGone> {
        let value = to_raw_value(value).map_err(|_| PageGone)?;
        self.lines.send(self.message(value)?).await.map_err(|_| PageGone)
    }

    /// The same as the type that Tauri's commands take. A window that is too busy misses values.
    #[expect(dead_code, reason = "the commands that report progress take it")]
    pub(crate) fn into_channel<T>(self) -> Channel<T> {
        Channel::new(move |body| {
            let text = match body {
                InvokeResponseBody::Json(text) => text,
                InvokeResponseBody::Raw(bytes) => serde_json::to_string(&bytes)?,
            };
            if let Ok(message) = self.message(RawValue::from_string(text)?) {
                let _ = self.lines.try_send(message);
            }
            Ok(())
        })
    }

    fn message(&self, value: Box<RawValue>) -> Result<String, PageGone> {
        line(&ToWindow::Message { channel: self.id, value }).map_err(|_| PageGone)
    }
}

impl Drop for PageChannel {
    fn drop(&mut self) {
        if let Ok(end) = line(&ToWindow::ChannelEnd { channel: self.id }) {
            let _ = self.lines.try_send(end);
        }
    }
}
