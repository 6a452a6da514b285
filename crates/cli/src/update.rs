//! `clawdbot update`: says how this copy is brought up to date. It downloads nothing.

use serde_json::json;

use crate::out;

/// Say how this copy is brought up to date
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &UpdateArgs) -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let from_source = program.components().any(|part| part.as_os_str() == "target");
    let how = if from_source {
        "In the source folder: git pull, then installer/run.sh"
    } else {
        "Replace this file by a newer one: install -m 755 clawdbot <the path above>"
    };
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        let answer =
            json!({"version": version, "program": program, "how": how, "automatic": false});
        return out::json(&answer);
    }
    out::line(format_args!("clawdbot {version} ({})", program.display()));
    out::line(
        "This program does not update itself, and does not ask whether there is something newer.",
    );
    out::line(how);
    out::line("Then: clawdbot gateway restart. Settings and conversations stay as they are.");
    Ok(())
}
