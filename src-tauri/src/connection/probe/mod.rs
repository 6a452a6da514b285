//! A test of a target, layer by layer: name, ssh, host key, port, gateway, version, authentication.

mod layer;

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clawdbot_client::{Client, ConnectError, ConnectOptions, Stage};
use clawdbot_remote::ssh::{Kind, Questions, SignIn, Status, Trouble, Tunnel};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::layer::{DIRECT, Layer, OVER_SSH};
use super::remote::Remote;
use super::session::{Access, trouble_behind};
use super::target::Target;
use super::vault::Credential;
use super::words;
use crate::settings::Language;
use crate::words::Words;

/// For each layer that waits for the network.
const PATIENCE: Duration = Duration::from_secs(15);
/// Stages of a connection that may wait to be told: more than there are.
const STAGES: usize = 16;

/// What is known about one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    layer: Layer,
    state: Outcome,
    /// Spent on this layer alone.
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
    took: Duration,
    detail: String,
    remedy: Option<String>,
}

impl Broken {
    fn at(layer: Layer, words: Words) -> Self {
        Self { layer, took: Duration::ZERO, detail: words.message, remedy: words.remedy }
    }

    fn taking(self, took: Duration) -> Self {
        Self { took, ..self }
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
    let (good, since) = (Mutex::default(), Mutex::new(Instant::now()));
    let trial = Trial { tell, good, since, layers, language };
    if let Err(broken) = trial.climb(target, known, access).await {
        trial.failed(broken);
    }
}

struct Trial<F> {
    tell: F,
    /// What has been told to be good.
    good: Mutex<Vec<Layer>>,
    /// When what belongs to the next layer began.
    since: Mutex<Instant>,
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
                let ssh = access.ssh().map_err(no_ssh)?;
                let (tunnel, questions) = Tunnel::start(ssh, spec.clone()).map_err(no_ssh)?;
                let asking = ask(questions, access.questions.clone());
                self.tunnel(&tunnel, asking).await?;
                base.dialer = Some(tunnel.dialer());
                _tunnel = Some(tunnel);
            }
            Target::Direct { .. } | Target::Local => {}
        }
        self.gateway(target, base, known, access, &_tunnel).await
    }

    /// Name, ssh and host key: the tunnel tells them apart by how it fails, and knows their times.
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
        let SignIn { name, ssh, host_key } = tunnel.sign_in();
        let below = [(Layer::Name, name), (Layer::Ssh, ssh), (Layer::HostKey, host_key)];
        self.lap(Instant::now());
        let trouble = match settled {
            Status::Up { .. } => None,
            Status::Failed(trouble) | Status::Waiting { trouble, .. } => Some(trouble),
            Status::Connecting | Status::Paused => Some(Trouble::Declined),
        };
        let mut broken = trouble.map(|trouble| self.of_tunnel(&trouble));
        for (layer, took) in below {
            match &mut broken {
                Some(broken) if broken.layer == layer => broken.took = took,
                Some(broken) if broken.layer < layer => {}
                _ => self.ok(layer, took, ""),
            }
        }
        broken.map_or(Ok(()), Err)
    }

    async fn gateway(
        &self,
        target: &Target,
        mut base: ConnectOptions,
        known: Option<Credential>,
        access: &Access,
        tunnel: &Option<Tunnel>,
    ) -> Result<(), Broken> {
        let (told, mut stages) = mpsc::channel(STAGES);
        base.stages = Some(told);
        self.running(if tunnel.is_some() { Layer::Port } else { Layer::Name });
        // Nothing that opens a gateway is sent before it has shown that it is one (SSH-05).
        let knocking = clawdbot_client::knock(&base);
        let passed = |stage, at| match (stage, tunnel) {
            (Stage::Name, None) => self.climbed(Layer::Name, at, Layer::Port),
            (Stage::Dial, None) | (Stage::Upgrade, Some(_)) => {
                self.climbed(Layer::Port, at, Layer::Gateway);
            }
            (Stage::Challenge, _) => self.climbed(Layer::Gateway, at, Layer::Version),
            _ => {}
        };
        if let Err(error) = watch(knocking, &mut stages, passed).await {
            let took = self.lap(Instant::now());
            let broken = match trouble_behind(tunnel.as_ref()).await {
                Some(trouble) => self.of_tunnel(&trouble),
                None => self.of_connect(&error),
            };
            return Err(broken.taking(took));
        }
        let remote =
            Remote::new(base, target, known, access.vault.clone()).await.map_err(|error| {
                Broken::at(Layer::Authentication, words::of_vault(&error, self.language))
            })?;
        // The second way there belongs to no layer.
        let passed = |stage, at| {
            if stage == Stage::Challenge {
                self.lap(at);
            }
        };
        let connected = watch(Client::connect(remote.options()), &mut stages, passed).await;
        let took = self.lap(Instant::now());
        let connected = connected.map_err(|error| self.of_connect(&error).taking(took))?;
        // One answer tells both, and it is the second for which the gateway has to work.
        self.ok(Layer::Version, Duration::ZERO, &connected.hello.server.version);
        self.ok(Layer::Authentication, took, "");
        connected.client.close().await;
        Ok(())
    }

    /// A layer is behind, and another one begins.
    fn climbed(&self, layer: Layer, at: Instant, next: Layer) {
        self.ok(layer, self.lap(at), "");
        self.running(next);
    }

    /// What has passed since it was last asked.
    fn lap(&self, at: Instant) -> Duration {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        at.saturating_duration_since(std::mem::replace(&mut since, at))
    }

    fn of_tunnel(&self, trouble: &Trouble) -> Broken {
        Broken::at(Layer::of_tunnel(trouble), words::of_tunnel(trouble, self.language))
    }

    fn of_connect(&self, error: &ConnectError) -> Broken {
        tracing::info!(code = error.code(), %error, "the tested gateway cannot be used");
        Broken::at(Layer::of_connect(error), words::of_connect(error, self.language))
    }

    fn running(&self, layer: Layer) {
        self.step(layer, Outcome::Running, Duration::ZERO, String::new(), None);
    }

    fn ok(&self, layer: Layer, took: Duration, detail: &str) {
        self.good().push(layer);
        self.step(layer, Outcome::Ok, took, detail.to_owned(), None);
    }

    /// Everything below has worked; what is above was not tried.
    fn failed(&self, broken: Broken) {
        let Broken { layer, took, detail, remedy } = broken;
        let known = self.good().clone();
        let all = || self.layers.iter().copied();
        for below in all().filter(|below| *below < layer && !known.contains(below)) {
            self.ok(below, Duration::ZERO, "");
        }
        self.step(layer, Outcome::Failed, took, detail, remedy);
        for above in all().filter(|above| *above > layer) {
            self.step(above, Outcome::Skipped, Duration::ZERO, String::new(), None);
        }
    }

    fn good(&self) -> MutexGuard<'_, Vec<Layer>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(
        &self,
        layer: Layer,
        state: Outcome,
        took: Duration,
        detail: String,
        remedy: Option<String>,
    ) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        (self.tell)(Step { layer, state, ms, detail, remedy });
    }
}

/// Waits for a connection and passes on what it leaves behind.
async fn watch<T>(
    connecting: impl Future<Output = T>,
    stages: &mut mpsc::Receiver<(Stage, Instant)>,
    passed: impl Fn(Stage, Instant),
) -> T {
    let mut connecting = pin!(connecting);
    loop {
        tokio::select! {
            connected = &mut connecting => {
                while let Ok((stage, at)) = stages.try_recv() {
                    passed(stage, at);
                }
                return connected;
            }
            Some((stage, at)) = stages.recv() => passed(stage, at),
        }
    }
}

/// Hands questions on; an unknown host key is one of them.
async fn ask(mut questions: Questions, people: mpsc::Sender<clawdbot_remote::ssh::Question>) {
    while let Some(question) = questions.recv().await {
        debug_assert!(question.kind != Kind::HostKey || question.key.is_some());
        if people.send(question).await.is_err() {
            return;
        }
    }
    std::future::pending().await
}
