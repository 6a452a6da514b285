//! What the desktop app knows of the gateway elsewhere that was chosen there: it keeps secrets in the
//! system's keyring, and tells them to this command.

use std::env::consts::EXE_SUFFIX;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clawdbot_client::Credential;
use clawdbot_config::{Env, Paths};
use serde::Deserialize;

/// The app's answer.
#[derive(Default, Deserialize)]
struct Told {
    token: Option<String>,
    password: Option<String>,
}

/// Asks the app that is installed beside this command; `None` where there is none, or where it knows
/// nothing.
pub(crate) fn of_app(paths: &Paths, env: &Env) -> anyhow::Result<Option<Credential>> {
    let Some(app) = beside() else { return Ok(None) };
    let asked = Command::new(&app)
        .arg("--credential")
        .env_clear()
        .envs(env.iter())
        .env("CLAWDBOT_STATE_DIR", &paths.state_dir)
        .env("CLAWDBOT_CONFIG_PATH", &paths.config)
        .stdin(Stdio::null())
        .output();
    let output =
        asked.map_err(|error| anyhow::anyhow!("{} does not start: {error}", app.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("Error: ");
        anyhow::bail!("Clawdbot Desktop does not tell what opens the gateway. {said}");
    }
    let Told { token, password } = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Ok(password.map(Credential::Password).or_else(|| token.map(Credential::Token)))
}

/// Only where the packages put it: a program of that name elsewhere may be anybody's.
fn beside() -> Option<PathBuf> {
    let own = std::env::current_exe().and_then(|path| path.canonicalize()).ok()?;
    let app = own.with_file_name(format!("clawdbot-desktop{EXE_SUFFIX}"));
    app.is_file().then_some(app)
}
