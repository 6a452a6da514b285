//! Whether this computer got on another network, so that nobody waits in vain.

use netwatcher::async_adapter::Tokio;
use netwatcher::watch_interfaces_async;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// The networks of this computer, watched for as long as it lives.
pub(super) struct Network {
    gained: watch::Receiver<()>,
    _task: AbortOnDropHandle<()>,
}

impl Network {
    pub(super) fn watch() -> Self {
        let (tell, gained) = watch::channel(());
        let task = tokio::spawn(follow(tell));
        Self { gained, _task: AbortOnDropHandle::new(task) }
    }

    /// An attempt begins; only what happens from now on makes another one worth while.
    pub(super) fn attempt(&mut self) {
        self.gained.mark_unchanged();
    }

    /// Tells each address that this computer has got since the last attempt began.
    pub(super) fn gains(&self) -> Gains {
        Gains(self.gained.clone())
    }
}

pub(super) struct Gains(watch::Receiver<()>);

impl Gains {
    pub(super) async fn next(&mut self) {
        match self.0.changed().await {
            Ok(()) => tracing::info!("this computer has another network address"),
            // The system does not tell; then there are only the usual pauses.
            Err(_) => std::future::pending().await,
        }
    }
}

async fn follow(tell: watch::Sender<()>) {
    let mut interfaces = match watch_interfaces_async::<Tokio>() {
        Ok(interfaces) => interfaces,
        Err(error) => return tracing::warn!(%error, "networks are not watched"),
    };
    loop {
        let update = interfaces.changed().await;
        if !update.is_initial && update.addrs_added().next().is_some() {
            tell.send_replace(());
        }
    }
}
