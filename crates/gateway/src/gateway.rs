//! The `Gateway` handle: start, look, connect, stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use clawdbot_agent::{CatalogError, Model, ModelRef};
use clawdbot_config::{Env, Loaded, Paths};
use clawdbot_protocol::{
    Generation, PresenceEntry, Scope, SessionKey, StateVersion, TICK_INTERVAL_MS,
};
use clawdbot_store::Store;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::access::Caller;
use crate::approvals::Approvals;
use crate::auth::Auth;
use crate::cron::Cron;
use crate::devices::Devices;
use crate::devices::token::{self, TokenKey};
use crate::error::{Holder, StartError};
use crate::exec::ExecFile;
use crate::heartbeat::Heartbeats;
use crate::hub::{Audience, Broadcast, Hub, SERVICE_RESTART};
use crate::identity::OwnIdentity;
use crate::in_process::{self, InProcess};
use crate::media::{Media, MediaError};
use crate::nodes::Nodes;
use crate::presence::Presence;
use crate::publish::{self, Published};
use crate::recent::Recent;
use crate::reload::Configuring;
use crate::router::{Peer, Router};
use crate::runs::Runs;
use crate::settings::Settings;
use crate::setup::{self, Lock, Options};
use crate::strangers::Strangers;
use crate::system_events::SystemEvents;
use crate::tailscale::Tailscale;
use crate::wizard::Wizards;
use crate::{boot, connection, cron, heartbeat, http, import, methods, reload, server};

/// How often the health snapshot is refreshed for connected clients.
const HEALTH_EVERY_TICKS: u64 = 2;

/// Shortest time between two presence lists.
const PRESENCE_PAUSE: Duration = Duration::from_millis(500);

/// A running gateway. Clones are handles to the same one.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
}

/// Collects what a gateway is started with.
pub struct Builder {
    paths: Paths,
    env: Env,
    options: Options,
    models: Vec<Arc<dyn Model>>,
}

/// What a gateway is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for work.
    Ready,
    /// At least one run is under way.
    Working,
    /// Shutting down.
    Stopping,
}

/// A gateway's state, for whoever hosts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    /// What it is doing.
    pub phase: Phase,
    /// Where it listens.
    pub address: Option<SocketAddr>,
    /// Runs under way.
    pub active_runs: usize,
    /// Clients that have said hello.
    pub connections: usize,
    /// The last run's failure, until a run succeeds.
    pub last_error: Option<String>,
    /// How far Tailscale publishes it, where it shall.
    pub published: Option<Published>,
    /// No run begins until [`Gateway::pause`] says so.
    pub paused: bool,
}

/// Everything the parts of one gateway share.
pub(crate) struct Shared {
    pub(crate) paths: Paths,
    pub(crate) version: String,
    pub(crate) host: String,
    pub(crate) configuring: Configuring,
    pub(crate) auth: Auth,
    pub(crate) devices: Devices,
    pub(crate) nodes: Nodes,
    pub(crate) presence: Presence,
    pub(crate) hub: Hub,
    pub(crate) router: Router,
    pub(crate) runs: Runs,
    pub(crate) approvals: Approvals,
    pub(crate) exec: ExecFile,
    pub(crate) cron: Cron,
    pub(crate) heartbeats: Heartbeats,
    pub(crate) system_events: SystemEvents,
    pub(crate) store: Store,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Fires when the runs have ended: whatever still answers has had its time.
    pub(crate) closing: CancellationToken,
    pub(crate) strangers: Strangers,
    pub(crate) tailscale: Tailscale,
    pub(crate) bodies: http::Bodies,
    pub(crate) warnings: Vec<String>,
    pub(crate) identity: OwnIdentity,
    pub(crate) recent: Recent,
    pub(crate) wizards: Wizards,
    /// Held while an installer of a skill runs.
    pub(crate) installing: tokio::sync::Mutex<()>,
    /// Another one after every start.
    pub(crate) instance_id: String,
    /// Models that the host brought along.
    models: Vec<Arc<dyn Model>>,
    settings: ArcSwap<Settings>,
    status: watch::Sender<GatewayStatus>,
    started: Instant,
    next_conn: AtomicU64,
    versions: (AtomicU64, AtomicU64),
    stopping: AtomicBool,
    presence_due: AtomicBool,
    /// Given up as the last step of shutting down, so that a successor finds it free.
    lock: std::sync::Mutex<Option<Lock>>,
}

