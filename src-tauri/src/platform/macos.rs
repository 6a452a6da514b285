//! macOS: notifications without a click report.

use std::fs::File;
use std::io;
use std::path::Path;

use notify_rust::Notification;

use super::{Note, Platform, unix};

/// The app on macOS.
pub(crate) struct MacOs;

impl Platform for MacOs {
    const TOOLTIP_START: &str = "Clawdbot\n";

    fn end_requested() -> io::Result<impl Future<Output = &'static str> + Send + 'static> {
        unix::end_requested()
    }

    fn notify(
        note: &Note,
        _shown: impl FnOnce(u32),
    ) -> Result<Option<String>, notify_rust::error::Error> {
        Notification::new().summary(&note.title).body(&note.body).show()?;
        Ok(None)
    }

    fn take_stdout() -> io::Result<File> {
        unix::take_stdout()
    }

    fn end_process(pid: u32) -> impl Future<Output = bool> + Send {
        unix::end_process(pid)
    }

    fn private_dir(path: &Path) -> io::Result<()> {
        unix::private_dir(path)
    }
}
