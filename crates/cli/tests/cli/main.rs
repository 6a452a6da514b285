//! The command line as people run it: a process of its own against a gateway of the test.

mod agent;
mod basics;
mod lists;
mod sessions;

/// The program under test.
const CLAWDBOT: &str = env!("CARGO_BIN_EXE_clawdbot");
