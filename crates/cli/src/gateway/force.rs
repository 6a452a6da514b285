//! `--force`: ends whoever holds the port.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use clawdbot_config::Paths;
use clawdbot_gateway::{Holder, Running};

use crate::out;

/// Time between asking and insisting.
const PATIENCE: Duration = Duration::from_millis(700);
/// Longest wait for the port afterwards.
const RELEASE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);

/// Why the port could not be freed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForceError {
    #[error("cannot end {holder}: {reason}. End it yourself, or choose another port with --port.")]
    Refused { holder: Holder, reason: String },
    #[error("{what} is still in use after {holder} was ended. Choose another port with --port.")]
    StillTaken { what: String, holder: Holder },
}

/// Asks a process to end.
pub(super) fn ask(pid: u32) -> Result<(), ForceError> {
    let unnamed = Holder { pid, name: "clawdbot".to_owned(), path: String::new() };
    end(&Holder::of_pid(pid).unwrap_or(unnamed), false)
}

/// Ends the gateway that uses the same state directory, and waits until it has let go of it.
pub(super) async fn end_running(paths: &Paths) -> Result<(), ForceError> {
    let Some(Running { pid, address }) = Running::find(paths) else { return Ok(()) };
    let unnamed = Holder { pid, name: "clawdbot".to_owned(), path: String::new() };
    let holder = Holder::of_pid(pid).unwrap_or(unnamed);
    let what = address.map_or("the state directory".to_owned(), |at| format!("port {}", at.port()));
    let free = || Running::find(paths).is_none();
    finish(&holder, &what, free).await
}

/// Ends whoever holds the port, and waits until it is free.
pub(super) async fn free(address: SocketAddr, holder: &Holder) -> Result<(), ForceError> {
    let free = || TcpListener::bind(address).is_ok();
    finish(holder, &format!("port {}", address.port()), free).await
}

/// Asks the holder to end, insists after 700 ms, and waits up to 2 s.
async fn finish(holder: &Holder, what: &str, free: impl Fn() -> bool) -> Result<(), ForceError> {
    let begun = Instant::now();
    end(holder, false)?;
    let mut insisted = "";
    if !released(&free, PATIENCE).await {
        end(holder, true)?;
        insisted = ", which did not end when asked";
        if !released(&free, RELEASE).await {
            let what = what.to_owned();
            return Err(ForceError::StillTaken { what, holder: holder.clone() });
        }
    }
    let (pid, name) = (holder.pid, &holder.name);
    out::done(format_args!("force: killed pid {pid} ({name}) on {what}{insisted}"));
    let waited = begun.elapsed().as_millis();
    out::done(format_args!("force: waited {waited}ms for {what} to free"));
    Ok(())
}

async fn released(free: impl Fn() -> bool, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if free() {
            return true;
        }
        tokio::time::sleep(POLL).await;
    }
    false
}

#[cfg(unix)]
fn end(holder: &Holder, insist: bool) -> Result<(), ForceError> {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = if insist { Signal::KILL } else { Signal::TERM };
    let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw);
    let result = pid.map_or(Err(rustix::io::Errno::SRCH), |pid| kill_process(pid, signal));
    match result {
        // Somebody else was quicker, or it has just ended by itself.
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => {
            Err(ForceError::Refused { holder: holder.clone(), reason: error.to_string() })
        }
    }
}

#[cfg(not(unix))]
fn end(holder: &Holder, _insist: bool) -> Result<(), ForceError> {
    let reason = "--force is only available on Linux and macOS".to_owned();
    Err(ForceError::Refused { holder: holder.clone(), reason })
}
