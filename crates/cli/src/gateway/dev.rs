//! `--dev`: settings and a workspace of its own, and a new start when the program is built anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clawdbot_config::{DEFAULT_PORT, Paths, write};
use clawdbot_gateway::Running;

use crate::out;

/// How often the program file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Why development cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevError {
    #[error("cannot remove {path}: {source}. Check its permissions.")]
    Remove { path: PathBuf, source: io::Error },
    #[error("cannot create {path}: {source}. Check that you may write there.")]
    Create { path: PathBuf, source: io::Error },
    #[error("the development gateway is running (pid {pid}). Stop it before you start over.")]
    Running { pid: u32 },
    #[error("cannot start {path} again: {source}")]
    Restart { path: PathBuf, source: io::Error },
}

/// Removes the state and the workspace of development.
pub(crate) fn reset(paths: &Paths) -> Result<(), DevError> {
    if let Some(Running { pid, .. }) = Running::find(paths) {
        return Err(DevError::Running { pid });
    }
    for (what, dir) in [("state", &paths.state_dir), ("workspace", &paths.workspace_default)] {
        match fs::remove_dir_all(dir) {
            Ok(()) => out::done(format_args!("dev {what} removed: {}", short(paths, dir))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(DevError::Remove { path: dir.clone(), source }),
        }
    }
    Ok(())
}

/// Writes the settings and makes the workspace where they are missing.
pub(crate) fn set_up(paths: &Paths) -> Result<(), DevError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DevError::Create { path, source }
    };
    if !paths.config.exists() {
        write(&paths.config, &settings()).map_err(failed(&paths.config))?;
        out::done(format_args!("dev config created at {}", short(paths, &paths.config)));
    }
    let workspace = &paths.workspace_default;
    if !workspace.exists() {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(workspace).map_err(failed(workspace))?;
        out::done(format_args!("dev workspace initialized at {}", short(paths, workspace)));
    }
    Ok(())
}

fn settings() -> String {
    format!(
        "\
// Settings of `clawdbot gateway --dev`, apart from those of your own assistant.
{{
  gateway: {{
    mode: \"local\",
    bind: \"loopback\",
    port: {DEFAULT_PORT},
    // Whoever can use this computer may connect.
    auth: {{ mode: \"none\" }},
  }},
}}
"
    )
}

/// The path as people write it.
fn short(paths: &Paths, path: &Path) -> String {
    match path.strip_prefix(&paths.home) {
        Ok(rest) => format!("~/{}", rest.display()),
        Err(_) => path.display().to_string(),
    }
}

/// Resolves when the program file has been replaced and is complete.
pub(crate) async fn rebuilt(program: &Path) {
    let first = stamp(program);
    let mut last = first;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = stamp(program);
        if now.is_some() && now != first && now == last {
            return;
        }
        last = now;
    }
}

fn stamp(program: &Path) -> Option<(SystemTime, u64)> {
    let meta = fs::metadata(program).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// Runs the program again as it was started, but without removing anything.
pub(crate) fn restart(program: &Path) -> anyhow::Result<()> {
    let args = std::env::args_os().skip(1).filter(|arg| arg != "--reset");
    let mut command = std::process::Command::new(program);
    command.args(args);
    Err(DevError::Restart { path: program.to_owned(), source: replace(command) }.into())
}

#[cfg(unix)]
fn replace(mut command: std::process::Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(&mut command)
}

/// Stays until the new one has ended, so that the terminal is not given back early.
#[cfg(not(unix))]
fn replace(mut command: std::process::Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
