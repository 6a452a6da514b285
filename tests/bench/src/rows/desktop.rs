//! The desktop program with all its helpers.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::args::Args;
use crate::gateway::Home;
use crate::process;
use crate::report::Row;

/// Until the page is drawn.
const SETTLE: Duration = Duration::from_secs(8);

pub(super) async fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let display =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    match &args.desktop {
        Some(program) if display => Ok(vec![
            row("desktop memory (PSS), tray only", program, &["--hidden"]).await?,
            row("desktop memory (PSS), with window", program, &["--open"]).await?,
        ]),
        Some(_) => bail!("--desktop needs a display; set DISPLAY or WAYLAND_DISPLAY"),
        None => Ok(Vec::new()),
    }
}

async fn row(title: &str, program: &Path, arguments: &[&str]) -> anyhow::Result<Row> {
    let home = Home::new(None)?;
    let mut child = Command::new(program)
        .args(arguments)
        .envs(home.env())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    tokio::time::sleep(SETTLE).await;
    let family = process::tree(child.id().context("the desktop program ended by itself")?)?;
    let mut kib = 0;
    for pid in &family {
        kib += process::pss_kib(*pid)?;
    }
    child.kill().await?;
    Ok(Row::new(title, kib as f64 * 1024.0 / 1e6, "MB").detail(format!(
        "{} processes, after {} s",
        family.len(),
        SETTLE.as_secs()
    )))
}
