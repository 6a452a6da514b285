//! The app's log: the gateway's own file and format.

use std::path::PathBuf;

use clawdbot_config::{LogLevel, Paths};
use tracing_appender::non_blocking::WorkerGuard;

/// Where the logs are, for the menu.
pub(crate) struct LogDir(pub(crate) PathBuf);

/// Sends everything the app logs to its file. Keep the guard: it writes the rest at the end.
///
/// Without a usable state directory there is no log file, but still an app: the gateway
/// meets the same obstacle and the tray names it.
pub(crate) fn init(paths: &Paths) -> Option<WorkerGuard> {
    paths.prepare().ok()?;
    let guard = clawdbot_gateway::logging::init(&paths.log_file, LogLevel::Info, None).ok()?;
    log_panics();
    Some(guard)
}

/// What the window process logs, the app reads and keeps.
pub(crate) fn to_the_app() {
    let written = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .try_init();
    if written.is_ok() {
        log_panics();
    }
}

/// A panic ends only its task; the log says where it was.
fn log_panics() {
    // What it says by itself goes to a terminal or the journal.
    let by_itself = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        by_itself(panic);
        let place = panic.location().map(ToString::to_string);
        let text = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, panic = text, "a task panicked");
    }));
}
