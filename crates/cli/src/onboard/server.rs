//! `clawdbot onboard --server`: the assistant moves to a server, and this computer uses it there.

use std::path::Path;

use anyhow::Context as _;
use clawdbot_config::{Document, Env, GatewayMode, Loaded, Paths, env_file, parse_object};
use clawdbot_gateway::{Lock, Running};
use clawdbot_remote::ssh::{Destination, Identity, Session, Ssh};
use clawdbot_service::{Runtime, Text};
use serde_json::{Value, json};

use super::far::{BUILD, Facts, Far, FarError, Outcome};
use super::parcel::Parcel;
use crate::gateway::signals::Signals;
use crate::service::{self, Own};
use crate::tunnel::TunnelError;
use crate::{config, exit, out};

/// Where to, and how.
pub(super) struct Move {
    pub(super) destination: Destination,
    pub(super) identity: Option<Identity>,
    /// Set aside what is there already.
    pub(super) replace: bool,
    /// Whether a person is at the terminal.
    pub(super) asks: bool,
}

/// Why the assistant does not move.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MoveError {
    #[error(
        "The assistant runs elsewhere already (gateway.mode is remote). Run this on the computer that it runs on."
    )]
    Elsewhere,
    #[error(
        "{name} is set in this terminal only, and the gateway on the server would not know it. Put it into {file}, readable by you alone, and run this again."
    )]
    SecretOnlyHere { name: &'static str, file: String },
    #[error("{server} is {there}, and this program is for {here}. Nothing was changed. {BUILD}")]
    Machine { server: String, there: String, here: String },
    #[error(
        "On {server} there is already {places}. Nothing was changed. With --replace that is set aside there under another name."
    )]
    Taken { server: String, places: String },
    #[error("The assistant did not move to {server}, and everything is still here. {error}")]
    Far { server: String, error: FarError },
    #[error("It is not known whether the assistant moved to {server}. {error}")]
    Unknown { server: String, error: FarError },
    #[error(
        "What moves has changed meanwhile (the workspaces, or how clients prove who they are). The assistant did not move. Run this again."
    )]
    Changed,
    #[error(
        "The assistant moved to {server}, but that cannot be written into the configuration here: {error:#}. It is on {server} alone now. Set here, with `clawdbot config set`: {keys}"
    )]
    Unsaved { server: String, keys: String, error: anyhow::Error },
    #[error("Nothing was changed.")]
    Declined,
}

impl MoveError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Elsewhere | Self::SecretOnlyHere { .. } => exit::CONFIGURATION,
            Self::Far { error: FarError::Ssh(trouble), .. } if trouble.is_final() => {
                exit::PERMISSION
            }
            Self::Far {
                error: FarError::Ssh(_) | FarError::Silent | FarError::Failed { .. },
                ..
            } => exit::UNAVAILABLE,
            Self::Unknown { .. } => exit::UNAVAILABLE,
            _ => exit::FAILED,
        }
    }
}

/// Whether there is something here that can move.
pub(super) fn check(loaded: &Loaded) -> Result<(), MoveError> {
    match loaded.config.gateway.mode {
        Some(GatewayMode::Remote) => Err(MoveError::Elsewhere),
        _ => Ok(()),
    }
}

