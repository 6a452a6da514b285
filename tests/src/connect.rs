//! What a test client says in `connect`.

use std::sync::Arc;

use clawdbot_protocol::{ConnectParams, DeviceIdentity};
use serde_json::{Value, json};

use crate::TOKEN;

/// Every scope a gateway grants.
pub const ALL_SCOPES: [&str; 5] =
    ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];

/// `connect` params under construction. Starts as the command line with the right token and every
/// scope, which needs no device on the gateway's own machine.
#[derive(Clone)]
pub struct Connect {
    params: Value,
    device: Option<Arc<DeviceIdentity>>,
    skew_ms: i64,
    forge: Option<(String, Value)>,
    tamper: Option<(String, Value)>,
}

impl Connect {
    /// Generation 4.
    pub fn v4() -> Self {
        Self::offering(4, 4)
    }

    /// Generation 3.
    pub fn v3() -> Self {
        Self::offering(3, 3)
    }

    /// A range of generations.
    pub fn offering(min: u32, max: u32) -> Self {
        let params = json!({
            "minProtocol": min, "maxProtocol": max,
            "client": {"id": "cli", "version": "1.0.0", "platform": "linux", "mode": "cli"},
            "role": "operator", "scopes": ALL_SCOPES, "caps": ["tool-events"],
            "auth": {"token": TOKEN}, "locale": "en-US", "userAgent": "example/1.0",
        });
        Self { params, device: None, skew_ms: 0, forge: None, tamper: None }
    }

    /// Params as somebody recorded them.
    pub fn recorded(params: Value) -> Self {
        Self { params, device: None, skew_ms: 0, forge: None, tamper: None }
    }

    /// Sets a top-level member; `null` removes it.
    pub fn set(mut self, member: &str, value: Value) -> Self {
        let members = self.params.as_object_mut().unwrap();
        match value {
            Value::Null => members.shift_remove(member),
            value => members.insert(member.to_owned(), value),
        };
        self
    }

    /// Another client id and mode.
    pub fn client(mut self, id: &str, mode: &str) -> Self {
        self.params["client"]["id"] = json!(id);
        self.params["client"]["mode"] = json!(mode);
        self
    }

    /// Only these scopes.
    pub fn scopes(self, scopes: &[&str]) -> Self {
        self.set("scopes", json!(scopes))
    }

    /// Another `auth`.
    pub fn auth(self, auth: Value) -> Self {
        self.set("auth", auth)
    }

    /// Signs the challenge with a device key.
    pub fn device(mut self, identity: &Arc<DeviceIdentity>) -> Self {
        self.device = Some(identity.clone());
        self
    }

    /// Signs as if the clock were off by this much.
    pub fn skewed(mut self, ms: i64) -> Self {
        self.skew_ms = ms;
        self
    }

    /// Replaces one member of the finished proof.
    pub fn forge(mut self, member: &str, value: Value) -> Self {
        self.forge = Some((member.to_owned(), value));
        self
    }

    /// Replaces what lies at a JSON pointer after everything has been signed.
    pub fn tamper(mut self, pointer: &str, value: Value) -> Self {
        self.tamper = Some((pointer.to_owned(), value));
        self
    }

    pub(crate) fn finish(self, nonce: &str, ts: i64) -> Value {
        let mut params = self.params;
        if let Some(identity) = &self.device {
            let read: ConnectParams = serde_json::from_value(params.clone()).unwrap();
            let proof = identity.prove(&read.proof_terms(), nonce, ts + self.skew_ms);
            params["device"] = serde_json::to_value(proof).unwrap();
            if let Some((member, value)) = self.forge {
                params["device"][member] = value;
            }
        }
        if let Some((pointer, value)) = self.tamper {
            *params.pointer_mut(&pointer).unwrap() = value;
        }
        params
    }
}
