//! `clawdbot man`: the manual pages, as packages bring them along.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::{Man, generate_to};

use crate::args::Args;

/// What the first page says beside the commands.
const MORE: &[u8] = include_bytes!("man.roff");

/// Writes a page for every command.
pub(crate) fn run(directory: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write manual pages to {}", directory.display());
    fs::create_dir_all(directory).with_context(cannot)?;
    let command = Args::command().version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    generate_to(command.clone(), directory).with_context(cannot)?;
    let mut first = Vec::new();
    Man::new(command).render(&mut first)?;
    first.extend_from_slice(MORE);
    fs::write(directory.join("clawdbot.1"), first).with_context(cannot)
}