impl Gateway {
    /// Prepares a gateway that keeps its state in `paths` and reads secrets from `env`.
    pub fn builder(paths: Paths, env: Env) -> Builder {
        Builder { paths, env, options: Options::default(), models: Vec::new() }
    }

    /// What it is doing, now and from now on.
    pub fn status(&self) -> watch::Receiver<GatewayStatus> {
        self.shared.status.subscribe()
    }

    /// Pauses, or goes on. While paused, messages are accepted and stored as ever, and their runs
    /// wait, also those of jobs and heartbeats; what is under way goes on. A restart ends it.
    pub fn pause(&self, paused: bool) {
        self.shared.runs.pause(paused);
        self.shared.status.send_modify(|status| status.paused = paused);
    }

    /// Where it keeps its files.
    pub fn paths(&self) -> &Paths {
        &self.shared.paths
    }

    /// Things its owner should know: configuration warnings and repairs made at start.
    pub fn warnings(&self) -> &[String] {
        &self.shared.warnings
    }

    /// The model that answers unless a conversation chose another, as `provider/model`.
    pub fn default_model(&self) -> String {
        self.shared.settings().catalog.default_model().to_string()
    }

    /// Every address at which it is reached, those that others can use first.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let address = self.shared.status.borrow().address;
        address.map(setup::reached_at).unwrap_or_default()
    }

    /// Reads the configuration again, as if the file had changed.
    pub fn reload(&self) {
        self.shared.configuring.changed.notify_one();
    }

    /// Opens a connection that is already trusted as the owner. The far end still does the
    /// handshake, with the same frames as over a socket.
    pub fn connect_in_process(&self) -> InProcess {
        let (near, far) = in_process::pair();
        let serve = connection::serve(self.shared.clone(), far, Caller::in_process());
        self.shared.tasks.spawn(serve);
        near
    }

    /// Reads an attachment by its `<id>.<extension>`.
    ///
    /// # Errors
    /// When the stored file cannot be read.
    pub async fn media(&self, name: &str) -> Result<Option<Media>, MediaError> {
        crate::media::read(&self.shared, name).await
    }

    /// Stops in order: no new connections, `shutdown` event, runs finished or aborted within
    /// `grace`, everything written, connections closed with 1012, database closed.
    pub async fn shutdown(&self, grace: Duration) {
        let shared = &self.shared;
        if shared.stopping.swap(true, Ordering::SeqCst) {
            shared.tasks.wait().await;
            return;
        }
        info!("shutting down");
        shared.status.send_modify(|status| status.phase = Phase::Stopping);
        shared.stop.cancel();
        shared.hub.publish(&Broadcast::new("shutdown"), |generation| match generation {
            Generation::V3 => json!({"reason": "gateway stopping", "restartExpectedMs": null}),
            Generation::V4 => json!({"reason": "gateway stopping"}),
        });
        shared.runs.stop_all(grace).await;
        shared.closing.cancel();
        shared.hub.close_all(SERVICE_RESTART);
        shared.tasks.close();
        if tokio::time::timeout(Duration::from_secs(2), shared.tasks.wait()).await.is_err() {
            warn!(tasks = shared.tasks.len(), "still alive at the deadline");
        }
        if let Err(error) = shared.store.close().await {
            warn!(%error, "closing the database");
        }
        shared.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        info!("stopped");
    }
}

