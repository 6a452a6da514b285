//! A script on the other machine, which is talked to in lines.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::ssh::{Destination, Identity, Ssh, Trouble};

/// Reads the script from standard input, up to its last line, and becomes it. Whatever follows there
/// is the script's own. There is nothing in it that a login shell would take for something else.
const ENTER: &str = r#"exec sh -c 'eval "$(while IFS= read -r line; do [ "$line" = END ] && break; printf "%s\n" "$line"; done)"'"#;
const LAST_LINE: &str = "END\n";
/// Bytes of a line; what is longer becomes several.
const MAX_LINE: u64 = 16 * 1024;
/// Lines that may wait to be heard.
const MAX_WAITING: usize = 256;
/// Lines of `ssh` that are kept for the cause of its end.
const MAX_KEPT: usize = 32;

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A line that the script has printed.
    Line(String),
    /// A line of `ssh` itself, or of what the other machine printed as an error.
    Said(String),
}

/// A running script. Its standard input ends together with this process.
#[derive(Debug)]
pub struct Session {
    ssh: Child,
    input: Option<ChildStdin>,
    heard: Receiver<Heard>,
    said: VecDeque<String>,
}

impl Session {
    /// Runs `script` on the other machine with its `sh`. `asks` says whether `ssh` may ask at the
    /// terminal; where it may not, an unknown host key and a password are refusals.
    ///
    /// # Errors
    /// When `ssh` cannot be started.
    pub fn start(
        ssh: &Ssh,
        destination: &Destination,
        identity: Option<&Identity>,
        asks: bool,
        script: &str,
    ) -> io::Result<Self> {
        let mut command = ssh.command(destination, identity, asks, ENTER);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut ssh = command.spawn()?;
        let (send, heard) = sync_channel(MAX_WAITING);
        if let Some(out) = ssh.stdout.take() {
            listen(out, Heard::Line, send.clone());
        }
        if let Some(err) = ssh.stderr.take() {
            listen(err, Heard::Said, send);
        }
        let mut session = Self { input: ssh.stdin.take(), ssh, heard, said: VecDeque::new() };
        // Whether it arrived is seen by what comes back.
        let _ = session.send(script).and_then(|()| session.send(LAST_LINE));
        Ok(session)
    }

    /// Writes to the script's standard input.
    ///
    /// # Errors
    /// When nobody reads there any more.
    pub fn send(&mut self, text: &str) -> io::Result<()> {
        let mut input = self.input()?;
        input.write_all(text.as_bytes())?;
        input.flush()
    }

    /// The script's standard input.
    ///
    /// # Errors
    /// When it has ended.
    pub fn input(&mut self) -> io::Result<impl Write + '_> {
        self.input.as_mut().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    /// Ends the script's standard input.
    pub fn finish_input(&mut self) {
        self.input = None;
    }

    /// The next line; `None` when no more will come.
    pub fn hear(&mut self) -> Option<Heard> {
        let heard = self.heard.recv().ok()?;
        self.keep(&heard);
        Some(heard)
    }

    /// The same, if it comes within `limit`.
    ///
    /// # Errors
    /// When it does not.
    pub fn hear_within(&mut self, limit: Duration) -> Result<Option<Heard>, RecvTimeoutError> {
        let heard = match self.heard.recv_timeout(limit) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(silence) => return Err(silence),
        };
        self.keep(&heard);
        Ok(Some(heard))
    }

    fn keep(&mut self, heard: &Heard) {
        if let Heard::Said(line) = heard {
            if self.said.len() >= MAX_KEPT {
                self.said.pop_front();
            }
            self.said.push_back(line.clone());
        }
    }

    /// Waits for its end. `began` is whether the script has been heard; if not, what `ssh` said is
    /// the cause of a failure.
    ///
    /// # Errors
    /// Why the other machine was not reached, or that the connection ended early.
    pub fn end(&mut self, began: bool) -> Result<(), Trouble> {
        self.finish_input();
        while self.hear().is_some() {}
        match self.ssh.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(Trouble::of(self.said.iter().map(String::as_str), began)),
            Err(error) => Err(Trouble::Program(error.to_string())),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.ssh.kill();
        let _ = self.ssh.wait();
    }
}

/// Reads lines until there are no more, or nobody wants them.
fn listen(from: impl Read + Send + 'static, kind: fn(String) -> Heard, to: SyncSender<Heard>) {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while let Ok(1..) = (&mut from).take(MAX_LINE).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if to.send(kind(text)).is_err() {
                return;
            }
        }
    });
}
