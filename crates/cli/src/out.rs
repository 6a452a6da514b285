//! The only place that prints. A reader that went away is no reason to stop.

use std::io::{self, IsTerminal as _, Write as _};

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
    line(inert(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// The same JSON with everything a terminal would act on written as an escape.
pub(crate) fn inert(json: &str) -> String {
    let mut inert = String::with_capacity(json.len());
    for c in json.chars() {
        // Only strings can hold any of them, and all are in the basic plane.
        if c != '\n' && text::acts(c) {
            inert.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            inert.push(c);
        }
    }
    inert
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

/// Prints a line that reports something done. Names in it may be of others.
pub(crate) fn done(text: impl std::fmt::Display) {
    line(format_args!("✓ {}", text::plain(&text.to_string())));
}

/// Prints a line on standard error. It may quote a gateway, which may be anybody's.
pub(crate) fn error(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", text::plain(&text.to_string()));
}

/// Shows how far something is on a terminal, in place of what this showed before; nothing takes it
/// away.
pub(crate) fn progress(text: &str) {
    let mut err = io::stderr().lock();
    if err.is_terminal() {
        let _ = write!(err, "\r\u{1b}[K{text}").and_then(|()| err.flush());
    }
}

/// Asks at the terminal; `None` when nobody answers.
pub(crate) fn ask(question: &str) -> Option<String> {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question}").and_then(|()| err.flush());
    let mut answer = String::new();
    (io::stdin().read_line(&mut answer).ok()? > 0).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_and_reaches_no_terminal_as_a_command_loc_03() {
        let value = serde_json::json!({"a": ["\u{9b}31m\u{7f}\u{202e}\u{1b}]0;x\u{7}", "é\n"]});
        let shown = inert(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!shown.chars().any(|c| c != '\n' && text::acts(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }
}
