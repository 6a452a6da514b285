//! What a service manager wants to hear. Without one, nothing is sent.

use clawdbot_gateway::Gateway;

/// Says that the gateway answers, and from now on that it is alive, where that is asked for.
#[cfg(target_os = "linux")]
pub(super) fn ready(gateway: &Gateway) {
    use sd_notify::NotifyState;

    let at: Vec<String> = gateway.addresses().iter().map(|at| format!("ws://{at}")).collect();
    let status = format!("listening on {}", at.join(", "));
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    tokio::spawn(async move {
        let mut often = tokio::time::interval(limit / 2);
        loop {
            often.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    });
}

/// Says that the gateway is on its way out.
#[cfg(target_os = "linux")]
pub(super) fn stopping() {
    tell(&[sd_notify::NotifyState::Stopping]);
}

#[cfg(target_os = "linux")]
fn tell(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn ready(_gateway: &Gateway) {}

#[cfg(not(target_os = "linux"))]
pub(super) fn stopping() {}
