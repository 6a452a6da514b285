//! What the parts of one gateway share.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use clawdbot_agent::{CatalogError, Model, ModelRef};
use clawdbot_config::{Loaded, Paths};
use clawdbot_protocol::{PresenceEntry, SessionKey, StateVersion};
use clawdbot_store::Store;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::approvals::Approvals;
use crate::auth::Auth;
use crate::cron::Cron;
use crate::devices::Devices;
use crate::devices::token::TokenKey;
use crate::exec::ExecFile;
use crate::gateway::{GatewayStatus, Phase};
use crate::heartbeat::Heartbeats;
use crate::hub::Hub;
use crate::identity::OwnIdentity;
use crate::nodes::Nodes;
use crate::presence::Presence;
use crate::publish::Published;
use crate::recent::Recent;
use crate::reload::Configuring;
use crate::router::{Peer, Router};
use crate::runs::Runs;
use crate::settings::Settings;
use crate::setup::Lock;
use crate::strangers::Strangers;
use crate::system_events::SystemEvents;
use crate::tailscale::Tailscale;
use crate::wizard::Wizards;
use crate::{http, methods};

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
    pub(crate) status: watch::Sender<GatewayStatus>,
    started: Instant,
    next_conn: AtomicU64,
    pub(crate) versions: (AtomicU64, AtomicU64),
    pub(crate) stopping: AtomicBool,
    pub(crate) presence_due: AtomicBool,
    /// Given up as the last step of shutting down, so that a successor finds it free.
    pub(crate) lock: std::sync::Mutex<Option<Lock>>,
}

/// What a gateway is made from.
pub(crate) struct Parts {
    pub(crate) paths: Paths,
    pub(crate) config: Loaded,
    pub(crate) configuring: Configuring,
    pub(crate) auth: Auth,
    pub(crate) key: TokenKey,
    pub(crate) tailscale: Tailscale,
    pub(crate) store: Store,
    pub(crate) recovery: clawdbot_store::Recovery,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) lock: Lock,
    pub(crate) models: Vec<Arc<dyn Model>>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
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
