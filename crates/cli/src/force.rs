//! `--force`: ends whoever holds the port.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use clawdbot_gateway::Holder;

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
    #[error("{address} is still in use after {holder} was ended. Choose another port with --port.")]
    StillTaken { address: SocketAddr, holder: Holder },
}

/// Asks the holder to end, insists after 700 ms, and waits up to 2 s for the port.
pub(crate) async fn free(address: SocketAddr, holder: &Holder) -> Result<(), ForceError> {
    let begun = Instant::now();
    end(holder, false)?;
    if !released(address, PATIENCE).await {
        end(holder, true)?;
        if !released(address, RELEASE).await {
            return Err(ForceError::StillTaken { address, holder: holder.clone() });
        }
    }
    let port = address.port();
    out::done(format_args!("force: killed pid {} ({}) on port {port}", holder.pid, holder.name));
    let waited = begun.elapsed().as_millis();
    out::done(format_args!("force: waited {waited}ms for port {port} to free"));
    Ok(())
}

async fn released(address: SocketAddr, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if TcpListener::bind(address).is_ok() {
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
