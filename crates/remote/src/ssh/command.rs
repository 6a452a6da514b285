//! The one way in which `ssh` is started.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::helper;
use crate::program;
use crate::ssh::{Destination, Identity};

/// Where systems keep it.
const PLACES: [&str; 3] =
    ["/usr/bin/ssh", "/usr/local/bin/ssh", r"C:\Windows\System32\OpenSSH\ssh.exe"];

/// What is asked of every `ssh`, whatever the person's own configuration says: the first value that
/// `ssh` reads of an option counts, and the command line comes first (SSH-04).
const OPTIONS: [&str; 13] = [
    // Older ones do not know these two.
    "IgnoreUnknown=ForkAfterAuthentication,StdinNull",
    "ControlMaster=no",
    "ControlPath=none",
    "ControlPersist=no",
    "ForkAfterAuthentication=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "TCPKeepAlive=yes",
    "Tunnel=no",
];

/// What is asked of the tunnel beside that.
///
/// A forward of the person's alias that cannot be opened must not end the tunnel, so that
/// `ExitOnForwardFailure` is off and the tunnel's own end is looked at instead.
/// `ClearAllForwardings` would take the tunnel's forward away as well. `DEBUG1` is the first level at
/// which `ssh` says how far it is.
const OF_TUNNEL: [&str; 8] = [
    "BatchMode=no",
    "ExitOnForwardFailure=no",
    "GatewayPorts=no",
    "LogLevel=DEBUG1",
    "StdinNull=yes",
    "StreamLocalBindMask=0177",
    "StreamLocalBindUnlink=yes",
    "StrictHostKeyChecking=ask",
];

/// The system's `ssh` and its surroundings.
#[derive(Debug, Clone)]
pub struct Ssh {
    program: PathBuf,
    /// This program, which is also the one that asks.
    helper: PathBuf,
    env: Vec<(String, String)>,
    /// Where private directories are made.
    scratch: PathBuf,
    config: Option<PathBuf>,
    /// For connecting; tests use a shorter one.
    connect_seconds: u16,
}

/// What a tunnel leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The machine.
    pub destination: Destination,
    /// The key to use, and no other.
    pub identity: Option<Identity>,
    /// The gateway's port on that machine's loopback address.
    pub remote_port: u16,
}

impl Spec {
    /// Which gateway it is, as opposed to how to get in: what is known of one is for no other.
    pub fn place(&self) -> String {
        format!("ssh:{}:{}", self.destination, self.remote_port)
    }
}

/// Why no tunnel can be started at all.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// There is no `ssh`.
    #[error(
        "There is no ssh program on this computer. Install OpenSSH (the package openssh-client) and try again."
    )]
    NoProgram,
    /// No private directory.
    #[error("A private directory for the tunnel cannot be made in {}: {source}. Check that it is writable.", path.display())]
    Scratch {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl SshError {
    /// A stable name for this kind of failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoProgram => "SSH_MISSING",
            Self::Scratch { .. } => "SSH_SCRATCH",
        }
    }
}