pub(super) fn run(order: &Move, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let announced = Cargo::load(paths, env)?;
    let server = order.destination.to_string();
    let program = std::env::current_exe().context("cannot find the own program")?;
    let ssh = Ssh::find(env.iter(), program.clone()).map_err(TunnelError::from)?;
    let far_error = |error| MoveError::Far { server: server.clone(), error };

    out::done(format_args!("connecting to {server}"));
    let script = Far::script(paths.profile.as_deref());
    let session =
        Session::start(&ssh, &order.destination, order.identity.as_ref(), order.asks, &script);
    let mut far = Far::new(server.clone(), session.context("cannot start ssh")?);
    let facts = far.facts(&announced.parcel).map_err(far_error)?;
    let program = fitting(&facts, &server, &program)?;
    if !facts.taken.is_empty() && !order.replace {
        let places: Vec<_> = facts.taken.iter().map(|place| format!("~/{place}")).collect();
        return Err(MoveError::Taken { server, places: places.join(", ") }.into());
    }
    if order.asks && !agreed(&facts, &server)? {
        return Err(MoveError::Declined.into());
    }

    let _interruptible = interruptible()?;
    let quiet = Quiet::make(paths, env)?;
    // The gateway could still change it until now.
    let cargo = match Cargo::load(paths, env) {
        Ok(cargo) if cargo.parcel.places().eq(announced.parcel.places()) => cargo,
        now => {
            quiet.undo();
            return Err(now.err().unwrap_or_else(|| MoveError::Changed.into()));
        }
    };
    let Cargo { loaded, secret, parcel } = cargo;
    let outcome = match far.deliver(&parcel, program, order.replace) {
        Ok(outcome) => outcome,
        // Two gateways with one state would be worse than none.
        Err(error @ FarError::Open(_)) => {
            return Err(MoveError::Unknown { server, error }.into());
        }
        Err(error) => {
            quiet.undo();
            return Err(far_error(error).into());
        }
    };
    let port = loaded.config.gateway.port.unwrap_or_else(|| paths.default_port());
    let changes = switched(order, port, secret);
    let keys = keys(&changes);
    let saved = config::save_all(paths, env, changes);
    quiet.retire();
    saved.map_err(|error| MoveError::Unsaved { server: server.clone(), keys, error })?;
    tell(&outcome, &parcel, &server, paths);
    for name in service::only_here(&loaded, paths, env) {
        out::error(format_args!(
            "warning: {name} is set in this terminal only and did not move. Put it into ~/.clawdbot/.env on {server}, then run there: clawdbot gateway restart"
        ));
    }
    Ok(())
}

/// What moves, as it is now.
struct Cargo {
    loaded: Loaded,
    secret: Option<(&'static str, Value)>,
    parcel: Parcel,
}

impl Cargo {
    fn load(paths: &Paths, env: &Env) -> anyhow::Result<Self> {
        let loaded = Document::load(&paths.config, env)?;
        check(&loaded)?;
        let secret = secret(&loaded, paths)?;
        let parcel = Parcel::of(paths, &loaded);
        Ok(Self { loaded, secret, parcel })
    }
}

/// What clients will present, as it is written in the configuration: where, and what. The secret has
/// to be in a file that moves along.
fn secret(loaded: &Loaded, paths: &Paths) -> Result<Option<(&'static str, Value)>, MoveError> {
    let (member, variable) = match service::auth_mode(loaded) {
        "token" => ("token", "CLAWDBOT_GATEWAY_TOKEN"),
        "password" => ("password", "CLAWDBOT_GATEWAY_PASSWORD"),
        _ => return Ok(None),
    };
    let pointer = format!("/gateway/auth/{member}");
    let raw = parse_object(loaded.raw.as_deref().unwrap_or_default()).unwrap_or_default();
    let written = raw.pointer(&pointer).or_else(|| loaded.value.pointer(&pointer));
    if let Some(written) = written {
        return Ok(Some((member, written.clone())));
    }
    let file = paths.state_dir.join(".env");
    if env_file(&file).is_ok_and(|vars| vars.iter().any(|(name, _)| name == variable)) {
        return Ok(None);
    }
    Err(MoveError::SecretOnlyHere { name: variable, file: file.display().to_string() })
}

/// The program to send: this one where it can run there, none where theirs is the same version.
fn fitting<'a>(
    facts: &Facts,
    server: &str,
    program: &'a Path,
) -> Result<Option<&'a Path>, MoveError> {
    let os = match facts.os.as_str() {
        "Linux" => "linux",
        "Darwin" => "macos",
        _ => "",
    };
    let arch = match facts.arch.as_str() {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        arch => arch,
    };
    let here = (std::env::consts::OS, std::env::consts::ARCH);
    if (os, arch) == here {
        return Ok(Some(program));
    }
    let own = format!("clawdbot {}", crate::args::VERSION);
    if facts.version.as_deref() == Some(own.as_str()) {
        return Ok(None);
    }
    Err(MoveError::Machine {
        server: server.to_owned(),
        there: format!("{} on {}", facts.os, facts.arch),
        here: format!("{} on {}", here.0, here.1),
    })
}

