use std::io;
use std::process::{Command, Stdio};

/// Runs programs of the system.
pub trait Commands {
    /// Runs one to its end.
    ///
    /// # Errors
    /// When it cannot be run at all.
    fn run(&self, program: &str, args: &[&str]) -> io::Result<Output>;
}

/// What a program of the system has said.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Whether it was content.
    pub success: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Output {
    /// The last line it said, preferably on standard error.
    pub(crate) fn last_words(&self) -> String {
        let last = |text: &str| {
            text.lines().rfind(|line| !line.trim().is_empty()).map(str::trim).map(str::to_owned)
        };
        let said = last(&self.err).or_else(|| last(&self.out));
        said.unwrap_or_else(|| "it said nothing".to_owned()).trim_end_matches('.').to_owned()
    }
}

/// The programs of this system.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Commands for System {
    fn run(&self, program: &str, args: &[&str]) -> io::Result<Output> {
        let done = Command::new(program).args(args).stdin(Stdio::null()).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Output {
            success: done.status.success(),
            out: text(&done.stdout),
            err: text(&done.stderr),
        })
    }
}
