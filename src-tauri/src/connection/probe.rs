//! A test of a target, layer by layer: name, ssh, host key, port, gateway, version, authentication.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clawdbot_client::{Client, ConnectError, ConnectOptions, NotAGateway};
use clawdbot_remote::ssh::{Kind, Questions, SshError, Status, Trouble, Tunnel};
use serde::Serialize;
use tokio::sync::mpsc;

use super::remote::Remote;
use super::session::{Access, trouble_behind};
use super::target::Target;
use super::vault::Credential;
use super::words;
use crate::settings::Language;
use crate::words::Words;

/// For each layer that waits for the network.
const PATIENCE: Duration = Duration::from_secs(15);

/// One layer of a connection, from the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Layer {
    Name,
    Ssh,
    HostKey,
    Port,
    Gateway,
    Version,
    Authentication,
}

const OVER_SSH: [Layer; 7] = [
    Layer::Name,
    Layer::Ssh,
    Layer::HostKey,
    Layer::Port,
    Layer::Gateway,
    Layer::Version,
    Layer::Authentication,
];
const DIRECT: [Layer; 5] =
    [Layer::Name, Layer::Port, Layer::Gateway, Layer::Version, Layer::Authentication];

/// What is known about one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    layer: Layer,
    state: Outcome,
    ms: u64,
    detail: String,
    remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Running,
    Ok,
    Failed,
    Skipped,
}

/// The layer that fails, why, and what to do.
struct Broken {
    layer: Layer,
    detail: String,
    remedy: Option<String>,
}

impl Broken {
    fn at(layer: Layer, words: Words) -> Self {
        Self { layer, detail: words.message, remedy: words.remedy }
    }
}

/// Tests `target` and tells each step. Whatever it opens is closed again.
pub(crate) async fn run(
    target: &Target,
    known: Option<Credential>,
    access: &Access,
    language: Language,
    tell: impl Fn(Step),
) {
    let layers = if matches!(target, Target::Ssh(_)) { &OVER_SSH[..] } else { &DIRECT[..] };
    let (begun, good) = (Instant::now(), Mutex::default());
    let trial = Trial { tell, begun, good, layers, language };
    if let Err(broken) = trial.climb(target, known, access).await {
        trial.failed(broken);
    }
}

struct Trial<F> {
    tell: F,
    begun: Instant,
    /// What has been told to be good.
    good: Mutex<Vec<Layer>>,
    /// What there is between here and the gateway, from the bottom.
    layers: &'static [Layer],
    language: Language,
}

impl<F: Fn(Step)> Trial<F> {
    async fn climb(
        &self,
        target: &Target,
        known: Option<Credential>,
        access: &Access,
    ) -> Result<(), Broken> {
        let mut base = target.options();
        base.timeout = PATIENCE;
        let mut _tunnel = None;
        match target {
            Target::Ssh(spec) => {
                self.running(Layer::Name);
                let no_ssh = |error| Broken::at(Layer::Ssh, words::of_ssh(&error, self.language));
                let ssh = access.ssh.clone().ok_or(SshError::NoProgram).map_err(no_ssh)?;
                let (tunnel, questions) = Tunnel::start(ssh, spec.clone()).map_err(no_ssh)?;
                let asking = ask(questions, access.questions.clone());
                self.tunnel(&tunnel, asking).await?;
                base.dialer = Some(tunnel.dialer());
                _tunnel = Some(tunnel);
            }
            Target::Direct { .. } | Target::Local => self.running(Layer::Name),
        }
        self.gateway(target, base, known, access, &_tunnel).await
    }

    /// Name, ssh and host key: the tunnel tells them apart by how it fails.
    async fn tunnel(
        &self,
        tunnel: &Tunnel,
        asking: impl Future<Output = ()>,
    ) -> Result<(), Broken> {
        let mut status = tunnel.status();
        let settled = status.wait_for(|status| !matches!(status, Status::Connecting));
        let settled = tokio::select! {
            settled = settled => settled.map(|status| status.clone()).unwrap_or(Status::Paused),
            () = asking => Status::Paused,
        };
        match settled {
            Status::Up { .. } => {
                for layer in [Layer::Name, Layer::Ssh, Layer::HostKey] {
                    self.ok(layer, "");
                }
                Ok(())
            }
            Status::Failed(trouble) | Status::Waiting { trouble, .. } => {
                Err(self.of_tunnel(&trouble))
            }
            Status::Connecting | Status::Paused => Err(self.of_tunnel(&Trouble::Declined)),
        }
    }