impl Builder {
    /// Sets how to run.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Adds a model that the host brings along. It is asked instead of what the configuration has
    /// under the same reference, and is in no list.
    pub fn model(mut self, model: Arc<dyn Model>) -> Self {
        self.models.push(model);
        self
    }

    /// Starts the gateway; it answers as soon as this returns.
    ///
    /// # Errors
    /// Every variant of [`StartError`]; nothing is left running.
    pub async fn start(self) -> Result<Gateway, StartError> {
        let Self { paths, env, options, models } = self;
        paths.prepare()?;
        server::raise_open_files();
        // First of all, so that two starts never both generate a token.
        let mut lock = Lock::take(&paths)?;
        let (config, auth) = setup::configure(&paths, &env, &options)?;
        let address = setup::address(&paths, &config, &options);
        setup::check(&config, &options, address, &auth)?;
        let listener = address.map(bind).transpose()?;
        let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        lock.sign(address);
        let key = TokenKey::load(&paths.state_dir).map_err(|source| StartError::DeviceKey {
            path: paths.state_dir.join(token::FILE),
            source,
        })?;
        let (store, recovery) = Store::open(&paths.database)?;
        let tailscale = Tailscale::new(&env);
        let old = import::due(&paths, &store).await;
        let published = options.tailscale.unwrap_or(config.config.gateway.tailscale.mode);
        let boots = options.boot && config.env.product("SKIP_BOOT").is_none();
        let configuring = Configuring::new(env, options);
        let parts = Parts {
            paths,
            config,
            configuring,
            auth,
            key,
            tailscale,
            store,
            recovery,
            address,
            lock,
            models,
        };
        let shared = Arc::new(Shared::new(parts));
        if let Some(listener) = listener {
            shared.tasks.spawn(server::accept(shared.clone(), listener));
        }
        shared.tasks.spawn(tick(shared.clone()));
        shared.tasks.spawn(discover(shared.clone()));
        let looking = shared.clone();
        shared.tasks.spawn(async move { looking.refresh_recent().await });
        shared.tasks.spawn(cron::follow(shared.clone()));
        shared.tasks.spawn(heartbeat::follow(shared.clone()));
        shared.tasks.spawn(publish::follow(shared.clone(), publish::reach(published)));
        if !old.is_empty() {
            shared.tasks.spawn(import::run(shared.clone(), old));
        }
        reload::follow(&shared);
        shared.settle();
        if boots {
            shared.tasks.spawn(boot::run(shared.clone()));
        }
        info!(address = ?address, model = %shared.settings().catalog.default_model(), "ready");
        Ok(Gateway { shared })
    }
}

fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener, StartError> {
    server::listen(address).map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            StartError::PortTaken { address, holder: Holder::of_port(address.port()) }
        }
        _ => StartError::Bind { address, source },
    })
}

/// One timer for everything periodic; it does nothing while nobody is connected.
async fn tick(shared: Arc<Shared>) {
    let mut interval = tokio::time::interval(Duration::from_millis(TICK_INTERVAL_MS));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    interval.tick().await;
    for count in 1_u64.. {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        if shared.hub.len() == 0 {
            continue;
        }
        let tick = Broadcast { droppable: true, ..Broadcast::new("tick") };
        let ts = shared.now_ms();
        shared.hub.publish(&tick, |_| json!({"ts": ts}));
        shared.hub.ping();
        if count.is_multiple_of(HEALTH_EVERY_TICKS) {
            shared.refresh_recent().await;
            shared.announce_health();
        }
    }
}

/// Looks for model servers on this machine.
pub(crate) async fn discover(shared: Arc<Shared>) {
    let catalog = shared.settings().catalog.clone();
    tokio::select! {
        () = shared.stop.cancelled() => {}
        () = catalog.discover() => {}
    }
}

