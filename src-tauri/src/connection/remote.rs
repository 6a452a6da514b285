//! A gateway elsewhere, as something to open connections to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clawdbot_client::{ConnectOptions, Dialer};
use clawdbot_gateway::{InProcess, Media};
use clawdbot_protocol::{DeviceIdentity, Scope};
use clawdbot_remote::front_door::FarEnd;
use tokio::sync::{Notify, mpsc};

use super::target::Target;
use super::vault::{Credential, Vault, VaultError};
use super::{line, media};

/// A gateway that takes longer has no latency worth telling.
const LATENCY: Duration = Duration::from_secs(5);

/// Messages that are taken from a gateway elsewhere in a second: many times what a busy one sends,
/// and no more than pages and menus bear (APP-09).
const MAX_RATE: u32 = 1000;

/// Frames waiting in one direction.
const DEPTH: usize = 256;

/// A cheap handle to one remote gateway and what opens it.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Inner>);

struct Inner {
    /// Address, pin and way, without secrets.
    base: ConnectOptions,
    key: String,
    /// Tells it from others, for pages.
    name: String,
    credential: Mutex<Credential>,
    identity: Arc<DeviceIdentity>,
    vault: Vault,
    /// Ends the connections that are open now.
    dead: Notify,
    end: tokio_util::sync::CancellationToken,
}

impl Remote {
    /// The gateway at `base`, whose secrets are those of `target`.
    ///
    /// # Errors
    /// When it is not known what opens the gateway, because the keyring does not say.
    pub(crate) async fn new(
        mut base: ConnectOptions,
        target: &Target,
        known: Option<Credential>,
        vault: Vault,
    ) -> Result<Self, VaultError> {
        let credential = match known {
            Some(credential) => credential,
            None => vault.credential(&target.key()).await?,
        };
        let (key, name) = (target.key(), target.name());
        let identity = vault.identity().await?;
        base.max_rate = Some(MAX_RATE);
        let credential = Mutex::new(credential);
        let end = tokio_util::sync::CancellationToken::new();
        let dead = Notify::new();
        Ok(Self(Arc::new(Inner { base, key, name, credential, identity, vault, dead, end })))
    }

    /// Opens a connection that behaves like one to a gateway in this process.
    pub(crate) fn open(&self) -> InProcess {
        let (to_gateway, from_page) = mpsc::channel(DEPTH);
        let (to_page, from_gateway) = mpsc::channel(DEPTH);
        let remote = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = line::serve(&remote, from_page, &to_page) => {}
                () = remote.0.dead.notified() => line::hang_up(&to_page, line::SILENT).await,
                () = remote.0.end.cancelled() => line::hang_up(&to_page, line::TURNING).await,
            }
        });
        InProcess { to_gateway, from_gateway }
    }

    /// Ends every connection that is open, because nothing comes through them any more.
    pub(crate) fn hang_up(&self) {
        self.0.dead.notify_waiters();
    }

    /// Ends every connection, because the app turns to another gateway.
    pub(crate) fn end(&self) {
        self.0.end.cancel();
    }

    /// How to connect as this app, with everything that opens the gateway.
    pub(crate) fn options(&self) -> ConnectOptions {
        let mut options = self.0.base.clone();
        options.client.display_name = Some("Clawdbot Desktop".to_owned());
        options.scopes = Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect();
        options.credential = self.credential().presented();
        options.identity = Some(self.0.identity.clone());
        options
    }

    /// Tells it from others, for pages; nothing for this computer's own.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether its secrets are those of this computer's own configuration.
    pub(crate) fn is_local(&self) -> bool {
        self.0.key == Target::Local.key()
    }

    /// The way there, for the front door.
    pub(crate) fn far_end(&self) -> Option<FarEnd> {
        let base = self.0.base.clone();
        let dialer = Dialer::new(move || {
            let base = base.clone();
            async move { clawdbot_client::dial(&base).await.map_err(std::io::Error::other) }
        });
        FarEnd::new(dialer, &self.0.base.url, self.0.name.clone()).ok()
    }

    /// How long a new connection takes up to the gateway's challenge; nothing is sent.
    pub(crate) async fn latency(&self) -> Option<Duration> {
        let mut base = self.0.base.clone();
        base.timeout = LATENCY;
        let started = Instant::now();
        clawdbot_client::knock(&base).await.ok()?;
        Some(started.elapsed())
    }

    /// Keeps the token that the gateway gave this device, under that gateway's name only.
    pub(crate) async fn learn(&self, device_token: &str) {
        {
            let mut credential = self.0.credential.lock().unwrap_or_else(PoisonError::into_inner);
            if credential.device_token.as_deref() == Some(device_token) {
                return;
            }
            credential.device_token = Some(device_token.to_owned());
        }
        // The configuration of this computer's own gateway keeps that one's secrets.
        if self.is_local() {
            return;
        }
        // A person may have saved another secret since this connection began.
        if let Err(error) = self.0.vault.learn(&self.0.key, device_token).await {
            // The gateway gives another one to the same device key.
            tracing::warn!(code = error.code(), %error, "the device's token is kept until the app ends");
        }
    }

    /// Reads an attachment.
    pub(crate) async fn media(&self, name: &str) -> Result<Option<Media>, media::FetchError> {
        media::fetch(&self.0.base, &self.credential(), name).await
    }

    fn credential(&self) -> Credential {
        self.0.credential.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
