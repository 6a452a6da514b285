//! The bundled `clawdbot` command: is it there, and is it the same version as the app?

use std::time::Duration;

use tauri::AppHandle;
use tauri_plugin_shell::ShellExt;

use crate::phrases::{Phrases, fill};
use crate::settings::Language;

const NAME: &str = "clawdbot";
const LIMIT: Duration = Duration::from_secs(10);

/// What is wrong with the command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SidecarError {
    #[error("the clawdbot command beside the app does not run: {0}")]
    Missing(#[from] tauri_plugin_shell::Error),
    #[error("the clawdbot command did not answer in {} s", LIMIT.as_secs())]
    Silent,
    #[error("the clawdbot command is version {found}, the app is {ours}")]
    Differs { found: String, ours: String },
}

impl SidecarError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "SIDECAR_MISSING",
            Self::Silent => "SIDECAR_SILENT",
            Self::Differs { .. } => "SIDECAR_VERSION",
        }
    }

    /// One sentence for the tray.
    pub(crate) fn sentence(&self, language: Language) -> String {
        let phrases = Phrases::of(language);
        match self {
            Self::Missing(_) | Self::Silent => phrases.sidecar_missing.to_owned(),
            Self::Differs { found, ours } => fill(phrases.sidecar_differs, &[found, ours]),
        }
    }
}

/// Runs `clawdbot --version` beside the app and compares.
pub(crate) async fn check(app: &AppHandle) -> Result<(), SidecarError> {
    let command = app.shell().sidecar(NAME)?.arg("--version");
    let output =
        tokio::time::timeout(LIMIT, command.output()).await.map_err(|_| SidecarError::Silent)??;
    let ours = app.package_info().version.to_string();
    match version_in(&String::from_utf8_lossy(&output.stdout)) {
        Some(found) if found == ours => Ok(()),
        found => {
            Err(SidecarError::Differs { found: found.unwrap_or_else(|| "?".to_owned()), ours })
        }
    }
}

/// The version in `clawdbot CLI v1.2.3`, cut short if the output is something else.
fn version_in(output: &str) -> Option<String> {
    let mut words = output.lines().next()?.split_whitespace().skip(1).filter(|word| *word != "CLI");
    let word = words.next()?;
    let word = word.strip_prefix('v').unwrap_or(word);
    Some(word.chars().filter(|c| !c.is_control()).take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn the_version_follows_the_name() {
        assert_eq!(version_in("clawdbot CLI v1.2.3\n").as_deref(), Some("1.2.3"));
        assert_eq!(version_in("clawdbot 1.2.3\n").as_deref(), Some("1.2.3"));
        assert_eq!(version_in("clawdbot 1.2.3 (abc)\nmore").as_deref(), Some("1.2.3"));
        assert_eq!(version_in("oops"), None);
        assert_eq!(version_in(""), None);
    }
}
