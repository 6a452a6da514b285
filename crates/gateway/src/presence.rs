//! The list of who is connected.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::text::plain;
use clawdbot_protocol::{ConnectParams, PresenceEntry, Role, Scopes, SystemEventParams};
use serde_json::Value;

/// Entries kept at once; more connections than this are simply not listed.
const MAX_ENTRIES: usize = 512;
/// How long something without a connection stays listed after it was last heard of.
const NOTED_MS: i64 = 5 * 60 * 1000;

/// Presence entries, keyed by device id, else instance id, else connection id.
pub(crate) struct Presence {
    entries: Mutex<Vec<Listed>>,
    revision: AtomicU64,
}

struct Listed {
    key: String,
    entry: PresenceEntry,
    /// One device may be connected several times, for example from several tabs; something that was
    /// only heard of (`system-event`) is not connected at all.
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
        let name = client.display_name.as_deref().map(plain).filter(|name| !name.is_empty());
        let host = name.unwrap_or_else(|| client.id.clone());
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

    /// Updates what is known of a device by a `system-event` (protocol §14.1).
    pub(crate) fn note(&self, params: SystemEventParams, now_ms: i64) {
        let named = params.device_id.clone().or_else(|| params.instance_id.clone());
        let key = named.or_else(|| params.host.clone()).or_else(|| params.text.clone());
        let key = key.unwrap_or_default();
        let mut entries = self.lock();
        entries.retain(|listed| listed.connections > 0 || listed.entry.ts + NOTED_MS > now_ms);
        let at = entries
            .iter()
            .position(|listed| listed.key == key || listed.key == format!("instance:{key}"));
        let room = entries.len() < MAX_ENTRIES;
        let listed = match at.and_then(|at| entries.get_mut(at)) {
            Some(listed) => listed,
            None if room => {
                entries.push_mut(Listed { key, entry: PresenceEntry::default(), connections: 0 })
            }
            None => return,
        };
        update(&mut listed.entry, params, now_ms);
        self.revision.fetch_add(1, Ordering::Relaxed);
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

/// Takes over what a `system-event` says. Roles and scopes are what a connection was granted, so a
/// connected device keeps its own.
fn update(entry: &mut PresenceEntry, params: SystemEventParams, now_ms: i64) {
    let fields = [
        (&mut entry.text, params.text),
        (&mut entry.device_id, params.device_id),
        (&mut entry.instance_id, params.instance_id),
        (&mut entry.host, params.host),
        (&mut entry.mode, params.mode),
        (&mut entry.version, params.version),
        (&mut entry.platform, params.platform),
        (&mut entry.device_family, params.device_family),
        (&mut entry.reason, params.reason),
    ];
    for (old, new) in fields {
        if new.is_some() {
            *old = new;
        }
    }
    entry.roles = entry.roles.take().or(params.roles);
    entry.scopes = entry.scopes.take().or(params.scopes.map(|scopes| scopes.into_iter().collect()));
    let more = [
        ("ip", params.ip.map(Value::from)),
        ("modelIdentifier", params.model_identifier.map(Value::from)),
        ("lastInputSeconds", params.last_input_seconds.map(Value::from)),
        ("tags", params.tags.map(Value::from)),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            entry.more.insert(name.to_owned(), value);
        }
    }
    entry.ts = now_ms;
}
