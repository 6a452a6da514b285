//! The far end of a move: what it is told and what it says.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use clawdbot_remote::ssh::{Heard, Session, Trouble};

use super::parcel::{Parcel, ParcelError};
use crate::{out, text};

/// Runs over there.
const SCRIPT: &str = include_str!("far.sh");
/// What its own lines begin with.
const MARK: &str = "@clawdbot ";
/// Longest silence between two facts.
const PATIENCE: Duration = Duration::from_secs(60);
/// Characters of a line that somebody else wrote.
const MAX_SHOWN: usize = 500;

/// What is known about the server before anything changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// As `uname -s` has it.
    pub(super) os: String,
    /// As `uname -m` has it.
    pub(super) arch: String,
    /// Places below the home directory that are not empty.
    pub(super) taken: Vec<String>,
    /// What `clawdbot --version` says, where it is installed.
    pub(super) version: Option<String>,
}

/// How the server was left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The program, where no service manager answers and somebody has to start it.
    pub(super) foreground: Option<String>,
    /// What was there before, under new names.
    pub(super) aside: Vec<String>,
}

/// Why the server does not have the assistant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FarError {
    #[error("{0} {remedy}", remedy = .0.remedy())]
    Ssh(Trouble),
    #[error(transparent)]
    Parcel(ParcelError),
    #[error("Nothing was heard from there for {seconds} seconds. Log in there and see whether its disks and `clawdbot --version` answer, then try again.", seconds = PATIENCE.as_secs())]
    Silent,
    /// The connection broke when the copy was there, and what became of it was not heard.
    #[error("{0} {OPEN}")]
    Open(Trouble),
    /// The reason in a word, and what was said about it.
    #[error("{}", told(.reason, .because))]
    Failed { reason: String, because: String },
}

/// The script over there.
pub(super) struct Far {
    session: Session,
    server: String,
    /// Whether the script has been heard.
    began: bool,
    /// Whether all of the copy may have arrived, so that it may be used there.
    is_there: bool,
}

impl Far {
    /// Starts the script. `profile` and the places hold nothing that a shell would act on.
    pub(super) fn new(server: String, session: Session) -> Self {
        Self { session, server, began: false, is_there: false }
    }

    pub(super) fn script(profile: Option<&str>) -> String {
        format!("profile='{}'\n{SCRIPT}", profile.unwrap_or_default())
    }

    /// Names the places and hears what is there.
    pub(super) fn facts(&mut self, parcel: &Parcel) -> Result<Facts, FarError> {
        let places: String = parcel.places().map(|place| format!("{place}\n")).collect();
        // Whether it arrived is seen by what comes back.
        let _ = self.session.send(&format!("{places}.\n"));
        let mut facts = Facts::default();
        self.follow("ready", Some(PATIENCE), |word, rest| match word {
            "os" => facts.os = rest,
            "arch" => facts.arch = rest,
            "taken" => facts.taken.push(rest),
            "version" => facts.version = Some(rest),
            _ => {}
        })?;
        Ok(facts)
    }

    /// Sends the parcel and hears what became of it.
    pub(super) fn deliver(
        &mut self,
        parcel: &Parcel,
        program: Option<&Path>,
        replace: bool,
    ) -> Result<Outcome, FarError> {
        let order = if replace { "replace\n" } else { "new\n" };
        let _ = self.session.send(order);
        let total = parcel.bytes(program);
        let written = self
            .session
            .input()
            .map_err(ParcelError::Send)
            .and_then(|to| parcel.write(program, BufWriter::new(Counted::new(to, total))));
        out::progress("");
        if let Err(error @ (ParcelError::Read { .. } | ParcelError::Changed { .. })) = written {
            return Err(FarError::Parcel(error));
        }
        // From its last part on it may be used there, whether or not that is heard.
        self.is_there = matches!(written, Ok(()) | Err(ParcelError::End(_)));
        self.session.finish_input();
        let mut outcome = Outcome::default();
        let server = self.server.clone();
        self.follow("done", None, |word, rest| match word {
            "unpacked" => out::done(format_args!("{} copied to {server}", size(total))),
            "aside" => outcome.aside.push(rest),
            "foreground" => outcome.foreground = Some(rest),
            _ => {}
        })?;
        let _ = self.session.end(true);
        Ok(outcome)
    }

