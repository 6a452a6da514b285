//! A gateway in a process of its own, to be killed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::Peer;

/// A running gateway process; killed when dropped.
pub struct GatewayProcess {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl GatewayProcess {
    /// Starts `program` (or `CLAWDBOT_BIN`) with `home` as its home directory, on a port the system
    /// chooses, and waits until it listens.
    pub async fn start(program: &str, home: &Path) -> Self {
        Self::start_with(program, home, &[]).await
    }

    /// The same with more environment variables.
    pub async fn start_with(program: &str, home: &Path, env: &[(&str, &str)]) -> Self {
        // The worst umask there is, which the gateway must not rely on (LOC-01).
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "umask 000; exec \"$0\" \"$@\""]);
        Self::spawn(shell, program, home, env).await
    }

    /// Starts it with its state on a disk of its own of so many MiB, which ends with the process.
    /// The configuration stays where it is.
    ///
    /// # Errors
    /// Why this system does not permit it.
    pub async fn start_on_disk(program: &str, home: &Path, mib: u32) -> Result<Self, String> {
        let unshare = || {
            let mut unshare = Command::new("unshare");
            unshare.args(["--map-root-user", "--mount", "/bin/sh", "-c"]);
            unshare
        };
        let disk = home.join("disk");
        std::fs::create_dir(&disk).map_err(|error| error.to_string())?;
        let mount = format!("mount -t tmpfs -o size={mib}m,mode=700 tmpfs '{}'", disk.display());
        let tried = unshare().arg(&mount).stdin(Stdio::null()).output().await;
        match tried {
            Ok(tried) if tried.status.success() => {}
            Ok(tried) => return Err(String::from_utf8_lossy(&tried.stderr).into_owned()),
            Err(error) => return Err(format!("unshare: {error}")),
        }
        let mut shell = unshare();
        shell.arg(format!("{mount} && exec \"$0\" \"$@\""));
        let config = home.join(".clawdbot/clawdbot.json").display().to_string();
        let state = disk.display().to_string();
        let env = [("CLAWDBOT_STATE_DIR", state.as_str()), ("CLAWDBOT_CONFIG_PATH", &config)];
        Ok(Self::spawn(shell, program, home, &env).await)
    }

    async fn spawn(mut shell: Command, program: &str, home: &Path, env: &[(&str, &str)]) -> Self {
        let program = std::env::var_os("CLAWDBOT_BIN").map_or(program.into(), PathBuf::from);
        let mut child = shell
            .arg(program)
            .args(["gateway", "--port", "0", "--allow-unconfigured"])
            .env_clear()
            .env("HOME", home)
            .env("CLAWDBOT_SKIP_PROVIDERS", "1")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let found = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(address) = listening(&line) {
                    return address;
                }
            }
            panic!("the gateway process ended before it listened");
        };
        let address = tokio::time::timeout(Duration::from_secs(10), found).await.unwrap();
        // Read on, so that the process can go on printing.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// A path as the process sees it, also when it has a disk of its own there.
    pub fn path(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Opens a socket and reads the challenge.
    pub async fn peer(&self) -> Peer {
        Peer::open(self.address).await
    }

    /// Ends it without warning, as a crash would.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await.unwrap().unwrap()
    }
}

fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on ws://")?;
    rest.split([' ', '/']).next()?.parse().ok()
}
