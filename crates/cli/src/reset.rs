//! `clawdbot reset`: starts over, and keeps what was there.

use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clawdbot_config::Paths;
use clawdbot_gateway::Running;

use crate::exit::Usage;
use crate::out;
use crate::service::Situation;

/// Start over: set settings, conversations and devices aside
#[derive(Debug, clap::Args)]
pub(crate) struct ResetArgs {
    /// How much
    #[arg(long, value_enum, default_value = "all")]
    scope: Scope,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Only say what would be set aside
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scope {
    /// clawdbot.json only
    Config,
    /// Everything in the state directory; the assistant's own files stay
    All,
}

pub(crate) fn run(args: &ResetArgs, paths: &Paths) -> anyhow::Result<()> {
    if let Some(Running { pid, .. }) = Running::find(paths) {
        return Err(Situation::InUse { pid }.into());
    }
    let what = match args.scope {
        Scope::Config => paths.config.clone(),
        Scope::All => paths.state_dir.clone(),
    };
    if !what.exists() {
        out::done("there is nothing to reset");
        return Ok(());
    }
    let aside = aside(&what);
    out::line(format_args!("{} would be set aside as {}.", what.display(), aside.display()));
    if args.dry_run {
        return Ok(());
    }
    if !args.yes {
        if !std::io::stdin().is_terminal() {
            return Err(
                Usage("Nobody can be asked here. Add --yes to reset without a question.").into()
            );
        }
        let sure =
            dialoguer::Confirm::new().with_prompt("Start over?").default(false).interact()?;
        if !sure {
            out::line("Nothing was changed.");
            return Ok(());
        }
    }
    fs::rename(&what, &aside).with_context(|| format!("cannot move {}", what.display()))?;
    out::done(format_args!(
        "set aside as {}; remove it when you no longer need it",
        aside.display()
    ));
    out::line("Go on with: clawdbot onboard");
    Ok(())
}

/// A name beside it that nothing has.
fn aside(path: &std::path::Path) -> PathBuf {
    let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
    let named = |suffix: &str| {
        let mut name: OsString = path.as_os_str().to_owned();
        name.push(format!(".reset-{stamp}{suffix}"));
        PathBuf::from(name)
    };
    let first = named("");
    if first.exists() { named("-2") } else { first }
}
