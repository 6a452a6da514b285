//! The gateway's life for the app: in this process, attached to one that somebody else runs on this
//! computer, or elsewhere; start, restart, stop, and what to say about it.
//!
//! One actor owns the gateway. Everybody else holds a [`Host`] and reads [`HostState`].

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use clawdbot_client::{ConnectOptions, knock};
use clawdbot_config::{Document, Env, Paths};
use clawdbot_gateway::{
    Gateway, GatewayStatus, Holder, InProcess, Listen, Media, Options, Phase, StartError,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::connection::{
    Access, Credential, Remote, Report, Session, SessionEvent, Target, TargetError, Wish,
};
use crate::platform::{Here, Platform as _};

/// A gateway that owns the port answers within this time.
const KNOCK: Duration = Duration::from_secs(2);
/// A gateway on this computer that went away may be restarting; so long the app waits for it.
const COMING_BACK: Duration = Duration::from_secs(8);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How long runs may finish and data may be written when the gateway stops.
const GRACE: Duration = Duration::from_secs(2);

/// What the tray, the window and the notifications know about the gateway.
#[derive(Clone)]
pub(crate) enum HostState {
    /// Not there yet, or being restarted.
    Starting,
    /// Serving; perhaps without its port.
    Running(Running),
    /// A gateway elsewhere that is not there just now.
    Away(Away),
    /// It cannot start, and a person has to act.
    Failed(Failure),
    /// Ended for good: the app is quitting.
    Stopped,
}

impl HostState {
    fn after(order: Option<&Order>) -> Self {
        match order {
            Some(Order::Stop(_)) | None => Self::Stopped,
            Some(_) => Self::Starting,
        }
    }
}

/// A gateway at work.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) gateway: AnyGateway,
    pub(crate) status: GatewayStatus,
    /// Another program on this computer runs it, and this app uses it.
    pub(crate) attached: Option<PortTaken>,
    /// Set when another program holds the port: the window works, browsers do not.
    pub(crate) port_taken: Option<PortTaken>,
}

/// The gateway in use, wherever it is.
#[derive(Clone)]
pub(crate) enum AnyGateway {
    /// In this process.
    Here(Gateway),
    /// In another one, perhaps on another machine.
    There(Remote),
}

impl AnyGateway {
    /// Opens a connection for this app. The far end still does the handshake.
    pub(crate) fn connect_in_process(&self) -> InProcess {
        match self {
            Self::Here(gateway) => gateway.connect_in_process(),
            Self::There(remote) => remote.open(),
        }
    }

    /// Lets no run begin until told otherwise; a remote gateway decides that for itself.
    pub(crate) fn pause(&self, paused: bool) {
        if let Self::Here(gateway) = self {
            gateway.pause(paused);
        }
    }

    /// How long the gateway takes to say who it is: a new connection up to its challenge. `None`
    /// for one in this process, and for one that does not answer.
    pub(crate) async fn latency(&self) -> Option<Duration> {
        match self {
            Self::Here(_) => None,
            Self::There(remote) => remote.latency().await,
        }
    }

    /// The model that answers by default, as `provider/model`; a remote gateway knows it alone.
    pub(crate) fn default_model(&self) -> Option<String> {
        match self {
            Self::Here(gateway) => Some(gateway.default_model()),
            Self::There(_) => None,
        }
    }

    /// Reads an attachment by its `<id>.<extension>`.
    pub(crate) async fn media(&self, name: &str) -> anyhow::Result<Option<Media>> {
        match self {
            Self::Here(gateway) => Ok(gateway.media(name).await?),
            Self::There(remote) => Ok(remote.media(name).await?),
        }
    }
}

/// A gateway elsewhere that is not there just now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Away {
    /// `connecting`, `waiting` or `paused`.
    pub(crate) phase: &'static str,
    pub(crate) code: Option<String>,
    /// The state in a few words, for the tray.
    pub(crate) headline: String,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
    /// Where this computer reaches it once it is back.
    pub(crate) front_door: Option<std::net::SocketAddr>,
}

