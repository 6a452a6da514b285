//! What differs between the systems, behind one trait.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::path::Path;

#[cfg(target_os = "linux")]
pub(crate) use self::linux::Linux as Here;
#[cfg(target_os = "macos")]
pub(crate) use self::macos::MacOs as Here;
#[cfg(windows)]
pub(crate) use self::windows::Windows as Here;

/// A notification in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) title: String,
    pub(crate) body: String,
    /// What a click does, where the system shows it.
    pub(crate) action: &'static str,
}

/// The services of an operating system that the app uses directly.
pub(crate) trait Platform {
    /// What a tray tooltip starts with; empty where the tray shows the app's name itself.
    const TOOLTIP_START: &str;

    /// From this call on, requests of the session or a terminal to end no longer kill the
    /// app: the future completes with the first one's name. Needs the async runtime around it.
    fn end_requested() -> io::Result<impl Future<Output = &'static str> + Send + 'static>;

    /// Shows a notification. Where the system reports clicks, blocks until the
    /// notification is gone and tells whether it was clicked.
    fn notify(note: &Note) -> Result<bool, notify_rust::error::Error>;

    /// Makes a login entry that was just written usable from any path.
    fn mend_login_entry(_home: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Hands this start over to the app that is running already, if there is one. The plugin for
    /// a single instance does the same later, but ends a process in which GTK threads run by then.
    fn hand_over() -> bool {
        false
    }

    /// Makes a directory that only this person can read, with its parents.
    fn private_dir(path: &Path) -> io::Result<()>;
}
