//! `--uninstall`: takes back what the app has put outside its own directory, and says what stays.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use auto_launch::AutoLaunchBuilder;
use clawdbot_config::{Env, Paths};
use clawdbot_remote::tailscale::TailscaleError;

use crate::login;
use crate::outside::SCHEME;
use crate::platform::{Here, Platform};

/// The argument.
pub(crate) const ARGUMENT: &str = "--uninstall";

/// Why something was left behind.
#[derive(Debug, thiserror::Error)]
enum UninstallError {
    #[error("the login entry: {0}")]
    Login(#[from] auto_launch::Error),
    #[error("the login entry: {0}")]
    Entry(io::Error),
    #[error("the handler of {SCHEME}:// links: {0}")]
    Scheme(io::Error),
    #[error("the Tailscale route: {0}")]
    Route(#[from] TailscaleError),
    #[error("this program's own path: {0}")]
    Program(io::Error),
}

/// Takes everything back that it can, and reports on standard output. The error says what is left.
pub(crate) fn run(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    // It would go on publishing its route and keep what it knows of itself.
    anyhow::ensure!(
        !Here::is_running(),
        "Clawdbot is running and would put this back. Choose Quit in its menu, then run this again. Nothing was removed."
    );
    let mut out = io::stdout().lock();
    let mut failed = Vec::new();
    let takings = [
        ("Start at login", login_entry()),
        ("Links", scheme()),
        ("Tailscale route to this gateway", route(paths, env)),
    ];
    for (what, result) in takings {
        match result {
            Ok(true) => writeln!(out, "{what}: removed.")?,
            Ok(false) => writeln!(out, "{what}: there was nothing to remove.")?,
            Err(error) => failed.push(error),
        }
    }
    writeln!(out, "\nKept, because it is yours. Delete it if you want it gone:")?;
    for kept in kept(paths) {
        writeln!(out, "  {}", kept.display())?;
    }
    writeln!(
        out,
        "Tokens of remote gateways, if there are any, are in the system's keyring, or in remote-secrets.json where there is none."
    )?;
    writeln!(out, "\nNow remove the package, or the folder that this program is in.")?;
    if failed.is_empty() {
        return Ok(());
    }
    let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
    anyhow::bail!("Not removed: {}. Remove it yourself, or run this again.", failed.join("; "))
}

fn login_entry() -> Result<bool, UninstallError> {
    let program = std::env::current_exe().map_err(UninstallError::Program)?;
    let entry = AutoLaunchBuilder::new()
        .set_app_name(login::NAME)
        .set_app_path(&program.display().to_string())
        .set_args(&[login::ARGUMENT])
        .build()?;
    let there = entry.is_enabled()?;
    if there {
        entry.disable()?;
    }
    Ok(login::remove_entry().map_err(UninstallError::Entry)? || there)
}

fn scheme() -> Result<bool, UninstallError> {
    Here::forget_scheme(SCHEME).map_err(UninstallError::Scheme)
}

/// The route through Tailscale, as long as it leads to the gateway of this account (TS-03).
fn route(paths: &Paths, env: &Env) -> Result<bool, UninstallError> {
    Ok(tauri::async_runtime::block_on(clawdbot_gateway::release_route(paths, env))?)
}

/// What is there of the person's own.
fn kept(paths: &Paths) -> Vec<PathBuf> {
    let own = [paths.state_dir.clone(), paths.workspace_default.clone()];
    let own = own.into_iter().chain(Here::window_data());
    own.filter(|path| Path::exists(path)).collect()
}
