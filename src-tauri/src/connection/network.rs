//! Whether this computer got on another network, so that nobody waits in vain.

use std::sync::Mutex;

use netwatcher::{WatchHandle, watch_interfaces_with_callback};
use tokio::sync::watch;

/// The networks of this computer, watched for as long as it lives.
pub(super) struct Network {
    gained: watch::Receiver<()>,
    /// `None` where the system does not tell; then there are only the usual pauses.
    _watch: Mutex<Option<WatchHandle>>,
}

impl Network {
    pub(super) fn watch() -> Self {
        let (tell, gained) = watch::channel(());
        let watch = watch_interfaces_with_callback(move |update| {
            if !update.is_initial && update.addrs_added().next().is_some() {
                tell.send_replace(());
            }
        });
        let watch = watch.inspect_err(|error| tracing::warn!(%error, "networks are not watched"));
        Self { gained, _watch: Mutex::new(watch.ok()) }
    }

    /// Waits until there is an address that was not there when the wait began.
    pub(super) async fn changed(&self) {
        let mut gained = self.gained.clone();
        gained.mark_unchanged();
        match gained.changed().await {
            Ok(()) => tracing::info!("this computer has another network address"),
            Err(_) => std::future::pending().await,
        }
    }
}
