//! `clawdbot tunnel`: a gateway on another machine, at the usual address of this one.

use std::io::IsTerminal as _;
use std::net::Ipv4Addr;

use clawdbot_config::{Document, Env, Paths};
use clawdbot_remote::front_door::{self, FarEnd, FrontDoor, FrontDoorError};
use clawdbot_remote::ssh::{
    Destination, DestinationError, Identity, IdentityError, Kind, Question, Spec, Ssh, SshError,
    Status, Trouble, Tunnel,
};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::args::TunnelArgs;
use crate::gateway::signals::{Signal, Signals};
use crate::{exit, out, web};

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TunnelError {
    #[error(
        "No remote machine is named. Run clawdbot tunnel user@host, or set gateway.remote.sshTarget."
    )]
    NoTarget,
    #[error(transparent)]
    Target(#[from] DestinationError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Ssh(#[from] SshError),
    #[error(transparent)]
    Door(#[from] FrontDoorError),
    #[error("{0} {remedy}", remedy = .0.remedy())]
    Failed(Trouble),
}

impl TunnelError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NoTarget | Self::Target(_) | Self::Identity(_) => exit::CONFIGURATION,
            Self::Failed(trouble) if trouble.is_final() => exit::PERMISSION,
            Self::Ssh(_) | Self::Door(_) | Self::Failed(_) => exit::UNAVAILABLE,
        }
    }
}

pub(crate) fn run(args: &TunnelArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let spec = spec(args, paths, env)?;
    let port = match args.port {
        Some(port) => port,
        None => web::port(paths, env)?,
    };
    let ssh = Ssh::find(env.iter(), std::env::current_exe()?).map_err(TunnelError::from)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build()?;
    let result = runtime.block_on(serve(ssh, spec, port));
    // A question may still wait at the terminal.
    runtime.shutdown_background();
    result
}

/// Argument, then configuration.
fn spec(args: &TunnelArgs, paths: &Paths, env: &Env) -> anyhow::Result<Spec> {
    let remote = Document::load(&paths.config, env)?.config.gateway.remote;
    let target = args.target.clone().or(remote.ssh_target).ok_or(TunnelError::NoTarget)?;
    let identity = args.identity.clone().or(remote.ssh_identity);
    let identity =
        identity.map(|path| path.parse::<Identity>()).transpose().map_err(TunnelError::from)?;
    let remote_port = args.remote_port.or(remote.remote_port).unwrap_or(18789);
    let destination = target.parse::<Destination>().map_err(TunnelError::from)?;
    Ok(Spec { destination, identity, remote_port })
}

async fn serve(ssh: Ssh, spec: Spec, port: u16) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let door = FrontDoor::bind((Ipv4Addr::LOCALHOST, port).into(), clawdbot_gateway::webchat).await;
    let door = door.map_err(TunnelError::from)?;
    out::done(format_args!("connecting to {}", spec.destination));
    let far = format!("ws://127.0.0.1:{}", spec.remote_port);
    let name = front_door::name_of(&spec.place());
    let (tunnel, mut questions) = Tunnel::start(ssh, spec).map_err(TunnelError::from)?;
    door.lead_to(FarEnd::new(tunnel.dialer(), &far, name).ok());
    let mut status = tunnel.status();
    let asking = async {
        while let Some(question) = questions.recv().await {
            ask(question).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        () = stop(&mut signals) => Ok(()),
        error = follow(&mut status, door.address().port()) => Err(error.into()),
        () = asking => Ok(()),
    }
}

async fn stop(signals: &mut Signals) {
    while signals.next().await != Signal::Stop {}
}

/// Says what happens until it cannot go on.
async fn follow(status: &mut watch::Receiver<Status>, port: u16) -> TunnelError {
    let mut said = None;
    loop {
        let now = status.borrow_and_update().clone();
        let (line, is_good) = match &now {
            Status::Up { trouble: None, .. } => (
                Some(format!(
                    "the gateway is at ws://127.0.0.1:{port} (http://127.0.0.1:{port} in a browser)"
                )),
                true,
            ),
            Status::Up { trouble: Some(trouble), .. } => {
                (Some(format!("{trouble} {}", trouble.remedy())), false)
            }
            Status::Waiting { trouble, delay } => {
                (Some(format!("{trouble} Trying again in {} s.", delay.as_secs())), false)
            }
            Status::Connecting | Status::Paused => (None, true),
            Status::Failed(trouble) => return TunnelError::Failed(trouble.clone()),
        };
        if let Some(line) = line.filter(|line| said.as_ref() != Some(line)) {
            if is_good {
                out::done(&line);
            } else {
                out::error(&line);
            }
            said = Some(line);
        }
        if status.changed().await.is_err() {
            return TunnelError::Failed(Trouble::Lost);
        }
    }
}

/// Puts one question to the terminal. Without one nobody can answer.
async fn ask(question: Question) {
    if !std::io::stdin().is_terminal() {
        return question.answer(None);
    }
    let (kind, prompt) = (question.kind, question.prompt.clone());
    let answer = tokio::task::spawn_blocking(move || match kind {
        Kind::HostKey => {
            let prompt = prompt.replace("(yes/no/[fingerprint])", "(yes/no)");
            let answer = out::ask(&prompt)?;
            Some(Zeroizing::new(answer)).filter(|answer| answer.trim().eq_ignore_ascii_case("yes"))
        }
        Kind::Passphrase | Kind::Password | Kind::Code => {
            rpassword::prompt_password(prompt).ok().map(Zeroizing::new)
        }
    });
    question.answer(answer.await.ok().flatten());
}
