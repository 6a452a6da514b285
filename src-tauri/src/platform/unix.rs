//! What Linux and macOS share.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn end_requested() -> io::Result<impl Future<Output = &'static str> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = hang_up.recv() => "SIGHUP",
        }
    })
}

pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub(super) fn take_stdout() -> io::Result<File> {
    let ours = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(File::from(ours))
}

/// Time for a gateway to finish what it is doing.
const END_PATIENCE: Duration = Duration::from_secs(8);
const END_LOOK: Duration = Duration::from_millis(50);

pub(super) async fn end_process(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    if kill_process(pid, Signal::TERM).is_err() {
        return false;
    }
    let gone = async {
        while test_kill_process(pid).is_ok() {
            tokio::time::sleep(END_LOOK).await;
        }
    };
    tokio::time::timeout(END_PATIENCE, gone).await.is_ok()
}
