//! `--credential`: tells the `clawdbot` command beside the app what opens the chosen gateway
//! elsewhere, so that a person enters it once. Whoever may ask could as well ask the keyring.

use std::io::{self, IsTerminal as _, Write as _};

use clawdbot_config::{Document, Env, Paths};
use serde::Serialize;

use crate::connection::{Credential, Target, Vault, Wish};

/// The argument.
pub(crate) const ARGUMENT: &str = "--credential";

/// What is printed, as JSON.
#[derive(Serialize)]
struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// Prints what a person entered for the configured gateway; nothing for one on this computer. What a
/// gateway gave the app as a device opens it for no other program and stays here.
pub(crate) fn run(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    anyhow::ensure!(!out.is_terminal(), "Secrets are not shown in a terminal.");
    let wish = Wish::of(&Document::load(&paths.config, env)?.config);
    let credential = match wish.check()? {
        Target::Local => Credential::default(),
        target => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let vault = Vault::new(&paths.state_dir);
            let known = runtime.block_on(vault.credential(&target.key()));
            known.map_err(|error| anyhow::anyhow!("{error} {}", error.remedy()))?
        }
    };
    let Credential { token, password, .. } = credential;
    writeln!(out, "{}", serde_json::to_string(&Told { token, password })?)?;
    Ok(())
}
