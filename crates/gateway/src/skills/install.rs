//! Installing what a skill needs: a known package manager that is there already, with an argument
//! list of fixed form, no shell, no questions, a time limit and a limit to what is kept of its
//! output.

use std::process::Stdio;
use std::time::Duration;

use clawdbot_config::{Env, NodeManager};
use clawdbot_protocol::{SkillInstalled, SkillInstaller};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::needs::{find_bin, is_this_system, search_path};

/// Bytes kept of each of the two outputs.
const MAX_OUTPUT: usize = 64 * 1024;
/// Variables an installer gets beside PATH: where things are, and how to reach the network.
const VARIABLES: [&str; 15] = [
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "HOMEBREW_PREFIX",
];

/// A way to install what a skill needs, as its front matter names it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Installer {
    pub(crate) id: Option<String>,
    pub(crate) kind: String,
    label: Option<String>,
    pub(crate) bins: Vec<String>,
    os: Vec<String>,
    formula: Option<String>,
    package: Option<String>,
    module: Option<String>,
}

impl Installer {
    pub(crate) fn is_for_this_system(&self) -> bool {
        self.os.is_empty() || self.os.iter().any(|os| is_this_system(os))
    }

    /// As `skills.status` shows it.
    pub(crate) fn row(&self) -> SkillInstaller {
        let named = |what: &Option<String>, how: &str| {
            what.as_ref().map(|what| format!("Install {what} ({how})"))
        };
        let label = match self.kind.as_str() {
            "brew" => named(&self.formula, "brew"),
            "node" => named(&self.package, "npm"),
            "go" => named(&self.module, "go"),
            "uv" => named(&self.package, "uv"),
            _ => None,
        };
        SkillInstaller {
            id: self.id.clone().unwrap_or_default(),
            kind: self.kind.clone(),
            label: self.label.clone().or(label).unwrap_or_else(|| "Run installer".to_owned()),
            bins: self.bins.clone(),
        }
    }

    /// The program and its arguments, or why there are none.
    fn command(&self, node: NodeManager) -> Result<(&'static str, Vec<String>), String> {
        let argument = |value: &Option<String>, member: &str| match value {
            Some(value) if is_package_name(value) => Ok(value.clone()),
            Some(_) => Err(format!("The installer's {member} is not a package name.")),
            None => Err(format!("The installer names no {member}.")),
        };
        let (program, fixed, last): (_, &[&str], _) = match self.kind.as_str() {
            "brew" => ("brew", &["install"], argument(&self.formula, "formula")?),
            "go" => ("go", &["install"], argument(&self.module, "module")?),
            "uv" => ("uv", &["tool", "install"], argument(&self.package, "package")?),
            "node" => {
                let package = argument(&self.package, "package")?;
                // `owner/name` without a scope would be fetched from a repository.
                if package.contains('/') && !package.starts_with('@') {
                    return Err("The installer's package is not in a registry.".to_owned());
                }
                match node {
                    NodeManager::Npm => ("npm", &["install", "-g", "--ignore-scripts"], package),
                    NodeManager::Pnpm => ("pnpm", &["add", "-g", "--ignore-scripts"], package),
                    NodeManager::Yarn => ("yarn", &["global", "add", "--ignore-scripts"], package),
                    NodeManager::Bun => ("bun", &["add", "-g", "--ignore-scripts"], package),
                }
            }
            kind => {
                return Err(format!(
                    "This gateway does not run installers of the kind \"{kind}\". Install it \
                     yourself."
                ));
            }
        };
        let arguments = fixed.iter().map(|part| (*part).to_owned()).chain([last]).collect();
        Ok((program, arguments))
    }
}

/// Names such as `@scope/pkg@1.2`, `tap/formula`, `example.com/mod/cmd@latest`: nothing that could be
/// read as an option, a path or an address of its own.
fn is_package_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "@/._+~^=-".contains(c);
    text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@')
        && text.chars().all(is_allowed)
        && !text.contains("..")
}

/// Runs `installer` and tells what came of it.
pub(crate) async fn install(
    installer: &Installer,
    node: NodeManager,
    env: &Env,
    limit: Duration,
    stop: &CancellationToken,
) -> SkillInstalled {
    let (program, arguments) = match installer.command(node) {
        Ok(command) => command,
        Err(problem) => return failed(problem),
    };
    let Some(path) = find_bin(program, search_path(env)) else {
        return failed(format!("{program} not installed"));
    };
    tracing::info!(program = %path.display(), ?arguments, "installing for a skill");
    let mut command = Command::new(path);
    command
        .args(arguments)
        .env_clear()
        .envs(VARIABLES.iter().filter_map(|name| Some((*name, env.get(name)?))))
        .env("PATH", search_path(env).unwrap_or_default())
        .env("CI", "1")
        .env("NONINTERACTIVE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(format!("{program} cannot be started: {error}")),
    };
    #[cfg(unix)]
    let group = Group(child.id());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let done = async { tokio::join!(child.wait(), kept(out), kept(err)) };
    let (status, stdout, stderr) = tokio::select! {
        done = done => done,
        () = stop.cancelled() => return failed("The gateway is stopping.".to_owned()),
        () = tokio::time::sleep(limit) => {
            return failed(format!("Install failed (timed out after {} s)", limit.as_secs()));
        }
    };
    #[cfg(unix)]
    drop(group);
    let code = status.ok().and_then(|status| status.code());
    let message = match code {
        Some(0) => "Installed".to_owned(),
        Some(code) => format!("Install failed (exit {code}){}", last_line(&stderr, &stdout)),
        None => format!("Install failed (killed){}", last_line(&stderr, &stdout)),
    };
    SkillInstalled { ok: code == Some(0), message, stdout, stderr, code }
}

/// What an installer has started ends with it, also when nobody waits for it any more. Elsewhere
/// `kill_on_drop` ends the installer alone.
#[cfg(unix)]
struct Group(Option<u32>);

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.and_then(|id| i32::try_from(id).ok())
            && let Some(group) = rustix::process::Pid::from_raw(group)
        {
            // There is nothing left to kill after a clean end.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// A failure before there was any output.
pub(crate) fn failed(message: String) -> SkillInstalled {
    SkillInstalled { ok: false, message, stdout: String::new(), stderr: String::new(), code: None }
}

/// The end of what a program prints; the beginning is dropped as it grows.
async fn kept(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else {
        return String::new();
    };
    let mut tail = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        tail.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if tail.len() > 2 * MAX_OUTPUT {
            tail.drain(..tail.len() - MAX_OUTPUT);
        }
    }
    let from = tail.len().saturating_sub(MAX_OUTPUT);
    String::from_utf8_lossy(tail.get(from..).unwrap_or_default()).trim().to_owned()
}

fn last_line(stderr: &str, stdout: &str) -> String {
    let line = [stderr, stdout].iter().find_map(|text| text.lines().next_back());
    line.map(|line| format!(": {line}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_package_names_become_arguments() {
        for name in ["@scope/pkg@1.2", "tap/tool/formula", "example.com/mod/cmd@latest", "uv"] {
            assert!(is_package_name(name), "{name}");
        }
        for name in
            ["", "-g", "--registry=x", "../x", "a/../../b", "a b", "git+ssh://x", "$(x)", "./x"]
        {
            assert!(!is_package_name(name), "{name}");
        }
    }
}
