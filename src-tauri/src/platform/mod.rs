//! What differs between the systems, behind one trait.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

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
    /// Other answers, where the system shows them.
    pub(crate) buttons: Vec<Button>,
}

/// A button of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Button {
    /// What [`Platform::notify`] answers when it was pressed.
    pub(crate) id: &'static str,
    pub(crate) label: &'static str,
}

/// The services of an operating system that the app uses directly.
pub(crate) trait Platform {
    /// What a tray tooltip starts with; empty where the tray shows the app's name itself.
    const TOOLTIP_START: &str;

    /// From this call on, requests of the session or a terminal to end no longer kill the
    /// app: the future completes with the first one's name. Needs the async runtime around it.
    fn end_requested() -> io::Result<impl Future<Output = &'static str> + Send + 'static>;

    /// Shows a notification and calls `shown` with the number to take it back with. Where the
    /// system reports clicks, blocks until the notification is gone and tells which button was
    /// pressed; another text is a click on the notification itself.
    fn notify(
        note: &Note,
        shown: impl FnOnce(u32),
    ) -> Result<Option<String>, notify_rust::error::Error>;

    /// Takes a notification off the screen again.
    fn take_back(_id: u32) -> Result<(), notify_rust::error::Error> {
        Ok(())
    }

    /// Makes a place for the login entry that only this person can change.
    fn prepare_login_entry(_home: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Makes a login entry that was just written usable from any path, where the session looks for it.
    fn mend_login_entry(_home: &Path) -> io::Result<()> {
        Ok(())
    }

    /// The file that is the login entry, where it is one and the library does not know its place.
    fn login_entry() -> Option<PathBuf> {
        None
    }

    /// Whether windows and a tray can be shown here. To be called on the main thread.
    fn has_display() -> bool {
        true
    }

    /// Whether the app runs already, for this person and in this session.
    fn is_running() -> bool {
        false
    }

    /// Hands this start over to the app that is running already, if there is one. The plugin for
    /// a single instance does the same later, but ends a process in which GTK threads run by then.
    fn hand_over() -> bool {
        false
    }

    /// To be called before any thread is started: spares this process, which draws nothing, the
    /// libraries that windows are drawn with.
    fn start_light() {}

    /// To be called once Tauri has started: what this process starts is to draw as usual.
    fn started() {}

    /// This program, to start it again as it is now, also after an update has replaced its file.
    fn this_program() -> io::Result<PathBuf> {
        std::env::current_exe()
    }

    /// Takes standard output for oneself; what others write there goes to standard error.
    fn take_stdout() -> io::Result<File>;

    /// Takes back the person's choice of this app for links of a scheme; false when there was none.
    /// What the package itself has registered ends with the package.
    fn forget_scheme(_scheme: &str) -> io::Result<bool> {
        Ok(false)
    }

    /// Where the window keeps drafts and its size, as far as that is known without a window.
    fn window_data() -> Vec<PathBuf> {
        Vec::new()
    }

    /// Whether the system's service manager runs this process, and would start it again.
    fn is_service(_pid: u32) -> bool {
        false
    }

    /// Whether a process is this person's, as far as the system tells.
    fn is_own_process(_pid: u32) -> bool {
        true
    }

    /// Asks a process of this person to end; whether it did within a few seconds.
    fn end_process(_pid: u32) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }

    /// An entry of the system's keyring, which need not exist yet; `None` where there is no keyring.
    /// Blocks.
    fn keyring_entry(
        service: &str,
        name: &str,
    ) -> Result<Option<keyring_core::Entry>, keyring_core::Error> {
        keyring::v1::Entry::new(service, name).map(|entry| Some(entry.inner))
    }

    /// Opens an address, a file or a folder with the desktop's own program for it. To be called where
    /// the async runtime is around.
    fn open(what: &OsStr) -> io::Result<()> {
        open::that_detached(what)
    }

    /// Makes a directory that only this person can read, with its parents.
    fn private_dir(path: &Path) -> io::Result<()>;
}
