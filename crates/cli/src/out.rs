//! The only place that prints. A reader that went away is no reason to stop.

use std::io::{self, Write as _};

/// Prints a line on standard output.
pub(crate) fn line(text: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints a line that reports something done.
pub(crate) fn done(text: impl std::fmt::Display) {
    line(format_args!("✓ {text}"));
}

/// Prints a line on standard error.
pub(crate) fn error(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