fn agreed(facts: &Facts, server: &str) -> anyhow::Result<bool> {
    if !facts.taken.is_empty() {
        let places: Vec<_> = facts.taken.iter().map(|place| format!("~/{place}")).collect();
        out::line(format_args!("{server}: {} will be set aside.", places.join(", ")));
    }
    let question = format!("Stop the gateway here, copy everything to {server} and go on there?");
    Ok(dialoguer::Confirm::new().with_prompt(question).default(true).interact()?)
}

/// From here on Ctrl+C and a closed terminal end `ssh`, which the terminal tells too, and not this
/// program: it still has to let the gateway here go on. Counts for as long as the answer lives.
fn interruptible() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build()?;
    let entered = runtime.enter();
    let mut signals = Signals::new()?;
    drop(entered);
    runtime.spawn(async move {
        loop {
            signals.next().await;
        }
    });
    Ok(runtime)
}

/// Nobody writes the state here, for as long as this lives. A service stays disabled until somebody
/// says otherwise.
struct Quiet {
    own: Own,
    /// It was disabled here.
    was_enabled: bool,
    /// It was stopped here.
    was_service: bool,
    /// A gateway was stopped here, as a service or not.
    was_running: bool,
    lock: Option<Lock>,
}

impl Quiet {
    fn make(paths: &Paths, env: &Env) -> anyhow::Result<Self> {
        let own = Own::new(paths, env)?;
        let (was_enabled, was_service, was_running) = (false, false, false);
        let mut quiet = Self { own, was_enabled, was_service, was_running, lock: None };
        match quiet.begin(paths, env) {
            Ok(()) => Ok(quiet),
            Err(error) => {
                quiet.undo();
                Err(error)
            }
        }
    }

    fn begin(&mut self, paths: &Paths, env: &Env) -> anyhow::Result<()> {
        let status = self.own.status();
        if status.enabled && status.is_installed() {
            self.own.service.enable(&self.own.spec, false)?;
            self.was_enabled = true;
        }
        let is_service = matches!(status.runtime, Runtime::Active | Runtime::Starting);
        if is_service || Running::find(paths).is_some() {
            service::stop(paths, env)?;
            (self.was_service, self.was_running) = (is_service, true);
        }
        // From here on a gateway that is started says who is in its way.
        self.lock = Some(Lock::take(paths)?);
        Ok(())
    }

    /// Lets the gateway here go on.
    fn undo(self) {
        drop(self.lock);
        if self.was_enabled
            && let Err(error) = self.own.service.enable(&self.own.spec, true)
        {
            out::error(format_args!(
                "warning: the service here does not start by itself any more: {error} Run: clawdbot gateway install"
            ));
        }
        if self.was_service && self.own.service.start(&self.own.spec).is_ok() {
            out::done("the service here runs again");
        } else if self.was_running {
            out::line("The gateway here was stopped. Start it again the way it was started.");
        }
    }

    /// Takes the service here out of use: its configuration says that the gateway is elsewhere.
    fn retire(self) {
        let installed = matches!(self.own.status().text, Text::Current | Text::Drifted);
        if installed && self.own.service.uninstall(&self.own.spec).is_ok() {
            out::done(format_args!("{} here removed", self.own.service.kind()));
        }
    }
}

