//! `clawdbot completion`: what a shell needs to complete commands.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;
use crate::out;

#[expect(clippy::unnecessary_wraps, reason = "every command answers alike")]
pub(crate) fn run(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "clawdbot", &mut script);
    out::part(String::from_utf8_lossy(&script));
    Ok(())
}
