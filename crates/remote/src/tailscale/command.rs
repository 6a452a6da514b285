//! Running `tailscale`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdout, Command};

use crate::program;
use crate::tailscale::Reach;
use crate::tailscale::read::{self, Machine, Routes};

/// Where the macOS app and Windows keep it, which is on nobody's `PATH`.
const PLACES: [&str; 4] = [
    "/usr/bin/tailscale",
    "/usr/local/bin/tailscale",
    "/Applications/Tailscale.app/Contents/MacOS/Tailscale",
    r"C:\Program Files\Tailscale\tailscale.exe",
];
/// For questions, and for changes, which may have to fetch a certificate.
const QUICK: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_secs(30);
/// A link to consent with was printed, and the command waits for the person: nobody else does.
const AFTER_LINK: Duration = Duration::from_secs(1);
/// Bytes read of what it prints; a tailnet of a thousand machines takes about one MiB.
const MAX_OUTPUT: usize = 2 * 1024 * 1024;

/// The `tailscale` command of this computer.
#[derive(Debug, Clone)]
pub struct Tailscale {
    program: PathBuf,
    env: Vec<(String, String)>,
}

/// Why Tailscale does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TailscaleError {
    /// The command is nowhere.
    #[error("Tailscale is not installed on this computer. Install it from tailscale.com/download.")]
    NotInstalled,
    /// Nobody has signed in.
    #[error("Tailscale is not signed in. Run tailscale up{}.", url.as_ref().map(|url| format!(", or open {url}")).unwrap_or_default())]
    NotSignedIn {
        /// Where to sign in.
        url: Option<String>,
    },
    /// It is switched off, or its daemon does not run.
    #[error("Tailscale is not running ({0}). Start it with tailscale up.")]
    NotRunning(String),
    /// An administrator of the tailnet has to allow it first.
    #[error(
        "Your tailnet does not allow this yet. Open {url} and allow it; the gateway tries again by itself."
    )]
    Consent {
        /// Where.
        url: String,
    },
    /// This user may not change it.
    #[error(
        "This user may not change Tailscale's settings. Run once: sudo tailscale set --operator=$USER"
    )]
    Operator,
    /// The address is used for something else.
    #[error(
        "Tailscale already publishes {0} at that address, and it is left alone. Remove it with tailscale serve --https=443 off."
    )]
    Foreign(String),
    /// No answer in time.
    #[error("The tailscale command did not finish within {} s.", .0.as_secs())]
    Hangs(Duration),
    /// Far more than there is to say.
    #[error("The tailscale command prints without end.")]
    TooMuch,
    /// An answer that is none.
    #[error(
        "The answer of the tailscale command is not understood. Its version may be too old; 1.60 or newer is needed."
    )]
    Unreadable,
    /// It said no.
    #[error("Tailscale refuses: {0}")]
    Refused(String),
    /// It does not start.
    #[error("The tailscale command does not start: {0}")]
    Start(String),
}

impl TailscaleError {
    /// A stable name for this kind of failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotInstalled => "TAILSCALE_MISSING",
            Self::NotSignedIn { .. } => "TAILSCALE_SIGNED_OUT",
            Self::NotRunning(_) => "TAILSCALE_NOT_RUNNING",
            Self::Consent { .. } => "TAILSCALE_CONSENT",
            Self::Operator => "TAILSCALE_OPERATOR",
            Self::Foreign(_) => "TAILSCALE_FOREIGN_ROUTE",
            Self::Hangs(_) => "TAILSCALE_HANGS",
            Self::TooMuch => "TAILSCALE_TOO_MUCH",
            Self::Unreadable => "TAILSCALE_UNREADABLE",
            Self::Refused(_) => "TAILSCALE_REFUSED",
            Self::Start(_) => "TAILSCALE_START",
        }
    }

    /// The command that a person has to run, where the sentence names one.
    pub const fn command(&self) -> Option<&'static str> {
        match self {
            Self::NotSignedIn { .. } | Self::NotRunning(_) => Some("tailscale up"),
            Self::Operator => Some("sudo tailscale set --operator=$USER"),
            Self::Foreign(_) => Some("tailscale serve --https=443 off"),
            _ => None,
        }
    }

    /// The page that a person has to open, if there is one.
    pub fn link(&self) -> Option<&str> {
        match self {
            Self::Consent { url } | Self::NotSignedIn { url: Some(url) } => Some(url),
            _ => None,
        }
    }
}

/// What one run of the command printed.
struct Output {
    out: Vec<u8>,
    text: String,
    success: bool,
}