/// What a gateway is made from.
struct Parts {
    paths: Paths,
    config: Loaded,
    configuring: Configuring,
    auth: Auth,
    key: TokenKey,
    tailscale: Tailscale,
    store: Store,
    recovery: clawdbot_store::Recovery,
    address: Option<SocketAddr>,
    lock: Lock,
    models: Vec<Arc<dyn Model>>,
}

impl Shared {
    fn new(parts: Parts) -> Self {
        let Parts {
            paths,
            config,
            configuring,
            auth,
            key,
            tailscale,
            store,
            recovery,
            address,
            lock,
            models,
        } = parts;
        let warnings = warnings(&config, &recovery);
        let settings = Settings::new(config, &paths, None);
        let host = host_name();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let status = GatewayStatus {
            phase: Phase::Ready,
            address,
            active_runs: 0,
            connections: 0,
            last_error: None,
            published: None,
            paused: false,
        };
        Self {
            presence: Presence::new(own_presence(&host, &version)),
            devices: Devices::new(store.clone(), key),
            nodes: Nodes::new(store.clone()),
            runs: Runs::default(),
            approvals: Approvals::default(),
            exec: ExecFile::new(&paths),
            cron: Cron::default(),
            heartbeats: Heartbeats::default(),
            system_events: SystemEvents::default(),
            hub: Hub::default(),
            router: methods::declare(Router::default()),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            closing: CancellationToken::new(),
            strangers: Strangers::default(),
            bodies: http::Bodies::default(),
            tailscale,
            warnings,
            identity: OwnIdentity::default(),
            recent: Recent::default(),
            wizards: Wizards::default(),
            installing: tokio::sync::Mutex::default(),
            instance_id: uuid::Uuid::new_v4().to_string(),
            models,
            settings: ArcSwap::from_pointee(settings),
            status: watch::Sender::new(status),
            started: Instant::now(),
            next_conn: AtomicU64::new(1),
            versions: (AtomicU64::new(1), AtomicU64::new(1)),
            stopping: AtomicBool::new(false),
            presence_due: AtomicBool::new(false),
            lock: std::sync::Mutex::new(Some(lock)),
            paths,
            version,
            host,
            configuring,
            auth,
            store,
        }
    }

