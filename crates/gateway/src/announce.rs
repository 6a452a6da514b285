//! Who is there and how it is, told to everybody.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clawdbot_protocol::Scope;
use serde_json::{Value, json};

use crate::hub::{Audience, Broadcast};
use crate::shared::Shared;

/// Shortest time between two presence lists.
const PRESENCE_PAUSE: Duration = Duration::from_millis(500);

impl Shared {
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
}