impl Tailscale {
    /// Finds the command in `env`'s `PATH` and the usual places, never in the working directory
    /// (TS-01).
    pub fn find<'a>(env: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let env = program::env_for_child(env);
        let path = env.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
        let program = program::find("tailscale", path.as_deref(), &PLACES)?;
        Some(Self { program, env })
    }

    /// The login of the person whose device has this address; `None` when nobody vouches for one.
    pub async fn whois(&self, ip: IpAddr) -> Option<String> {
        let output = self.run(&["whois", "--json", &ip.to_string()], QUICK).await;
        let output = output.inspect_err(|error| tracing::debug!(%ip, %error, "whois")).ok()?;
        if output.success { read::login(&output.out) } else { None }
    }

    /// What it knows of this machine and of the others in its tailnet, in its own words
    /// (`tailscale status --json`).
    ///
    /// # Errors
    /// [`TailscaleError`].
    pub async fn status(&self) -> Result<serde_json::Value, TailscaleError> {
        let output = self.run(&["status", "--json"], QUICK).await?;
        serde_json::from_slice(&output.out).map_err(|_| TailscaleError::Unreadable)
    }

    /// The machine's name in its tailnet.
    pub(crate) async fn machine(&self) -> Result<Machine, TailscaleError> {
        let output = self.run(&["status", "--json"], QUICK).await?;
        Machine::read(&output.out).ok_or(if output.success {
            TailscaleError::Unreadable
        } else {
            TailscaleError::NotRunning(first_line(&output.text))
        })?
    }

    /// What is published now.
    pub(crate) async fn routes(&self) -> Result<Routes, TailscaleError> {
        let output = self.run(&["serve", "status", "--json"], QUICK).await?;
        if !output.success {
            return Err(refusal(&output.text));
        }
        Routes::read(&output.out).ok_or(TailscaleError::Unreadable)
    }

    pub(crate) async fn publish(&self, reach: Reach, port: u16) -> Result<(), TailscaleError> {
        let arguments = [reach.as_str(), "--bg", "--yes", &port.to_string()];
        let output = self.run(&arguments, SLOW).await?;
        if output.success { Ok(()) } else { Err(refusal(&output.text)) }
    }

    pub(crate) async fn withdraw(&self, reach: Reach) -> Result<(), TailscaleError> {
        let output = self.run(&[reach.as_str(), "--https=443", "off"], QUICK).await?;
        if output.success { Ok(()) } else { Err(refusal(&output.text)) }
    }

    /// Runs it to its end. It dies with this future.
    async fn run(&self, arguments: &[&str], deadline: Duration) -> Result<Output, TailscaleError> {
        let mut child = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(std::path::Path::new(std::path::MAIN_SEPARATOR_STR))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| TailscaleError::Start(error.to_string()))?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(TailscaleError::Unreadable);
        };
        let mut printed = Printed { out: Vec::new(), err: Vec::new() };
        let running = async {
            printed.read(out, err).await?;
            child.wait().await.map_err(|error| TailscaleError::Start(error.to_string()))
        };
        let ended = tokio::time::timeout(deadline, running).await;
        let text = printed.text();
        match ended {
            Ok(Ok(status)) => Ok(Output { out: printed.out, text, success: status.success() }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(TailscaleError::Hangs(deadline)),
        }
    }
}

struct Printed {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Printed {
    /// Reads both until their end, the limit, or a link that the command waits for.
    async fn read(
        &mut self,
        mut out: ChildStdout,
        mut err: ChildStderr,
    ) -> Result<(), TailscaleError> {
        let (mut out_open, mut err_open) = (true, true);
        let mut link = None;
        while out_open || err_open {
            let waited = async {
                match link {
                    Some(_) => tokio::time::sleep(AFTER_LINK).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = out.read_buf(&mut self.out), if out_open => out_open = read.unwrap_or(0) > 0,
                read = err.read_buf(&mut self.err), if err_open => err_open = read.unwrap_or(0) > 0,
                () = waited => break,
            }
            if self.out.len() + self.err.len() > MAX_OUTPUT {
                return Err(TailscaleError::TooMuch);
            }
            link = read::link(&self.text());
        }
        // One that was refused prints the link and ends; one that waits is not waited for.
        match link {
            Some(url) => Err(TailscaleError::Consent { url }),
            None => Ok(()),
        }
    }

    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.err).into_owned();
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&self.out));
        text
    }
}

fn refusal(text: &str) -> TailscaleError {
    if text.contains("--operator=") || text.contains("Access denied") {
        TailscaleError::Operator
    } else {
        TailscaleError::Refused(first_line(text))
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it gives no reason").chars().filter(|c| !c.is_control()).take(300).collect()
}
