//! The command line as people run it: a process of its own against a gateway of the test.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent;
mod basics;
mod lists;
mod sessions;
mod tui;
mod tutorial;

/// The program under test.
const CLAWDBOT: &str = env!("CARGO_BIN_EXE_clawdbot");