/// What has to be set by hand where it cannot be done here. Secrets are not shown.
fn keys(changes: &[(Vec<&str>, Option<Value>)]) -> String {
    let told = changes.iter().filter_map(|(path, value)| {
        let value = value.as_ref()?;
        let path = path.join(".");
        Some(match path.as_str() {
            "gateway.remote.token" => format!("{path} (that of gateway.auth.token)"),
            "gateway.remote.password" => format!("{path} (that of gateway.auth.password)"),
            _ => format!("{path} {value}"),
        })
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The changes of the configuration here. An address of another gateway, and what belongs to it,
/// would be in the way.
fn switched(
    order: &Move,
    port: u16,
    secret: Option<(&'static str, Value)>,
) -> Vec<(Vec<&'static str>, Option<Value>)> {
    let remote = |name| vec!["gateway", "remote", name];
    let secret_of = |wanted| match &secret {
        Some((member, value)) if *member == wanted => Some(value.clone()),
        _ => None,
    };
    let identity = order.identity.as_ref().map(|identity| json!(identity.path()));
    vec![
        (remote("transport"), Some(json!("ssh"))),
        (remote("sshTarget"), Some(json!(order.destination.to_string()))),
        (remote("sshIdentity"), identity),
        (remote("remotePort"), Some(json!(port))),
        (remote("url"), None),
        (remote("tlsFingerprint"), None),
        (remote("token"), secret_of("token")),
        (remote("password"), secret_of("password")),
        (vec!["gateway", "mode"], Some(json!("remote"))),
    ]
}

fn tell(outcome: &Outcome, parcel: &Parcel, server: &str, paths: &Paths) {
    for place in &outcome.aside {
        out::done(format_args!("{server}: what was there before is ~/{place}"));
    }
    let tried = if outcome.foreground.is_some() { "was tried and " } else { "" };
    out::done(format_args!("the gateway {tried}answers on {server}"));
    out::done(format_args!(
        "this computer uses the gateway on {server} (gateway.mode remote, through SSH)"
    ));
    if let Some(program) = &outcome.foreground {
        out::line(format_args!(
            "No service manager of your own answers on {server}, so the gateway does not run there yet. Start it there: {program} gateway"
        ));
        out::line(
            "To make it a service, see docs/server.md, or log in there with a session of your own and run: clawdbot gateway install",
        );
    }
    for left in &parcel.left {
        out::error(format_args!(
            "warning: {} is not in your home directory and was not copied",
            left.display()
        ));
    }
    out::line(format_args!(
        "The conversations and files here stay as they are in {}, and are not used any more. To go back, first stop the gateway on {server}, then run here: clawdbot onboard",
        paths.state_dir.display()
    ));
    out::line("Reach the gateway with Clawdbot Desktop, or with: clawdbot tunnel");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(os: &str, arch: &str, version: Option<&str>) -> Facts {
        let version = version.map(str::to_owned);
        Facts { os: os.to_owned(), arch: arch.to_owned(), taken: Vec::new(), version }
    }

    #[test]
    fn a_program_goes_only_to_machines_that_can_run_it() {
        let program = Path::new("/usr/bin/clawdbot");
        let sent = |facts: &Facts| fitting(facts, "box", program).ok();
        let (os, arch) = match (std::env::consts::OS, std::env::consts::ARCH) {
            ("macos", "aarch64") => ("Darwin", "arm64"),
            ("macos", arch) => ("Darwin", arch),
            (_, arch) => ("Linux", arch),
        };
        assert_eq!(sent(&facts(os, arch, None)), Some(Some(program)));
        assert_eq!(sent(&facts(os, "pdp11", None)), None);
        assert_eq!(sent(&facts("Plan9", arch, None)), None);
        let same = format!("clawdbot {}", crate::args::VERSION);
        assert_eq!(sent(&facts("Plan9", "pdp11", Some(&same))), Some(None));
        assert_eq!(sent(&facts("Plan9", "pdp11", Some("clawdbot CLI v0.0.0"))), None);
    }
}
