//! Asks the `tailscale` command who an address belongs to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clawdbot_config::Env;
use clawdbot_remote::tailscale;
use tokio::sync::Semaphore;

/// How long an answer is believed, and how long a failure is.
const FRESH: Duration = Duration::from_secs(60);
const FRESH_FAILURE: Duration = Duration::from_secs(5);
/// Answers remembered at once.
const MAX_REMEMBERED: usize = 256;
/// Commands running at once.
const MAX_RUNNING: usize = 4;

/// Looks tailnet addresses up.
pub(crate) struct Tailscale {
    env: Env,
    known: Mutex<HashMap<IpAddr, Known>>,
    running: Semaphore,
}

struct Known {
    login: Option<String>,
    at: Instant,
}

impl Tailscale {
    pub(crate) fn new(env: &Env) -> Self {
        Self { env: env.clone(), known: Mutex::default(), running: Semaphore::new(MAX_RUNNING) }
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
        let login = match self.command() {
            Some(command) => command.whois(ip).await,
            None => None,
        };
        self.remember(ip, login.clone());
        login
    }

    /// The command, where nobody else can have put it.
    pub(crate) fn command(&self) -> Option<tailscale::Tailscale> {
        tailscale::Tailscale::find(self.env.iter())
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

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
}
