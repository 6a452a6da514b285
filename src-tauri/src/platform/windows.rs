//! Windows: files inherit the access list of the person's own profile directory.

use std::io;
use std::path::Path;

use notify_rust::Notification;

use super::{Note, Platform};

/// The app on Windows.
pub(crate) struct Windows;

impl Platform for Windows {
    const TOOLTIP_START: &str = "Clawdbot\n";

    fn end_requested() -> io::Result<impl Future<Output = &'static str> + Send + 'static> {
        let mut interrupt = tokio::signal::windows::ctrl_c()?;
        let mut close = tokio::signal::windows::ctrl_close()?;
        let mut shutdown = tokio::signal::windows::ctrl_shutdown()?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => "Ctrl+C",
                _ = close.recv() => "console closed",
                _ = shutdown.recv() => "shutdown",
            }
        })
    }

    fn notify(note: &Note) -> Result<bool, notify_rust::error::Error> {
        Notification::new().appname("Clawdbot").summary(&note.title).body(&note.body).show()?;
        Ok(false)
    }

    fn private_dir(path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }
}