    /// What the present configuration means.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Puts a new configuration in force.
    pub(crate) fn replace_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// The model to ask.
    pub(crate) fn model(&self, reference: &ModelRef) -> Result<Arc<dyn Model>, CatalogError> {
        let own = self.models.iter().find(|model| model.info().reference == *reference);
        own.map_or_else(|| self.settings().catalog.model(reference), |model| Ok(model.clone()))
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }

    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn next_conn(&self) -> u64 {
        self.next_conn.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn state_version(&self) -> StateVersion {
        StateVersion {
            presence: self.versions.0.load(Ordering::Relaxed),
            health: self.versions.1.load(Ordering::Relaxed),
        }
    }

    /// The default agent's main conversation.
    pub(crate) fn main_key(&self) -> SessionKey {
        let settings = self.settings();
        SessionKey::main(&settings.keys.default_agent, &settings.keys)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.status.borrow().address
    }

    /// Tells everybody who is connected: at once, or together with what else changes in the next
    /// moments when many come or go.
    pub(crate) fn announce_presence(self: &Arc<Self>) {
        if self.presence_due.swap(true, Ordering::AcqRel) {
            return;
        }
        self.publish_presence();
        let shared = self.clone();
        let version = self.versions.0.load(Ordering::Relaxed);
        self.tasks.spawn(async move {
            tokio::select! {
                () = shared.stop.cancelled() => return,
                () = tokio::time::sleep(PRESENCE_PAUSE) => {}
            }
            shared.presence_due.store(false, Ordering::Release);
            if shared.presence.revision() != version {
                shared.announce_presence();
            }
        });
    }

    fn publish_presence(&self) {
        self.versions.0.store(self.presence.revision(), Ordering::Relaxed);
        let event = Broadcast {
            audience: Audience::Scope(Scope::Read),
            droppable: true,
            state: Some(self.state_version()),
            ..Broadcast::new("presence")
        };
        self.hub.publish(&event, |_| json!({"presence": self.presence.list()}));
    }

    /// Sends the health snapshot to everybody.
    pub(crate) fn announce_health(&self) {
        self.versions.1.fetch_add(1, Ordering::Relaxed);
        let event = Broadcast {
            audience: Audience::Scope(Scope::Read),
            state: Some(self.state_version()),
            ..Broadcast::new("health")
        };
        self.hub.publish(&event, |_| self.health());
    }

    /// The `health` result (protocol §14.1).
    pub(crate) fn health(&self) -> Value {
        let settings = self.settings();
        json!({
            "ok": true,
            "ts": self.now_ms(),
            "durationMs": 0,
            "channels": {},
            "channelOrder": [],
            "channelLabels": {},
            "heartbeatSeconds": self.heartbeat_seconds(),
            "defaultAgentId": settings.keys.default_agent,
            "agents": settings.agents.health(
                |id| self.recent.show(Some(id), self),
                |id| self.heartbeat_row(id),
            ),
            "sessions": self.recent.show(None, self),
        })
    }

    /// The database as the wire names it.
    pub(crate) fn database(&self) -> String {
        self.paths.database.display().to_string()
    }

    /// Takes a connection out of every list.
    pub(crate) fn leave(self: &Arc<Self>, peer: &Peer, presence_key: Option<&str>) {
        self.hub.remove(peer.conn);
        self.nodes.leave(peer.conn);
        self.count_connections();
        if presence_key.is_some_and(|key| self.presence.leave(key)) {
            self.announce_presence();
        }
    }

    pub(crate) fn report_published(&self, published: Published) {
        self.status.send_modify(|status| status.published = Some(published));
    }

    /// For the `status` method.
    pub(crate) fn published(&self) -> Option<Value> {
        self.status.borrow().published.as_ref().map(Published::report)
    }

    pub(crate) fn count_connections(&self) {
        self.status.send_modify(|status| status.connections = self.hub.len());
    }

    /// Books how many runs are under way, and how the last one ended.
    pub(crate) fn count_runs(&self, ended: Option<Result<(), String>>) {
        self.status.send_modify(|status| {
            // Counted inside, so that a late update cannot overwrite a newer count.
            status.active_runs = self.runs.active();
            if status.phase != Phase::Stopping {
                status.phase = if status.active_runs > 0 { Phase::Working } else { Phase::Ready };
            }
            match ended {
                Some(Ok(())) => status.last_error = None,
                Some(Err(error)) => status.last_error = Some(error),
                None => {}
            }
        });
    }

    /// Where attachments are kept.
    pub(crate) fn inbound_dir(&self) -> PathBuf {
        self.paths.media_dir.join("inbound")
    }
}

fn warnings(config: &Loaded, recovery: &clawdbot_store::Recovery) -> Vec<String> {
    let mut all: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    if let Some(aside) = &recovery.quarantined {
        all.push(format!(
            "The database was damaged. It was set aside as {}; {} records could be carried over.",
            aside.display(),
            recovery.salvaged
        ));
    }
    for warning in &all {
        warn!("{warning}");
    }
    if !recovery.interrupted.is_empty() {
        info!(runs = recovery.interrupted.len(), "marked as interrupted after an unclean stop");
    }
    all
}

fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

fn own_presence(host: &str, version: &str) -> PresenceEntry {
    PresenceEntry {
        host: Some(host.to_owned()),
        version: Some(version.to_owned()),
        platform: Some(std::env::consts::OS.to_owned()),
        mode: Some("gateway".to_owned()),
        reason: Some("self".to_owned()),
        text: Some(format!("Gateway: {host} · app {version} · mode gateway · reason self")),
        ts: jiff::Timestamp::now().as_millisecond(),
        ..PresenceEntry::default()
    }
}
