//! The contract between this gateway and its clients, as data: what the generated schema, the
//! TypeScript of WebChat and the reference page are made from.

use std::collections::BTreeMap;

use clawdbot_protocol::{Generation, RpcError, Scope};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::methods;
use crate::router::{Callers, Ctx, Reply, Table};

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
    let all = SchemaSettings::draft2020_12().into_generator();
    let Described { mut all, methods } =
        methods::declare(Described { all, methods: BTreeMap::new() });
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
        "methods": methods.into_values().collect::<Vec<_>>(),
        "events": events,
        "$defs": all.take_definitions(true),
    })
}

/// The method table as data.
struct Described {
    all: SchemaGenerator,
    methods: BTreeMap<&'static str, Value>,
}

impl Described {
    fn set(mut self, name: &str, member: &str, value: Value) -> Self {
        if let Some(method) = self.methods.get_mut(name) {
            method[member] = value;
        }
        self
    }
}

impl Table for Described {
    fn add<P, T, F, R>(mut self, name: &'static str, scope: Scope, _handler: F) -> Self
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        T: JsonSchema + 'static,
        F: Fn(Ctx, P) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply<T>, RpcError>> + Send + 'static,
    {
        let method = json!({
            "name": name,
            "scope": scope.as_str(),
            "callers": ["operator"],
            "listed": true,
            "params": self.all.subschema_for::<P>(),
            "result": self.all.subschema_for::<T>(),
        });
        self.methods.insert(name, method);
        self
    }

    fn for_callers(self, name: &str, callers: Callers) -> Self {
        let callers = match callers {
            Callers::Operators => json!(["operator"]),
            Callers::Nodes => json!(["node"]),
            Callers::Both => json!(["operator", "node"]),
        };
        self.set(name, "callers", callers)
    }

    fn hide(self, name: &str) -> Self {
        self.set(name, "listed", json!(false))
    }
}
