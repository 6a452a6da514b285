//! The command line, run against a gateway of the test.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

use crate::{PATIENCE, TestGateway};

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How it ended.
    pub status: ExitStatus,
}

impl Ran {
    /// The exit code.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap()
    }

    /// Standard output of a command that went well.
    pub fn ok(self) -> String {
        assert!(self.status.success(), "{self:?}");
        self.stdout
    }

    /// The same as JSON.
    pub fn json(self) -> serde_json::Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

impl TestGateway {
    /// `program`, the command line, ready to run on this gateway's computer.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = command(program, &self.gateway.paths().home, args);
        command.env("CLAWDBOT_GATEWAY_PORT", self.address().port().to_string());
        command
    }

    /// Runs it to its end.
    pub async fn cli(&self, program: &str, args: &[&str]) -> Ran {
        run(self.command(program, args)).await
    }
}

/// `program` with `home` as its home directory, without a terminal and without anything inherited.
pub fn command(program: &str, home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("HOME", home)
        .env("CLAWDBOT_SKIP_PROVIDERS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub async fn run(mut command: Command) -> Ran {
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = ended.unwrap_or_else(|_| panic!("{command:?} did not end")).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { stdout: text(output.stdout), stderr: text(output.stderr), status: output.status }
}
