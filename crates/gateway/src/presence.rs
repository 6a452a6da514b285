//! The list of who is connected.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use clawdbot_protocol::{ConnectParams, PresenceEntry, Role, Scopes};

/// Entries kept at once; more connections than this are simply not listed.
const MAX_ENTRIES: usize = 512;

/// Presence entries, keyed by device id, else instance id, else connection id.
pub(crate) struct Presence {
    entries: Mutex<Vec<Listed>>,
    revision: AtomicU64,
}

struct Listed {
    key: String,
    entry: PresenceEntry,
    /// One device may be connected several times, for example from several tabs.
    connections: usize,
}

impl Presence {
    pub(crate) fn new(gateway: PresenceEntry) -> Self {
        let own = Listed { key: "gateway".to_owned(), entry: gateway, connections: 1 };
        Self { entries: Mutex::new(vec![own]), revision: AtomicU64::new(1) }
    }

    /// Increases with every change of the list.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// The full list, the gateway first.
    pub(crate) fn list(&self) -> Vec<PresenceEntry> {
        self.lock().iter().map(|listed| listed.entry.clone()).collect()
    }

    /// Lists a client and returns its key.
    pub(crate) fn join(
        &self,
        params: &ConnectParams,
        role: Role,
        scopes: &Scopes,
        conn: &str,
        now_ms: i64,
    ) -> String {
        let client = &params.client;
        let device = params.device.as_ref().map(|device| device.id.clone());
        let key = device
            .clone()
            .or_else(|| client.instance_id.as_ref().map(|id| format!("instance:{id}")))
            .unwrap_or_else(|| conn.to_owned());
        let host = client.display_name.clone().unwrap_or_else(|| client.id.clone());
        let entry = PresenceEntry {
            text: Some(format!("Node: {host} · mode {}", client.mode)),
            host: Some(host),
            version: Some(client.version.clone()),
            platform: Some(client.platform.clone()),
            device_family: client.device_family.clone(),
            mode: Some(client.mode.clone()),
            reason: Some("connect".to_owned()),
            ts: now_ms,
            device_id: device,
            roles: Some(vec![role.as_str().to_owned()]),
            scopes: Some(scopes.clone()),
            instance_id: client.instance_id.clone(),
            client_id: Some(client.id.clone()),
            ..PresenceEntry::default()
        };
        let mut entries = self.lock();
        self.revision.fetch_add(1, Ordering::Relaxed);
        let room = entries.len() < MAX_ENTRIES;
        match entries.iter_mut().find(|listed| listed.key == key) {
            Some(listed) => {
                listed.entry = entry;
                listed.connections += 1;
            }
            None if room => entries.push(Listed { key: key.clone(), entry, connections: 1 }),
            None => {}
        }
        key
    }

    /// Takes one connection of a client away; says whether the list has changed.
    pub(crate) fn leave(&self, key: &str) -> bool {
        let mut entries = self.lock();
        let Some(index) = entries.iter().position(|listed| listed.key == key) else {
            return false;
        };
        if let Some(listed) = entries.get_mut(index)
            && listed.connections > 1
        {
            listed.connections -= 1;
            return false;
        }
        entries.remove(index);
        self.revision.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Listed>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