    /// Hears lines until one says `last`. Other lines are shown. Once the script has been heard, the
    /// next line comes within `limit`; before, a person may have to answer `ssh`.
    fn follow(
        &mut self,
        last: &str,
        limit: Option<Duration>,
        mut heard: impl FnMut(&str, String),
    ) -> Result<(), FarError> {
        let mut because = String::new();
        loop {
            let line = match limit.filter(|_| self.began) {
                Some(limit) => self.session.hear_within(limit).map_err(|_| FarError::Silent)?,
                None => self.session.hear(),
            };
            let Some(line) = line else { return Err(self.trouble()) };
            let line = match line {
                Heard::Line(line) => line,
                Heard::Said(line) => {
                    out::error(format_args!("{}: {}", self.server, text::short(&line, MAX_SHOWN)));
                    continue;
                }
            };
            let Some(own) = line.strip_prefix(MARK) else {
                // What a login shell prints of its own is no news.
                if self.began {
                    self.show(&line);
                }
                continue;
            };
            self.began = true;
            let (word, rest) = own.split_once(' ').unwrap_or((own, ""));
            let rest = text::short(rest, MAX_SHOWN);
            match word {
                "because" => because = rest,
                "failed" => {
                    // It tidies up first.
                    let _ = self.session.end(true);
                    return Err(FarError::Failed { reason: rest, because });
                }
                word if word == last => return Ok(()),
                word => heard(word, rest),
            }
        }
    }

    /// Shows a line of a command over there.
    fn show(&self, line: &str) {
        let server = &self.server;
        match line.strip_prefix("✓ ") {
            Some(done) => out::done(format_args!("{server}: {}", text::short(done, MAX_SHOWN))),
            None => out::line(format_args!("{server}: {}", text::short(line, MAX_SHOWN))),
        }
    }

    /// Why it fell silent.
    fn trouble(&mut self) -> FarError {
        let trouble = self.session.end(self.began).err().unwrap_or(Trouble::Lost);
        if self.is_there { FarError::Open(trouble) } else { FarError::Ssh(trouble) }
    }
}

/// The sentence for a failure over there.
fn told(reason: &str, because: &str) -> String {
    let said = if because.is_empty() { String::new() } else { format!(": {because}") };
    match reason {
        "home" => {
            "Your home directory there cannot be used. Have its administrator make one.".into()
        }
        "directory" => format!(
            "No directory can be made in your home directory there{said}. Check its disk and its permissions."
        ),
        "unpack" => format!(
            "The copy cannot be unpacked there{said}. Check that tar is installed and the disk has room, then try again."
        ),
        "program" => format!("clawdbot does not run there{said}. {BUILD}"),
        "stop" => format!(
            "The gateway that runs there cannot be stopped{said}. Stop it there, then try again."
        ),
        "taken" => {
            format!("{because} has appeared there meanwhile. Run this again to see what is there.")
        }
        "place" => format!(
            "The copy cannot be put in its place there{said}. Check the permissions there, then try again."
        ),
        "service" => format!(
            "The service cannot be installed there{said}. What was copied was taken away again; repair that, then try again."
        ),
        "silent" => format!(
            "The gateway does not answer there{said}. What was copied was taken away again; `clawdbot doctor` here may know why."
        ),
        _ => format!("It failed there ({reason}){said}."),
    }
}

/// What to do when nobody knows.
const OPEN: &str = "All of the copy was sent, and the gateway may run there, so the one here was not started again and does not start by itself. Log in there and run: clawdbot gateway status. If it runs there, set gateway.mode to remote and gateway.remote.sshTarget here; if not, start the one here again, as a service with: clawdbot gateway install";

/// What to do when this program is not made for that machine.
pub(super) const BUILD: &str = "Build it there (installer/run.sh --headless --build-only), put it into ~/.local/bin there, and run this again, which then uses it.";

/// Shows how much has been sent.
struct Counted<W> {
    to: W,
    sent: u64,
    total: u64,
    shown: u64,
}

impl<W: Write> Counted<W> {
    fn new(to: W, total: u64) -> Self {
        Self { to, sent: 0, total: total.max(1), shown: 0 }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sent += written as u64;
        // Names and padding come on top of what the files hold.
        let percent = (self.sent.saturating_mul(100) / self.total).min(99);
        if percent > self.shown {
            self.shown = percent;
            out::progress(&format!("copying {}: {percent} %", size(self.total)));
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}
