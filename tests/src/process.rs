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
        let program = std::env::var_os("CLAWDBOT_BIN").map_or(program.into(), PathBuf::from);
        // The worst umask there is, which the gateway must not rely on (LOC-01).
        let mut child = Command::new("/bin/sh")
            .args(["-c", "umask 000; exec \"$0\" \"$@\""])
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
