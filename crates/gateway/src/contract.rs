//! The contract between this gateway and its clients, as data: what the generated schema, the
//! TypeScript of WebChat and the reference page are made from.

use clawdbot_protocol::{Generation, Scope};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::methods;

/// An event this gateway may send (protocol §11.3).
pub(crate) struct EventSpec {
    pub(crate) name: &'static str,
    /// What its receivers must hold; `None` for everybody, nodes included.
    pub(crate) scope: Option<Scope>,
    /// The first generation that knows it.
    pub(crate) since: Generation,
}

const fn event(name: &'static str, scope: Option<Scope>, since: Generation) -> EventSpec {
    EventSpec { name, scope, since }
}

/// Every event, in the order in which `hello.features.events` lists them.
pub(crate) const EVENTS: &[EventSpec] = {
    use Generation::{V3, V4};
    use Scope::{Approvals, Pairing, Read};
    &[
        event("connect.challenge", None, V3),
        event("agent", Some(Read), V3),
        event("chat", Some(Read), V3),
        event("presence", Some(Read), V3),
        event("tick", None, V3),
        event("health", Some(Read), V3),
        event("shutdown", None, V3),
        event("device.pair.requested", Some(Pairing), V3),
        event("device.pair.resolved", Some(Pairing), V3),
        event("device.pair.changed", Some(Pairing), V4),
        event("device.pair.setup.completed", Some(Pairing), V4),
        event("node.pair.requested", Some(Pairing), V3),
        event("node.pair.resolved", Some(Pairing), V3),
        event("node.invoke.request", None, V3),
        event("heartbeat", Some(Read), V3),
        event("cron", Some(Read), V3),
        event("sessions.changed", Some(Read), V4),
        event("session.message", Some(Read), V4),
        event("config.changed", Some(Read), V4),
        event("talk.mode", Some(Read), V3),
        event("voicewake.changed", None, V3),
        event("exec.approval.requested", Some(Approvals), V3),
        event("exec.approval.resolved", Some(Approvals), V3),
    ]
};

/// All methods and events as one JSON document. `methods[].params` and `.result` are JSON Schemas
/// (draft 2020-12) that refer to `$defs`; a result of `true` is not described.
pub fn contract() -> Value {
    let mut all = SchemaSettings::draft2020_12().into_generator();
    let methods = methods::router().describe(&mut all);
    let events: Vec<Value> = EVENTS
        .iter()
        .map(|event| {
            json!({
                "name": event.name,
                "scope": event.scope.map(Scope::as_str),
                "since": event.since.number(),
            })
        })
        .collect();
    json!({
        "protocol": [3, 4],
        "methods": methods,
        "events": events,
        "$defs": all.take_definitions(true),
    })
}
