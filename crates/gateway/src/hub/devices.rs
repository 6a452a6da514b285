//! Reaching the connections of particular devices and nodes.

use std::sync::Arc;

use clawdbot_protocol::Role;
use serde::Serialize;

use super::{ConnId, DEVICE_REMOVED, Hub};

/// Conversations one node may follow.
const MAX_FOLLOWED: usize = 64;

impl Hub {
    /// Sends an event to nodes, without a sequence number: to one connection, or to all of them.
    /// Answers how many got it.
    pub(crate) fn tell_nodes<T: Serialize>(
        &self,
        only: Option<ConnId>,
        name: &'static str,
        payload: &T,
    ) -> usize {
        let text: Arc<str> = serde_json::to_string(payload).unwrap_or_default().into();
        let mut subscribers = self.lock();
        subscribers
            .iter_mut()
            .filter(|(id, _)| only.is_none_or(|only| only == **id))
            .filter(|(_, subscriber)| subscriber.role == Role::Node)
            .filter_map(|(_, node)| node.send(name, text.clone(), None, false, false).then_some(()))
            .count()
    }

    /// Changes whether a node gets what happens in the conversation `key`. Says whether it could
    /// be noted down.
    pub(crate) fn follow(&self, id: ConnId, key: &str, on: bool) -> bool {
        let mut subscribers = self.lock();
        let Some(node) = subscribers.get_mut(&id) else { return false };
        if !on {
            node.followed.remove(key);
        } else if node.followed.len() < MAX_FOLLOWED {
            node.followed.insert(key.to_owned());
        }
        node.followed.contains(key) == on
    }

    /// Whether the device is connected.
    pub(crate) fn has_device(&self, device: &str) -> bool {
        self.lock().values().any(|subscriber| subscriber.device.as_deref() == Some(device))
    }

    /// Ends every connection of a device, or those in one role, except one.
    pub(crate) fn close_device(&self, device: &str, role: Option<Role>, except: Option<ConnId>) {
        for (id, subscriber) in self.lock().iter() {
            if subscriber.device.as_deref() == Some(device)
                && role.is_none_or(|role| role == subscriber.role)
                && except != Some(*id)
            {
                subscriber.outbox.close(DEVICE_REMOVED);
            }
        }
    }
}
