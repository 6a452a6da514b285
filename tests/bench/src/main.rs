//! Measures the real `clawdbot` program against its budgets and prints one table.
//!
//! ```sh
//! cargo run --release -p clawdbot-bench -- --bin target/release/clawdbot
//! ```
//!
//! Every figure comes from a gateway in a process of its own, with a state directory of its own,
//! reached over loopback. Linux only: memory and processor time are read from `/proc`.

mod args;
mod client;
mod echo;
mod gateway;
mod load;
mod model;
mod process;
mod report;
mod rows;
mod samples;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    process::raise_open_files();
    let runtime = tokio::runtime::Runtime::new()?;
    match &args.command {
        Some(Command::EchoServer { answer }) => {
            runtime.block_on(echo::serve(answer.clone()))?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            let rows = runtime.block_on(rows::measure(&args))?;
            report::print(&rows, args.json)?;
            let over = rows.iter().any(|row| row.ok() == Some(false));
            Ok(if over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}
