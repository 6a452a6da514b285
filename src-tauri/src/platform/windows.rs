//! Windows: files inherit the access list of the person's own profile directory.

use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle;
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

    fn notify(
        note: &Note,
        _shown: impl FnOnce(u32),
    ) -> Result<Option<String>, notify_rust::error::Error> {
        Notification::new().appname("Clawdbot").summary(&note.title).body(&note.body).show()?;
        Ok(None)
    }

    fn take_stdout() -> io::Result<File> {
        // The web view is no child that could write to it.
        Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
    }

    fn private_dir(path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }
}