impl Ssh {
    /// Finds `ssh` in `env`'s `PATH`. `helper` is the running program, whose `main` begins with
    /// [`helper::run`].
    ///
    /// # Errors
    /// [`SshError::NoProgram`].
    pub fn find<'a>(
        env: impl Iterator<Item = (&'a str, &'a str)>,
        helper: PathBuf,
    ) -> Result<Self, SshError> {
        let env = program::env_for_child(env);
        let of = |wanted: &str| {
            env.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let program = program::find("ssh", of("PATH"), &PLACES).ok_or(SshError::NoProgram)?;
        // The shortest, because the system limits how long the name of a socket may be.
        let places = ["XDG_RUNTIME_DIR", "TMPDIR", "TEMP"].into_iter().filter_map(of);
        let scratch = places.map(PathBuf::from).find(|place| place.is_absolute() && place.is_dir());
        let scratch = scratch.unwrap_or_else(|| "/tmp".into());
        Ok(Self { program, helper, env, scratch, config: None, connect_seconds: 15 })
    }

    /// Reads this ssh configuration instead of the person's own.
    #[must_use]
    pub fn with_config(mut self, file: PathBuf) -> Self {
        self.config = Some(file);
        self
    }

    /// Makes private directories there.
    #[must_use]
    pub fn with_scratch(mut self, directory: PathBuf) -> Self {
        self.scratch = directory;
        self
    }

    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Starts `ssh` with one forward from `listen` to the gateway. Questions go to `ask`, with the
    /// word that lets them in.
    pub(crate) fn spawn(
        &self,
        spec: &Spec,
        listen: &str,
        ask: (&Path, &str),
    ) -> std::io::Result<Child> {
        let mut command = Command::new(&self.helper);
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .envs(helper::launch_env(&self.helper, ask))
            .arg(&self.program)
            .args(self.arguments(spec, listen))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn()
    }

    fn arguments(&self, spec: &Spec, listen: &str) -> Vec<String> {
        let mut arguments = vec!["-N".to_owned()];
        arguments.extend(self.common(&OF_TUNNEL, spec.identity.as_ref()));
        arguments.extend(["-L".to_owned(), format!("{listen}:127.0.0.1:{}", spec.remote_port)]);
        arguments.extend(spec.destination.arguments());
        arguments
    }

    /// What every `ssh` is given, with the options of one purpose.
    fn common(&self, purpose: &[&str], identity: Option<&Identity>) -> Vec<String> {
        let mut arguments = vec!["-T".to_owned()];
        if let Some(config) = &self.config {
            arguments.extend(["-F".to_owned(), config.display().to_string()]);
        }
        let timeout = format!("ConnectTimeout={}", self.connect_seconds);
        for option in OPTIONS.iter().chain(purpose).copied().chain([timeout.as_str()]) {
            arguments.extend(["-o".to_owned(), option.to_owned()]);
        }
        if let Some(identity) = identity {
            arguments.extend(["-o".to_owned(), "IdentitiesOnly=yes".to_owned()]);
            arguments.extend(["-i".to_owned(), identity.path().display().to_string()]);
        }
        arguments
    }

    /// `ssh` for one command on the other machine. It asks at the terminal, or nobody.
    pub(crate) fn command(
        &self,
        destination: &Destination,
        identity: Option<&Identity>,
        asks: bool,
        command: &str,
    ) -> std::process::Command {
        let strictness = if asks {
            ["BatchMode=no", "StrictHostKeyChecking=ask"]
        } else {
            ["BatchMode=yes", "StrictHostKeyChecking=yes"]
        };
        let purpose = [&["ClearAllForwardings=yes", "LogLevel=INFO"], &strictness[..]].concat();
        let mut ssh = std::process::Command::new(&self.program);
        ssh.env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C")
            .args(self.common(&purpose, identity))
            .args(destination.arguments())
            .arg(command);
        ssh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh() -> Ssh {
        Ssh {
            program: "/usr/bin/ssh".into(),
            helper: "/usr/bin/clawdbot".into(),
            env: Vec::new(),
            scratch: "/tmp".into(),
            config: None,
            connect_seconds: 15,
        }
    }

    #[test]
    fn the_destination_comes_last_and_after_the_options_ssh_01() {
        let spec = Spec {
            destination: "me@server:2222".parse().unwrap(),
            identity: Some("~/.ssh/id".parse().unwrap()),
            remote_port: 18789,
        };
        let arguments = ssh().arguments(&spec, "/run/x/t");
        assert_eq!(arguments[arguments.len() - 4..], ["-p", "2222", "--", "me@server"]);
        assert!(arguments.windows(2).any(|pair| pair == ["-L", "/run/x/t:127.0.0.1:18789"]));
        assert!(arguments.windows(2).any(|pair| pair == ["-i", "~/.ssh/id"]));
        for option in ["ForwardAgent=no", "PermitLocalCommand=no", "StrictHostKeyChecking=ask"] {
            assert!(arguments.iter().any(|argument| argument == option), "{option}");
        }
    }
}
