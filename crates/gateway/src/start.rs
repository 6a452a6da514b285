//! How a gateway starts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clawdbot_agent::Model;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::TICK_INTERVAL_MS;
use clawdbot_store::Store;
use serde_json::json;
use tracing::info;

use crate::devices::token::{self, TokenKey};
use crate::error::{Holder, StartError};
use crate::gateway::Gateway;
use crate::hub::Broadcast;
use crate::reload::Configuring;
use crate::setup::{self, Lock, Options};
use crate::shared::{Parts, Shared};
use crate::tailscale::Tailscale;
use crate::{boot, cron, heartbeat, import, publish, reload, server};

/// How often the health snapshot is refreshed for connected clients.
const HEALTH_EVERY_TICKS: u64 = 2;

/// Collects what a gateway is started with.
pub struct Builder {
    paths: Paths,
    env: Env,
    options: Options,
    models: Vec<Arc<dyn Model>>,
}

impl Builder {
    pub(crate) fn new(paths: Paths, env: Env) -> Self {
        Self { paths, env, options: Options::default(), models: Vec::new() }
    }

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
        let address = address.map(tracing::field::display);
        info!(address, model = %shared.settings().catalog.default_model(), "ready");
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