/// A port that another program listens on.
#[derive(Clone, Debug)]
pub(crate) struct PortTaken {
    pub(crate) port: u16,
    pub(crate) holder: Option<Holder>,
}

/// Why there is no gateway.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) code: String,
    /// The cause in one line, for the tray.
    pub(crate) headline: String,
    /// The cause and what to do, for the window and the log.
    pub(crate) message: String,
    /// What to do, where that is known apart from the cause.
    pub(crate) remedy: Option<String>,
}

impl Failure {
    fn away(away: &Away) -> Self {
        Self {
            code: away.code.clone().unwrap_or_else(|| "GATEWAY_AWAY".to_owned()),
            headline: away.headline.clone(),
            message: if away.message.is_empty() { &away.headline } else { &away.message }.clone(),
            remedy: away.remedy.clone(),
        }
    }

    fn stopped() -> Self {
        let message = "The gateway has stopped, because the app is quitting.".to_owned();
        Self {
            code: "GATEWAY_STOPPED".to_owned(),
            headline: message.clone(),
            message,
            remedy: None,
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let message = error.to_string();
        let headline = match &error {
            StartError::Config(config) => {
                config.issues.first().map(|issue| format!("{}, {issue}", file_name(&config.path)))
            }
            _ => message.lines().next().map(str::to_owned),
        };
        Self {
            code: error.code().to_owned(),
            headline: headline.unwrap_or_default(),
            message,
            remedy: None,
        }
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let message = error.to_string();
        let remedy = Some("Correct it in the connection settings.".to_owned());
        Self { code: error.code().to_owned(), headline: message.clone(), message, remedy }
    }
}

/// Why a gateway of another program was not ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HolderError {
    #[error("No other program runs the gateway.")]
    Nobody,
    #[error(
        "{0} is kept running by the system's service manager. Stop the service with clawdbot gateway stop, then restart the gateway here."
    )]
    Service(Holder),
    #[error("{0} could not be ended. Stop it yourself, then restart the gateway here.")]
    Alive(Holder),
}

impl HolderError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Nobody => "HOLDER_NOBODY",
            Self::Service(_) => "HOLDER_SERVICE",
            Self::Alive(_) => "HOLDER_ALIVE",
        }
    }
}

fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}

/// A cheap handle to the hosted gateway.
#[derive(Clone)]
pub(crate) struct Host {
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<HostState>,
    target: watch::Receiver<Wish>,
}

enum Order {
    Restart,
    /// Try a remote gateway again at once.
    Retry,
    /// Leave a remote gateway alone until told otherwise.
    Pause,
    /// Stop here and use the gateway that another program starts.
    HandBack,
    Stop(oneshot::Sender<()>),
}

impl Host {
    /// Starts the gateway in the background and returns at once.
    pub(crate) fn start(paths: Paths, env: Env, access: Access) -> Self {
        let (orders, inbox) = mpsc::channel(4);
        let (state, watched) = watch::channel(HostState::Starting);
        let (target, target_watched) = watch::channel(Wish::default());
        let actor = HostActor { paths, env, access, orders: inbox, state, target };
        tauri::async_runtime::spawn(actor.run());
        Self { orders, state: watched, target: target_watched }
    }

    /// Where Clawdbot runs and how it is.
    pub(crate) fn report(&self) -> Report {
        Report::of(&self.state.borrow(), &self.target.borrow())
    }

    /// Where the configuration says the gateway is.
    pub(crate) fn target(&self) -> Wish {
        self.target.borrow().clone()
    }

    /// Tries a remote gateway again at once.
    pub(crate) fn retry(&self) {
        let _ = self.orders.try_send(Order::Retry);
    }

    /// Ends the connection to a remote gateway until [`Host::retry`].
    pub(crate) fn pause(&self) {
        let _ = self.orders.try_send(Order::Pause);
    }

    /// Stops the gateway here and uses the one that another program starts.
    pub(crate) fn hand_back(&self) {
        let _ = self.orders.try_send(Order::HandBack);
    }

