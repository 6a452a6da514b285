//! One command as a process group: started, listened to, and ended as a whole.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::capture::Capture;
use crate::tool::Progress;

/// Shortest time between two signs of progress.
const PACE: Duration = Duration::from_millis(250);
/// How long output may still arrive once everything has ended.
const DRAIN: Duration = Duration::from_millis(500);
/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// How a command ended.
pub(super) struct Finished {
    pub(super) output: Capture,
    /// Absent when a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) timed_out: bool,
    pub(super) duration: Duration,
}

/// Runs a command to its end, or for as long as the future lives.
pub(super) async fn run(
    mut command: Command,
    timeout: Duration,
    progress: &Progress,
) -> io::Result<Finished> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let started = Instant::now();
    let mut child = command.spawn()?;
    let mut group = Group::of(&child);
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut out_chunk, mut err_chunk) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut output = Capture::default();
    let mut shown = Shown::default();
    let (mut status, mut timed_out) = (None, false);
    let mut last_call = started + timeout;
    while status.is_none() || out.is_some() || err.is_some() {
        tokio::select! {
            read = read(&mut out, &mut out_chunk), if out.is_some() => {
                output.push(read);
                shown.more();
            }
            read = read(&mut err, &mut err_chunk), if err.is_some() => {
                output.push(read);
                shown.more();
            }
            () = tokio::time::sleep_until(shown.due), if shown.waiting => {
                shown.now(&output, progress);
            }
            ended = child.wait(), if status.is_none() => {
                status = Some(ended?);
                // What it left running goes with it.
                group.kill();
                last_call = Instant::now() + DRAIN;
            }
            () = tokio::time::sleep_until(last_call) => {
                if status.is_some() || timed_out {
                    break;
                }
                timed_out = true;
                group.kill();
                last_call = Instant::now() + DRAIN;
            }
        }
    }
    let code = status.and_then(|status| status.code());
    Ok(Finished { output, code, timed_out, duration: started.elapsed() })
}

/// Some more output; a source that has ended is taken away.
async fn read<'a>(source: &mut Option<impl AsyncRead + Unpin>, chunk: &'a mut [u8]) -> &'a [u8] {
    let Some(open) = source else {
        return &[];
    };
    match open.read(chunk).await {
        Ok(length) if length > 0 => &chunk[..length],
        _ => {
            *source = None;
            &[]
        }
    }
}

/// When the output is to be shown next.
struct Shown {
    waiting: bool,
    due: Instant,
}

impl Default for Shown {
    fn default() -> Self {
        Self { waiting: false, due: Instant::now() }
    }
}

impl Shown {
    fn more(&mut self) {
        self.waiting = true;
    }

    fn now(&mut self, output: &Capture, progress: &Progress) {
        progress.show(output.newest(), json!({"status": "running"}));
        *self = Self { waiting: false, due: Instant::now() + PACE };
    }
}

/// All processes of one command. They are ended when this is dropped, whatever the reason.
struct Group {
    /// Taken by the first attempt: later the number may belong to somebody else.
    leader: Option<u32>,
}

impl Group {
    fn of(child: &Child) -> Self {
        Self { leader: child.id() }
    }

    #[cfg(unix)]
    fn kill(&mut self) {
        let leader = self.leader.take().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = leader.and_then(rustix::process::Pid::from_raw) {
            // It fails when nobody is left, which is as good.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }

    /// The system's own program that ends a process with its descendants.
    #[cfg(not(unix))]
    fn kill(&mut self) {
        const TASKKILL: &str = r"C:\Windows\System32\taskkill.exe";
        if let Some(leader) = self.leader.take() {
            let mut kill = std::process::Command::new(TASKKILL);
            kill.args(["/T", "/F", "/PID", &leader.to_string()]);
            let _ = kill.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
