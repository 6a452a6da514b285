//! The program under test, with a home of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clawdbot_config::{Env, Paths};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::client::Client;

/// Long enough for any machine that is worth measuring.
const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "bench-2c9b1f0d7e5a4c6b8d3f";

/// A temporary home directory with a configuration.
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    /// Without a model address the built-in demo answers.
    pub(crate) fn new(model_url: Option<&str>) -> anyhow::Result<Self> {
        let home = Self { dir: tempfile::tempdir()? };
        let paths = home.paths();
        paths.prepare()?;
        let mut config = json!({"gateway": {"mode": "local", "auth": {"token": TOKEN}}});
        if let Some(url) = model_url {
            config["agents"] = json!({"defaults": {"model": {"primary": "bench/scripted"}}});
            config["models"] = json!({"providers": {"bench": {
                "baseUrl": url,
                "apiKey": "none",
                "api": "openai-completions",
                "models": [{"id": "scripted"}],
            }}});
        }
        clawdbot_config::write(&paths.config, &config.to_string())?;
        Ok(home)
    }

    /// Where the gateway keeps its files.
    pub(crate) fn paths(&self) -> Paths {
        Paths::resolve(&Env::from_iter(self.env()), None)
    }

    /// The variables that make a program live here.
    pub(crate) fn env(&self) -> [(&'static str, String); 2] {
        let home = self.dir.path();
        [
            ("HOME", home.display().to_string()),
            ("CLAWDBOT_STATE_DIR", home.join("state").display().to_string()),
        ]
    }
}

/// A running gateway; killed when dropped.
pub(crate) struct Gateway {
    address: SocketAddr,
    pid: u32,
    child: Child,
    /// Kept open: a program may take a closed output for a reason to stop.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Gateway {
    /// Starts it and waits until it says where it listens.
    pub(crate) async fn start(bin: &Path, home: &Home) -> anyhow::Result<Self> {
        let mut child = Command::new(bin)
            .args(["gateway", "--port", "0"])
            .env_clear()
            .envs(home.env())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", bin.display()))?;
        let pid = child.id().context("the gateway ended at once")?;
        let stdout = child.stdout.take().context("the gateway has no output")?;
        let mut output = BufReader::new(stdout).lines();
        let address = timeout(PATIENCE, listening(&mut output)).await??;
        Ok(Self { address, pid, child, _output: output })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// A connection that has said hello.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        Client::connect(self.address, TOKEN).await
    }

    /// Asks it to stop and waits for it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.pid.try_into()?).context("no process")?;
        kill_process(pid, Signal::TERM)?;
        let status = timeout(PATIENCE, self.child.wait()).await??;
        if !status.success() {
            bail!("the gateway did not stop well: {status}");
        }
        Ok(())
    }
}

async fn listening(output: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<SocketAddr> {
    while let Some(line) = output.next_line().await? {
        if let Some(rest) = line.split_once("listening on ws://").map(|(_, rest)| rest) {
            let address = rest.split_whitespace().next().unwrap_or_default();
            return address.parse().with_context(|| format!("not an address: {address}"));
        }
    }
    bail!("the gateway ended without listening")
}
