//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures clawdbot against its budgets.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// The headless program
    #[arg(long, value_name = "PATH", default_value = "target/release/clawdbot")]
    pub(crate) bin: PathBuf,
    /// The desktop program; needs a display
    #[arg(long, value_name = "PATH")]
    pub(crate) desktop: Option<PathBuf>,
    /// The built web interface
    #[arg(long, value_name = "PATH", default_value = "src-ui/dist")]
    pub(crate) ui: PathBuf,
    /// How long to watch an idle gateway's processor time
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) idle_seconds: u64,
    /// Measure only these
    #[arg(long, value_name = "ROW", num_args = 1..)]
    pub(crate) only: Vec<Measure>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer every WebSocket message with one text: the yardstick for `health`
    #[command(hide = true)]
    EchoServer {
        /// The answer to every message
        #[arg(long)]
        answer: String,
    },
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// From exec to hello-ok
    Start,
    /// Memory of an idle gateway
    Memory,
    /// Processor time of an idle gateway
    Idle,
    /// `health` beside a bare echo server
    Health,
    /// `chat.send` until it is acknowledged
    Ack,
    /// Complete runs per second
    Runs,
    /// The same with 64 conversations at once
    Concurrent,
    /// Memory after 10,000 runs beside memory after 1,000
    Growth,
    /// Model's first byte to client's first delta
    FirstDelta,
    /// `chat.history` of a long conversation
    History,
    /// One event to 1,000 connections
    FanOut,
    /// Connections opened per second
    Handshakes,
    /// Memory per idle connection
    Connections,
    /// The same with 10,000, if the system allows as many open files
    ManyConnections,
    /// Binary and web interface
    Sizes,
    /// Memory of the desktop program
    Desktop,
}
