//! Asks the `tailscale` command who an address belongs to.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clawdbot_config::Env;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tracing::debug;

/// How long the command may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// Bytes read of its answer.
const MAX_ANSWER: u64 = 256 * 1024;
/// How long an answer is believed, and how long a failure is.
const FRESH: Duration = Duration::from_secs(60);
const FRESH_FAILURE: Duration = Duration::from_secs(5);
/// Answers remembered at once.
const MAX_REMEMBERED: usize = 256;
/// Commands running at once.
const MAX_RUNNING: usize = 4;

#[cfg(windows)]
const PROGRAM: &str = "tailscale.exe";
#[cfg(not(windows))]
const PROGRAM: &str = "tailscale";

/// Where the macOS app keeps it, which is on nobody's `PATH`.
const APP: &str = "/Applications/Tailscale.app/Contents/MacOS/Tailscale";

/// Looks tailnet addresses up.
pub(crate) struct Tailscale {
    path: Option<String>,
    known: Mutex<HashMap<IpAddr, Known>>,
    running: Semaphore,
}

struct Known {
    login: Option<String>,
    at: Instant,
}

/// The part of `tailscale whois --json` that matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Whois {
    #[serde(default)]
    node: Node,
    user_profile: UserProfile,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UserProfile {
    login_name: String,
}

impl Tailscale {
    pub(crate) fn new(env: &Env) -> Self {
        Self {
            path: env.get("PATH").map(str::to_owned),
            known: Mutex::default(),
            running: Semaphore::new(MAX_RUNNING),
        }
    }

    /// The login of the person whose device has this address; `None` when nobody vouches for one.
    pub(crate) async fn login_of(&self, ip: IpAddr) -> Option<String> {
        if let Some(known) = self.remembered(ip) {
            return known;
        }
        let _turn = self.running.acquire().await.ok()?;
        if let Some(known) = self.remembered(ip) {
            return known;
        }
        let login = match tokio::time::timeout(DEADLINE, self.ask(ip)).await {
            Ok(login) => login,
            Err(_) => {
                debug!(%ip, "tailscale whois took too long");
                None
            }
        };
        self.remember(ip, login.clone());
        login
    }

    /// The command dies with this future.
    async fn ask(&self, ip: IpAddr) -> Option<String> {
        let program = self.program()?;
        let mut child = Command::new(program)
            .args(["whois", "--json", &ip.to_string()])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .inspect_err(|error| debug!(%error, "tailscale does not start"))
            .ok()?;
        let mut answer = Vec::new();
        child.stdout.take()?.take(MAX_ANSWER + 1).read_to_end(&mut answer).await.ok()?;
        if answer.len() as u64 > MAX_ANSWER || !child.wait().await.ok()?.success() {
            return None;
        }
        login(&answer)
    }

    /// The program, from absolute entries of `PATH` that only its owner can change. The working
    /// directory is never looked into (TS-01).
    fn program(&self) -> Option<PathBuf> {
        let here = std::env::current_dir().ok();
        let listed = std::env::split_paths(self.path.as_deref().unwrap_or_default())
            .filter(|dir| dir.is_absolute() && Some(dir) != here.as_ref())
            .map(|dir| dir.join(PROGRAM));
        listed.chain([PathBuf::from(APP)]).find(|file| is_safe_program(file))
    }

    fn remembered(&self, ip: IpAddr) -> Option<Option<String>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&ip)?;
        let fresh = if known.login.is_some() { FRESH } else { FRESH_FAILURE };
        (known.at.elapsed() < fresh).then(|| known.login.clone())
    }

    fn remember(&self, ip: IpAddr, login: Option<String>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            let oldest = known.iter().min_by_key(|(_, known)| known.at).map(|(ip, _)| *ip);
            oldest.map(|ip| known.remove(&ip));
        }
        known.insert(ip, Known { login, at: Instant::now() });
    }
}

/// The login in an answer. A tagged node is a machine and nobody's.
fn login(answer: &[u8]) -> Option<String> {
    let whois: Whois = serde_json::from_slice(answer).ok()?;
    let tagged = whois.node.tags.is_some_and(|tags| !tags.is_empty());
    let login = normal(&whois.user_profile.login_name);
    (!tagged && !login.is_empty() && login != "tagged-devices").then_some(login)
}

/// A login in the form in which two are compared.
pub(crate) fn normal(login: &str) -> String {
    login.trim().to_lowercase()
}

#[cfg(unix)]
fn is_safe_program(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let me = rustix::process::getuid().as_raw();
    std::fs::metadata(file).is_ok_and(|found| {
        found.is_file()
            && found.mode() & 0o111 != 0
            && found.mode() & 0o022 == 0
            && (found.uid() == 0 || found.uid() == me)
    })
}

#[cfg(not(unix))]
fn is_safe_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_has_a_login_prx_06() {
        let person = br#"{"Node":{"ID":1,"Name":"laptop.tail.ts.net."},
            "UserProfile":{"ID":2,"LoginName":" Owner@Example.com ","DisplayName":"Owner"},"CapMap":null}"#;
        assert_eq!(login(person).as_deref(), Some("owner@example.com"));
        for nobody in [
            r#"{"Node":{"Tags":["tag:server"]},"UserProfile":{"LoginName":"owner@example.com"}}"#,
            r#"{"Node":{},"UserProfile":{"LoginName":"tagged-devices"}}"#,
            r#"{"Node":{},"UserProfile":{"LoginName":""}}"#,
            r#"{"Node":{},"UserProfile":{"LoginName":7}}"#,
            r#"{"Node":{}}"#,
            "peer not found",
            "",
        ] {
            assert_eq!(login(nobody.as_bytes()), None, "{nobody}");
        }
    }
}