    /// Ends the program that runs the gateway on this computer and runs it here. One that the
    /// system would start again is left alone.
    pub(crate) async fn take_over(&self) -> Result<(), HolderError> {
        let holder = match &*self.state.borrow() {
            HostState::Running(Running { attached: Some(taken), .. }) => taken.holder.clone(),
            _ => None,
        };
        let holder = holder.ok_or(HolderError::Nobody)?;
        if Here::is_service(holder.pid) {
            return Err(HolderError::Service(holder));
        }
        if !Here::end_process(holder.pid).await {
            return Err(HolderError::Alive(holder));
        }
        self.restart();
        Ok(())
    }

    /// Follows the state; the newest value is always there.
    pub(crate) fn watch(&self) -> watch::Receiver<HostState> {
        self.state.clone()
    }

    /// Stops and starts the gateway. A restart that is already waiting is enough.
    pub(crate) fn restart(&self) {
        if self.orders.try_send(Order::Restart).is_err() {
            tracing::info!("a restart is already waiting");
        }
    }

    /// The running gateway, waiting for one that is starting.
    pub(crate) async fn gateway(&self) -> Result<AnyGateway, Failure> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| !matches!(state, HostState::Starting)).await;
        match settled.as_deref() {
            Ok(HostState::Running(running)) => Ok(running.gateway.clone()),
            Ok(HostState::Away(away)) => Err(Failure::away(away)),
            Ok(HostState::Failed(failure)) => Err(failure.clone()),
            _ => Err(Failure::stopped()),
        }
    }

    /// Stops the gateway for good; returns when everything is written.
    pub(crate) async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.orders.send(Order::Stop(done)).await.is_ok() {
            let _ = stopped.await;
        }
    }
}

struct HostActor {
    paths: Paths,
    env: Env,
    access: Access,
    orders: mpsc::Receiver<Order>,
    state: watch::Sender<HostState>,
    target: watch::Sender<Wish>,
}

/// How the gateway on this computer is started.
enum Local {
    /// It runs in this process.
    Hosted(Running),
    /// Another program runs it.
    Attached(Box<Session>, PortTaken),
}

