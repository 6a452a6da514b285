//! Our gateway's own route: taken, kept and given back.

use std::time::Duration;

use tokio::sync::watch;

use crate::tailscale::read::Route;
use crate::tailscale::{Reach, Tailscale, TailscaleError};

/// How often the route is looked at: the daemon forgets it when it is set up anew.
const LOOK: Duration = Duration::from_secs(30);

/// What has become of the route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not settled yet.
    Claiming,
    /// The gateway is published there.
    Published {
        /// `https://machine.tailnet.ts.net/`.
        url: String,
    },
    /// It is not, and why; it is tried again.
    Failed(TailscaleError),
}

/// The route to one gateway.
#[derive(Debug, Clone)]
pub struct Claim {
    tailscale: Option<Tailscale>,
    reach: Reach,
    port: u16,
    look: Duration,
}

impl Claim {
    /// The route that publishes the gateway on this loopback `port` as far as `reach`.
    pub fn new(tailscale: Option<Tailscale>, reach: Reach, port: u16) -> Self {
        Self { tailscale, reach, port, look: LOOK }
    }

    /// Looks at the route this often.
    #[must_use]
    pub fn looking_every(mut self, look: Duration) -> Self {
        self.look = look;
        self
    }

    /// Takes the route and keeps it until dropped. A route of somebody else is left alone.
    pub async fn keep(&self, state: &watch::Sender<State>) {
        loop {
            let now = match self.take().await {
                Ok(url) => State::Published { url },
                Err(error) => State::Failed(error),
            };
            state.send_if_modified(|state| {
                let changed = *state != now;
                if changed {
                    match &now {
                        State::Published { url } => tracing::info!(url, "published by {}", self.reach),
                        State::Failed(error) => {
                            tracing::warn!(code = error.code(), %error, "not published by {}", self.reach);
                        }
                        State::Claiming => {}
                    }
                    *state = now;
                }
                changed
            });
            tokio::time::sleep(self.look).await;
        }
    }

    /// Takes the route unless it is there; answers with the address.
    ///
    /// # Errors
    /// [`TailscaleError`]; nothing of anybody else was changed.
    pub async fn take(&self) -> Result<String, TailscaleError> {
        let tailscale = self.tailscale.as_ref().ok_or(TailscaleError::NotInstalled)?;
        let machine = tailscale.machine().await?;
        match tailscale.routes().await?.at(&machine, self.port) {
            Route::Ours(reach) if reach == self.reach => return Ok(machine.url()),
            Route::Foreign(target) => return Err(TailscaleError::Foreign(target)),
            // Serve alone leaves the Internet where it was.
            Route::Ours(Reach::Funnel) => tailscale.withdraw(Reach::Funnel).await?,
            Route::Ours(Reach::Serve) | Route::Free => {}
        }
        tailscale.publish(self.reach, self.port).await?;
        match tailscale.routes().await?.at(&machine, self.port) {
            Route::Ours(reach) if reach == self.reach => Ok(machine.url()),
            _ => Err(TailscaleError::Refused("the route is not there afterwards".to_owned())),
        }
    }

    /// Gives the route back if it is ours; whether it was.
    ///
    /// # Errors
    /// [`TailscaleError`].
    pub async fn release(&self) -> Result<bool, TailscaleError> {
        let Some(tailscale) = &self.tailscale else { return Ok(false) };
        let machine = tailscale.machine().await?;
        match tailscale.routes().await?.at(&machine, self.port) {
            Route::Ours(reach) => tailscale.withdraw(reach).await.map(|()| true),
            Route::Free | Route::Foreign(_) => Ok(false),
        }
    }
}
