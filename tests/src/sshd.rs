//! A real `sshd` on loopback, without an account: keys, configuration and known hosts are its own.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clawdbot_remote::ssh::{Spec, Ssh};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Opens the key file `locked`.
pub const PASSPHRASE: &str = "open sesame";

/// A server with a client's configuration beside it. Ends with everything it started.
pub struct Sshd {
    dir: TempDir,
    port: u16,
    server: Child,
}

impl Sshd {
    /// Starts one whose host key the client knows.
    pub async fn start() -> Self {
        let sshd = Self::unknown().await;
        sshd.trust();
        sshd
    }

    /// The same with more lines in its configuration.
    pub async fn configured(more: &str) -> Self {
        let sshd = Self::begin(more).await;
        sshd.trust();
        sshd
    }

    /// Starts one whose host key nobody knows.
    pub async fn unknown() -> Self {
        Self::begin("").await
    }

    async fn begin(more: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("sshd").tempdir().unwrap();
        std::fs::create_dir_all("/run/sshd").expect("sshd needs /run/sshd; run the tests as root");
        for (name, passphrase) in
            [("host", ""), ("other-host", ""), ("id", ""), ("locked", PASSPHRASE)]
        {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
                .arg(dir.path().join(name))
                .status();
            assert!(made.expect("ssh-keygen (openssh-client) is missing").success());
        }
        let public = |name| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let keys = format!("{}{}", public("id.pub"), public("locked.pub"));
        std::fs::write(dir.path().join("authorized_keys"), keys).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = serve(dir.path(), port, "host", more);
        let sshd = Self { dir, port, server };
        sshd.configure("");
        sshd.listening().await;
        sshd
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// A file of its directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the client's host key list.
    pub fn trust(&self) {
        let key = std::fs::read_to_string(self.file("host.pub")).unwrap();
        let key: Vec<&str> = key.split(' ').take(2).collect();
        let line = format!("[127.0.0.1]:{} {}\n", self.port, key.join(" "));
        std::fs::write(self.file("known_hosts"), line).unwrap();
    }

    /// Adds lines to the client's alias `box`.
    pub fn configure(&self, more: &str) {
        let mut text = format!(
            "Host box\n HostName 127.0.0.1\n Port {}\n User root\n IdentityFile {}\n{more}\n",
            self.port,
            self.file("id").display(),
        );
        let known = self.file("known_hosts");
        write!(
            text,
            "Host *\n IdentityAgent none\n UserKnownHostsFile {}\n GlobalKnownHostsFile /dev/null\n",
            known.display()
        )
        .unwrap();
        std::fs::write(self.file("config"), text).unwrap();
    }

    /// A client that reads that configuration.
    pub fn ssh(&self, helper: &str) -> Ssh {
        let env = [("PATH", "/usr/bin:/bin"), ("CLAWDBOT_GATEWAY_TOKEN", "canary-token")];
        let ssh = Ssh::find(env.into_iter(), helper.into()).unwrap();
        let ssh = ssh.with_scratch(self.dir.path().to_owned());
        ssh.with_config(self.file("config"))
    }

    /// A tunnel to a port of this machine through the alias `box`.
    pub fn spec(&self, remote_port: u16) -> Spec {
        Spec { destination: "box".parse().unwrap(), identity: None, remote_port }
    }

    /// Starts again with another host key, or other lines in its configuration.
    pub async fn restart(&mut self, key: &str, more: &str) {
        self.end();
        self.server = serve(self.dir.path(), self.port, key, more);
        self.listening().await;
    }

    /// Ends the server and every session.
    pub fn end(&mut self) {
        // A session that began meanwhile would keep the port.
        let server = Pid::from_raw(self.server.id().cast_signed()).unwrap();
        let _ = kill_process(server, Signal::STOP);
        self.signal_sessions(Signal::KILL);
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Sends a signal to every session and answers how many there were.
    pub fn signal_sessions(&self, signal: Signal) -> usize {
        let sessions = descendants(self.server.id());
        for pid in &sessions {
            let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal);
        }
        sessions.len()
    }

    async fn listening(&self) {
        crate::soon("sshd", async {
            while tokio::net::TcpStream::connect(self.address()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(dir: &Path, port: u16, key: &str, more: &str) -> Child {
    let file = |name: &str| dir.join(name).display().to_string();
    let text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\nMaxStartups 100\n{more}\n",
        file(key),
        file("authorized_keys"),
    );
    std::fs::write(dir.join("sshd_config"), text).unwrap();
    let mut command = Command::new("/usr/sbin/sshd");
    command.args(["-D", "-e", "-f"]).arg(dir.join("sshd_config"));
    let command = command.stdin(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("sshd (openssh-server) is missing")
}

/// Children and their children.
fn descendants(pid: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let mut found = Vec::new();
    for child in list.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()) {
        found.push(child);
        found.extend(descendants(child));
    }
    found
}