impl HostActor {
    async fn run(mut self) {
        let mut handed_back = false;
        loop {
            self.state.send_replace(HostState::Starting);
            let order = match self.find_target().await {
                Ok(Target::Local) => self.run_local(handed_back).await,
                Ok(target) => self.run_remote(&target).await,
                Err(failure) => self.report(failure).await,
            };
            handed_back = matches!(order, Some(Order::HandBack));
            match order {
                Some(Order::Stop(done)) => {
                    self.state.send_replace(HostState::Stopped);
                    let _ = done.send(());
                    return;
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Where the configuration says the gateway is. One that cannot be read is a matter of the
    /// start on this computer, which names the line.
    async fn find_target(&self) -> Result<Target, Failure> {
        let wish = self.load().await.map(|loaded| Wish::of(&loaded.config)).unwrap_or_default();
        self.target.send_replace(wish.clone());
        Ok(wish.check()?)
    }

    async fn load(&self) -> Option<clawdbot_config::Loaded> {
        let (path, env) = (self.paths.config.clone(), self.env.clone());
        tokio::task::spawn_blocking(move || Document::load(&path, &env).ok()).await.ok().flatten()
    }

    async fn port(&self) -> u16 {
        let configured = self.load().await.and_then(|loaded| {
            let from_env = loaded.env.product("GATEWAY_PORT").and_then(|port| port.parse().ok());
            from_env.or(loaded.config.gateway.port)
        });
        configured.unwrap_or_else(|| self.paths.default_port())
    }

    async fn run_local(&mut self, handed_back: bool) -> Option<Order> {
        if handed_back && let Some(order) = self.wait_for_another().await {
            return order;
        }
        match self.start_local().await {
            Ok(Local::Hosted(running)) => self.serve(running).await,
            Ok(Local::Attached(session, taken)) => self.follow(*session, Some(taken)).await,
            Err(failure) => self.report(failure).await,
        }
    }

    async fn run_remote(&mut self, target: &Target) -> Option<Order> {
        let port = self.port().await;
        match Session::start(target, Some(port), self.configured_secret().await, &self.access).await
        {
            Ok(session) => {
                let taken =
                    session.door_taken.then(|| PortTaken { port, holder: Holder::of_port(port) });
                self.follow(session, taken).await
            }
            Err(error) => {
                let message = error.to_string();
                let code = error.code().to_owned();
                self.report(Failure { code, headline: message.clone(), message, remedy: None })
                    .await
            }
        }
    }

    /// A secret of the remote gateway that the person wrote into the configuration.
    async fn configured_secret(&self) -> Option<Credential> {
        let remote = self.load().await?.config.gateway.remote;
        let text = |secret: Option<clawdbot_config::Secret>| secret.map(|s| s.expose().to_owned());
        let (token, password) = (text(remote.token), text(remote.password));
        let known = token.is_some() || password.is_some();
        known.then_some(Credential { token, password, device_token: None })
    }

    /// Starts with the configured port. A healthy gateway that has it already is used; next to
    /// anything else the window is served without a port.
    async fn start_local(&self) -> Result<Local, Failure> {
        let (port, error) = match self.listen(Listen::Configured).await {
            Ok(gateway) => return Ok(Local::Hosted(hosted(gateway, None))),
            Err(error @ StartError::PortTaken { address, .. }) => (address.port(), error),
            Err(error @ StartError::AlreadyRunning { .. }) => (self.port().await, error),
            Err(error) => return Err(error.into()),
        };
        let holder = Holder::of_port(port);
        let taken = PortTaken { port, holder };
        if let Some(session) = self.attach(port).await {
            tracing::info!(port, "another program runs the gateway; using it");
            return Ok(Local::Attached(Box::new(session), taken));
        }
        if matches!(error, StartError::AlreadyRunning { .. }) {
            return Err(error.into());
        }
        tracing::warn!(port, holder = ?taken.holder, "port taken; serving the window only");
        Ok(Local::Hosted(hosted(self.listen(Listen::None).await?, Some(taken))))
    }

    /// Uses the gateway on this port, if it is one and lets this app in.
    async fn attach(&self, port: u16) -> Option<Session> {
        let mut base = ConnectOptions::new(format!("ws://127.0.0.1:{port}"));
        base.timeout = KNOCK;
        knock(&base).await.ok()?;
        let auth = self.load().await?.config.gateway.auth;
        let text = |secret: Option<clawdbot_config::Secret>| secret.map(|s| s.expose().to_owned());
        let known = Credential {
            token: text(auth.token),
            password: text(auth.password),
            device_token: None,
        };
        let mut session = Session::attach(base, known, &self.access).await.ok()?;
        match session.next().await {
            SessionEvent::Ready => Some(session),
            SessionEvent::Away(_) => None,
            SessionEvent::Failed(failure) => {
                tracing::warn!(code = failure.code, error = %failure, "the gateway on the port refuses this app");
                None
            }
        }
    }

    async fn listen(&self, listen: Listen) -> Result<Gateway, StartError> {
        let options = Options {
            listen,
            // Whoever installs the app wants a gateway on this computer.
            configure_locally: true,
            ..Options::default()
        };
        Gateway::builder(self.paths.clone(), self.env.clone()).options(options).start().await
    }

    /// Publishes the status until an order comes; the gateway is down afterwards.
    async fn serve(&mut self, mut running: Running) -> Option<Order> {
        let AnyGateway::Here(gateway) = running.gateway.clone() else {
            return self.orders.recv().await;
        };
        let mut status = gateway.status();
        loop {
            running.status = status.borrow_and_update().clone();
            self.state.send_replace(HostState::Running(running.clone()));
            tokio::select! {
                order = self.orders.recv() => {
                    if matches!(order, Some(Order::Retry | Order::Pause)) {
                        continue;
                    }
                    // First of all nobody may connect to it any more.
                    self.state.send_replace(HostState::after(order.as_ref()));
                    gateway.shutdown(GRACE).await;
                    return order;
                }
                // Its other end lives in the gateway that `running` holds.
                Ok(()) = status.changed() => {}
            }
        }
    }

    /// Publishes what becomes of a gateway elsewhere until an order comes, or until one on this
    /// computer is gone for good.
    async fn follow(&mut self, mut session: Session, taken: Option<PortTaken>) -> Option<Order> {
        let attached = taken.as_ref().filter(|_| session.is_attached()).map(|taken| taken.port);
        let mut ready = attached.is_some();
        let mut failed = false;
        loop {
            if ready {
                self.state.send_replace(HostState::Running(elsewhere(&session, taken.clone())));
            }
            let event = tokio::select! {
                event = session.next(), if !failed => event,
                order = self.orders.recv() => match order {
                    Some(Order::Retry) => {
                        failed = false;
                        session.retry();
                        continue;
                    }
                    Some(Order::Pause) => {
                        ready = false;
                        session.pause();
                        continue;
                    }
                    order => return order,
                },
            };
            ready = matches!(event, SessionEvent::Ready);
            match event {
                SessionEvent::Ready => {}
                SessionEvent::Away(away) => {
                    self.state.send_replace(HostState::Away(away));
                    if let Some(port) = attached
                        && !comes_back(port).await
                    {
                        return Some(Order::Restart);
                    }
                }
                SessionEvent::Failed(failure) => {
                    tracing::error!(code = failure.code, error = %failure, "the remote gateway cannot be used");
                    failed = true;
                    self.state.send_replace(HostState::Failed(failure));
                }
            }
        }
    }

    /// Waits until another program answers on the port; an order comes first.
    async fn wait_for_another(&mut self) -> Option<Option<Order>> {
        let port = self.port().await;
        self.state.send_replace(HostState::Away(Away {
            phase: "waiting",
            headline: format!("Waiting for a gateway on port {port}"),
            message: "The gateway here is stopped, so that another program can run it.".to_owned(),
            remedy: Some("Start it with clawdbot gateway, or restart the gateway here.".to_owned()),
            ..Away::default()
        }));
        let mut base = ConnectOptions::new(format!("ws://127.0.0.1:{port}"));
        base.timeout = KNOCK;
        loop {
            tokio::select! {
                order = self.orders.recv() => return Some(order),
                () = tokio::time::sleep(LOOK) => {}
            }
            if knock(&base).await.is_ok() {
                return None;
            }
        }
    }

    async fn report(&mut self, failure: Failure) -> Option<Order> {
        tracing::error!(code = failure.code, error = %failure, "the gateway cannot start");
        self.state.send_replace(HostState::Failed(failure));
        self.orders.recv().await
    }
}

fn hosted(gateway: Gateway, port_taken: Option<PortTaken>) -> Running {
    let status = gateway.status().borrow().clone();
    Running { gateway: AnyGateway::Here(gateway), status, attached: None, port_taken }
}

/// A gateway that is not in this process; `taken` is its own port, or that of the front door.
fn elsewhere(session: &Session, taken: Option<PortTaken>) -> Running {
    let (attached, port_taken) = if session.is_attached() { (taken, None) } else { (None, taken) };
    let own = attached.as_ref().map(|own| (std::net::Ipv4Addr::LOCALHOST, own.port).into());
    let status = GatewayStatus {
        phase: Phase::Ready,
        address: own.or_else(|| session.address()),
        active_runs: 0,
        connections: 0,
        last_error: None,
        paused: false,
        published: None,
    };
    Running { gateway: AnyGateway::There(session.remote.clone()), status, attached, port_taken }
}

/// Whether a gateway on this computer answers again soon. A service manager takes a moment.
async fn comes_back(port: u16) -> bool {
    let mut base = ConnectOptions::new(format!("ws://127.0.0.1:{port}"));
    base.timeout = KNOCK;
    let back = async {
        while knock(&base).await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(COMING_BACK, back).await.is_ok()
}
