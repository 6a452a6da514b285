//! Changes of the configuration while the gateway runs: from `config.*` and from whoever edits the
//! file. What can be changed without a restart is; the rest is named.

use std::path::PathBuf;
use std::sync::Arc;

use clawdbot_config::{ConfigError, Document, Env, Loaded};
use clawdbot_protocol::{Generation, Scope};
use serde_json::json;
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::error::StartError;
use crate::hub::{AUTH_CHANGED, Audience, Broadcast};
use crate::settings::Settings;
use crate::setup::{self, Options};
use crate::shared::Shared;
use crate::start::discover;
use crate::watch::FileWatch;

/// Settings that are read only at start.
pub(crate) const RESTART: [&str; 6] = [
    "gateway.port",
    "gateway.bind",
    "gateway.customBindHost",
    "gateway.mode",
    "gateway.tailscale",
    "logging",
];

/// What a reload needs beside the file, and the turn of whoever changes the configuration.
pub(crate) struct Configuring {
    env: Env,
    options: Options,
    /// One change at a time, so that no base hash is compared with a text that is being replaced.
    /// Whoever has it keeps it until the change is in force, so that changes count in their order.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    /// Tells the follower to read the document again.
    pub(crate) changed: Arc<Notify>,
}

impl Configuring {
    pub(crate) fn new(env: Env, options: Options) -> Self {
        Self { env, options, turn: Arc::default(), changed: Arc::default() }
    }

    /// The environment this gateway was started with.
    pub(crate) fn env(&self) -> &Env {
        &self.env
    }
}

impl Shared {
    /// Reads the document as it is now. Waits for the disk.
    pub(crate) fn read_config(&self) -> Result<Loaded, ConfigError> {
        Document::load(&self.paths.config, &self.configuring.env)
    }

    /// The document and what it includes.
    fn config_files(&self) -> Vec<PathBuf> {
        let included = self.settings().loaded.included.clone();
        std::iter::once(self.paths.config.clone()).chain(included).collect()
    }

    /// Checks a text as if it were the document.
    pub(crate) fn check_config(&self, text: String) -> Result<Loaded, ConfigError> {
        Document::check(text, &self.paths.config, &self.configuring.env)
    }

    /// Refuses what would leave this gateway unprotected where it listens.
    pub(crate) fn check_exposure(&self, loaded: &Loaded) -> Result<(), StartError> {
        setup::check(loaded, &self.configuring.options, self.address(), &self.auth)
    }

    /// Puts `loaded` in force: new secrets at once, models and agents for the next run.
    pub(crate) fn adopt(self: &Arc<Self>, loaded: Loaded) {
        let before = self.settings();
        let restart = self.restart_needed(&loaded);
        match setup::secret(&loaded, &self.configuring.options) {
            // Token mode without a token keeps the one in force: an empty line locks nobody out.
            Ok((mode, Some(secret))) => self.rotate(mode, Some(secret.expose())),
            Ok((mode @ (crate::AuthMode::None | crate::AuthMode::TrustedProxy), None)) => {
                self.rotate(mode, None);
            }
            Ok(_) => warn!("the configuration holds no secret; the one in force stays"),
            Err(error) => warn!(%error, "the secret was not changed"),
        }
        let (old, new) = (&before.config().gateway, &loaded.config.gateway);
        self.auth.budget.set_limits(&new.auth.rate_limit);
        let trust_changed = old.auth.trusted_proxy != new.auth.trusted_proxy
            || old.trusted_proxies != new.trusted_proxies
            || old.allows_tailscale() != new.allows_tailscale();
        for warning in &loaded.warnings {
            warn!("{warning}");
        }
        let settings = Settings::new(loaded, &self.paths, Some(&before));
        let models_changed = !Arc::ptr_eq(&settings.catalog, &before.catalog);
        self.replace_settings(settings);
        if trust_changed {
            self.auth.trust_changed();
            self.hub.close_by_secret(AUTH_CHANGED);
        }
        if models_changed {
            self.tasks.spawn(discover(self.clone()));
        }
        self.settle();
        info!(?restart, "configuration in force");
        let event = Broadcast {
            audience: Audience::Scope(Scope::Read),
            since: Generation::V4,
            ..Broadcast::new("config.changed")
        };
        let hash = self.config_hash(&self.settings().loaded);
        let (path, ts) = (&self.paths.config, self.now_ms());
        self.hub.publish(
            &event,
            |_| json!({"path": path, "hash": hash, "ts": ts, "restartRequired": restart}),
        );
        self.announce_health();
        self.cron.nudge();
        self.heartbeats.nudge();
    }

    /// The settings in which `loaded` differs from what is in force and that are read only at
    /// start, of [`RESTART`].
    pub(crate) fn restart_needed(&self, loaded: &Loaded) -> Vec<&'static str> {
        let before = self.settings();
        let at = |value: &serde_json::Value, path: &str| value.pointer(path).cloned();
        RESTART
            .into_iter()
            .filter(|name| {
                let pointer = format!("/{}", name.replace('.', "/"));
                at(&before.loaded.value, &pointer) != at(&loaded.value, &pointer)
            })
            .collect()
    }

    /// What a configuration in force leaves on the disk: the workspaces it names, and a copy of it.
    pub(crate) fn settle(self: &Arc<Self>) {
        let shared = self.clone();
        self.tasks.spawn_blocking(move || {
            shared.settings().agents.make_workspaces();
            setup::keep_copy(&shared.paths);
        });
    }

    fn rotate(&self, mode: crate::AuthMode, secret: Option<&str>) {
        if self.auth.replace(mode, secret) {
            info!("the shared secret has changed");
            self.hub.close_by_secret(AUTH_CHANGED);
        }
    }
}

/// Follows the document and what it includes for as long as the gateway runs.
pub(crate) fn follow(shared: &Arc<Shared>) {
    let changed = shared.configuring.changed.clone();
    let mut watch = FileWatch::new(shared.config_files(), changed);
    let mut follower = Follower { shared: shared.clone(), said: None };
    let stop = shared.stop.clone();
    shared.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = watch.settled() => {}
            }
            follower.reload().await;
            watch.turn_to(follower.shared.config_files());
        }
    });
}

struct Follower {
    shared: Arc<Shared>,
    /// The problem said last, so that it is said once.
    said: Option<String>,
}

impl Follower {
    /// Reads the document again. One that is broken or would leave the gateway unprotected changes
    /// nothing and is complained about once.
    async fn reload(&mut self) {
        let _turn = self.shared.configuring.turn.lock().await;
        let shared = self.shared.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || shared.read_config()).await else {
            return;
        };
        let problem = match read {
            Ok(loaded) if loaded.value == self.shared.settings().loaded.value => None,
            Ok(loaded) => match self.shared.check_exposure(&loaded) {
                Ok(()) => {
                    self.shared.adopt(loaded);
                    None
                }
                Err(error) => Some(error.to_string()),
            },
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = problem.as_ref().filter(|_| self.said != problem) {
            warn!(%error, "the changed configuration is not used; the one in force stays");
        }
        self.said = problem;
    }
}
