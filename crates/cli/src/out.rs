//! The only place that prints. A reader that went away is no reason to stop.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::text;

/// Prints a line on standard output.
pub(crate) fn line(text: impl std::fmt::Display) {
    let _ = try_line(text);
}

/// The same, for output without an end, which stops when nobody reads it any more.
pub(crate) fn try_line(text: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

/// Prints part of a line.
pub(crate) fn part(text: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Prints a value as JSON.
pub(crate) fn json(value: &Value) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints names and what is known under them, one a line.
pub(crate) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        line(format_args!("{:<14} {}", format!("{name}:"), text::plain(value).replace('\n', " ")));
    }
}

/// Prints rows in a frame.
pub(crate) fn panel(rows: &[String]) {
    let rows: Vec<String> = rows.iter().map(|row| text::plain(row).replace('\n', " ")).collect();
    let width = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0).max(36);
    line(format_args!("┌{}┐", "─".repeat(width + 2)));
    for row in &rows {
        line(format_args!("│ {row:<width$} │"));
    }
    line(format_args!("└{}┘", "─".repeat(width + 2)));
}

/// Prints a line that reports something done.
pub(crate) fn done(text: impl std::fmt::Display) {
    line(format_args!("✓ {text}"));
}

/// Prints a line on standard error.
pub(crate) fn error(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Asks at the terminal; `None` when nobody answers.
pub(crate) fn ask(question: &str) -> Option<String> {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question}").and_then(|()| err.flush());
    let mut answer = String::new();
    (io::stdin().read_line(&mut answer).ok()? > 0).then_some(answer)
}
