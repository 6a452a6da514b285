//! Asks the `tailscale` command who an address belongs to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
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

/// Whether the far end of a loopback connection may be Tailscale's own daemon: of this machine's
/// users only the administrator and ourselves are believed, so that nobody else can put words into
/// its mouth.
#[cfg(target_os = "linux")]
pub(crate) fn may_be_daemon((far, near): (SocketAddr, SocketAddr)) -> bool {
    let me = rustix::process::getuid().as_raw();
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        let owner = owner(&table, far.port(), near.port());
        owner.is_some_and(|owner| owner == 0 || owner == me)
    })
}

/// Elsewhere the system does not tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn may_be_daemon(_socket: (SocketAddr, SocketAddr)) -> bool {
    true
}

/// The user a loopback socket belongs to, from the system's table of sockets: `sl local remote
/// state queues timer retransmits uid …`.
#[cfg(target_os = "linux")]
fn owner(table: &str, from: u16, to: u16) -> Option<u32> {
    let port = |end: &str| u16::from_str_radix(end.rsplit(':').next()?, 16).ok();
    // 127.0.0.1 and ::ffff:127.0.0.1, as this machine's byte order writes them.
    let is_loopback = |end: &str| end.starts_with("0100007F:") || end.contains("FFFF00000100007F:");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, "01", _, _, _, uid, ..] = fields.as_slice() else { return None };
        let same = port(local) == Some(from) && port(remote) == Some(to) && is_loopback(local);
        if same { uid.parse().ok() } else { None }
    })
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sockets_owner_is_found_prx_05() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1\n\
            1: 0100007F:B1F4 0100007F:4965 01 00000000:00000000 00:00000000 00000000     0        0 2 1\n\
            2: 0100007F:B1F5 0100007F:4965 01 00000000:00000000 00:00000000 00000000  1001        0 3 1\n";
        assert_eq!(owner(table, 0xB1F4, 0x4965), Some(0));
        assert_eq!(owner(table, 0xB1F5, 0x4965), Some(1001));
        assert_eq!(owner(table, 0xB1F6, 0x4965), None);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(may_be_daemon((ours.local_addr().unwrap(), ours.peer_addr().unwrap())));
    }

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
