//! The `Gateway` handle: look, connect, stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::Generation;
use serde_json::json;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::access::Caller;
use crate::connection;
use crate::hub::{Broadcast, SERVICE_RESTART};
use crate::in_process::{self, InProcess};
use crate::media::{Media, MediaError};
use crate::publish::Published;
use crate::setup::{self};
use crate::shared::Shared;
use crate::start::Builder;

/// A running gateway. Clones are handles to the same one.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
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

impl Gateway {
    /// Prepares a gateway that keeps its state in `paths` and reads secrets from `env`.
    pub fn builder(paths: Paths, env: Env) -> Builder {
        Builder::new(paths, env)
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