    async fn gateway(
        &self,
        target: &Target,
        base: ConnectOptions,
        known: Option<Credential>,
        access: &Access,
        tunnel: &Option<Tunnel>,
    ) -> Result<(), Broken> {
        if tunnel.is_none() {
            self.approach(&base).await?;
        } else {
            self.running(Layer::Port);
        }
        // Nothing that opens a gateway is sent before it has shown that it is one (SSH-05).
        if let Err(error) = clawdbot_client::knock(&base).await {
            return Err(match trouble_behind(tunnel.as_ref()).await {
                Some(trouble) => self.of_tunnel(&trouble),
                None => self.of_connect(&error),
            });
        }
        if tunnel.is_some() {
            self.ok(Layer::Port, "");
        }
        self.ok(Layer::Gateway, "");
        self.running(Layer::Version);
        let remote = Remote::new(base, target.key(), known, access.vault.clone()).await.map_err(
            |error| Broken::at(Layer::Authentication, words::of_vault(&error, self.language)),
        )?;
        let connected =
            Client::connect(remote.options()).await.map_err(|error| self.of_connect(&error))?;
        self.ok(Layer::Version, &connected.hello.server.version);
        self.ok(Layer::Authentication, "");
        connected.client.close().await;
        Ok(())
    }

    /// Name and port of an address, each by itself.
    async fn approach(&self, base: &ConnectOptions) -> Result<(), Broken> {
        clawdbot_client::resolve(base).await.map_err(|error| self.of_connect(&error))?;
        self.ok(Layer::Name, "");
        self.running(Layer::Port);
        clawdbot_client::dial(base).await.map_err(|error| self.of_connect(&error))?;
        self.ok(Layer::Port, "");
        self.running(Layer::Gateway);
        Ok(())
    }

    fn of_tunnel(&self, trouble: &Trouble) -> Broken {
        Broken::at(layer_of_tunnel(trouble), words::of_tunnel(trouble, self.language))
    }

    fn of_connect(&self, error: &ConnectError) -> Broken {
        tracing::info!(code = error.code(), %error, "the tested gateway cannot be used");
        Broken::at(layer_of_connect(error), words::of_connect(error, self.language))
    }

    fn running(&self, layer: Layer) {
        self.step(layer, Outcome::Running, String::new(), None);
    }

    fn ok(&self, layer: Layer, detail: &str) {
        self.good().push(layer);
        self.step(layer, Outcome::Ok, detail.to_owned(), None);
    }

    /// Everything below has worked; what is above was not tried.
    fn failed(&self, broken: Broken) {
        let Broken { layer, detail, remedy } = broken;
        let known = self.good().clone();
        let all = || self.layers.iter().copied();
        for below in all().filter(|below| *below < layer && !known.contains(below)) {
            self.ok(below, "");
        }
        self.step(layer, Outcome::Failed, detail, remedy);
        for above in all().filter(|above| *above > layer) {
            self.step(above, Outcome::Skipped, String::new(), None);
        }
    }

    fn good(&self) -> std::sync::MutexGuard<'_, Vec<Layer>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, layer: Layer, state: Outcome, detail: String, remedy: Option<String>) {
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        (self.tell)(Step { layer, state, ms, detail, remedy });
    }
}

/// Hands questions on; an unknown host key is one of them.
async fn ask(mut questions: Questions, people: mpsc::Sender<clawdbot_remote::ssh::Question>) {
    while let Some(question) = questions.recv().await {
        debug_assert!(question.kind != Kind::HostKey || question.fingerprint.is_some());
        if people.send(question).await.is_err() {
            return;
        }
    }
    std::future::pending().await
}

fn layer_of_tunnel(trouble: &Trouble) -> Layer {
    match trouble {
        Trouble::Name => Layer::Name,
        Trouble::HostKeyUnknown { .. } | Trouble::HostKeyChanged { .. } => Layer::HostKey,
        Trouble::GatewayPort | Trouble::ForwardRefused => Layer::Port,
        _ => Layer::Ssh,
    }
}

fn layer_of_connect(error: &ConnectError) -> Layer {
    match error {
        ConnectError::Address(_) => Layer::Name,
        ConnectError::Unreachable { source, .. }
            if source.kind() == std::io::ErrorKind::ConnectionRefused =>
        {
            Layer::Port
        }
        ConnectError::Unreachable { source, .. } if source.raw_os_error().is_none() => Layer::Name,
        ConnectError::Unreachable { .. } => Layer::Port,
        ConnectError::NotAGateway { reason: NotAGateway::WrongGeneration(_), .. } => Layer::Version,
        ConnectError::Refused { error, .. } if error.message.contains("protocol mismatch") => {
            Layer::Version
        }
        ConnectError::Refused { .. } => Layer::Authentication,
        ConnectError::Tls { .. }
        | ConnectError::Timeout { .. }
        | ConnectError::NotAGateway { .. } => Layer::Gateway,
    }
}
