//! Nodes: who is connected in that role and what each may be asked to do (protocol §14.7).
//!
//! A command runs only if the platform may offer it ([`allow`]), the node offers it, and somebody
//! approved it ([`pairing`]).

mod allow;
mod calls;
mod invoke;
mod pairing;
mod view;
mod work;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clawdbot_protocol::{
    ConnectParams, ErrorCode, Generation, NodeFacts, NodePairRequest, RpcError,
};
use clawdbot_store::Store;
use serde_json::json;

use crate::devices::Device;
use crate::devices::pending::Pending;
use crate::hub::ConnId;
use crate::settings::Settings;
use crate::text::plain;

pub(crate) use calls::Calls;

/// Names of one list a node may send.
const MAX_NAMES: usize = 256;

/// The node registry.
pub(crate) struct Nodes {
    store: Store,
    live: Mutex<HashMap<String, Live>>,
    pending: Pending<NodePairRequest>,
    /// One decision at a time.
    turn: tokio::sync::Mutex<()>,
    pub(crate) calls: Calls,
}

/// A node that has said hello.
#[derive(Clone)]
struct Live {
    conn: ConnId,
    facts: NodeFacts,
    since_ms: i64,
}

/// A node at its handshake.
#[derive(Clone)]
pub(crate) struct Arrival {
    facts: NodeFacts,
    at_ms: i64,
}

impl Nodes {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            live: Mutex::default(),
            pending: Pending::default(),
            turn: tokio::sync::Mutex::default(),
            calls: Calls::default(),
        }
    }

    /// Books a node as connected. A second connection of the same node takes over.
    pub(crate) fn join(&self, conn: ConnId, node: &Arrival) {
        let live = Live { conn, facts: node.facts.clone(), since_ms: node.at_ms };
        self.lock().insert(node.facts.node_id.clone(), live);
    }

    /// Books that a connection has ended. Whoever waits for its answers is told.
    pub(crate) fn leave(&self, conn: ConnId) {
        self.lock().retain(|_, live| live.conn != conn);
        self.calls.abandon(conn);
    }

    /// The connection to send `command` to, or why there is none.
    pub(crate) async fn route(
        &self,
        settings: &Settings,
        node_id: &str,
        command: &str,
        generation: Generation,
    ) -> Result<ConnId, RpcError> {
        let approved = self.record(node_id).await?.map(|record| record.facts.commands);
        let live = self.lock().get(node_id).cloned();
        let (Some(approved), Some(live)) = (&approved, live) else {
            return Err(match (generation, approved) {
                (Generation::V4, None) => pairing_changed(),
                _ => not_connected(),
            });
        };
        let platform = live.facts.platform.as_deref().unwrap_or("unknown");
        let family = live.facts.device_family.as_deref();
        let declared = &live.facts.commands;
        let refuse = |reason: &str, words: String| {
            let message = match generation {
                Generation::V3 => "node command not allowed".to_owned(),
                Generation::V4 => format!("node command not allowed: {words}"),
            };
            let details = json!({"reason": reason, "command": command});
            Err(RpcError::invalid(message).with_details(details))
        };
        if !allow::allows(&settings.config().gateway.nodes, platform, family, command) {
            let words =
                format!("\"{command}\" is not in the allowlist for platform \"{platform}\"");
            return refuse("command not allowlisted", words);
        }
        if declared.is_empty() {
            let words = "the node did not declare any supported commands".to_owned();
            return refuse("node did not declare commands", words);
        }
        if !declared.iter().any(|known| known == command) {
            let words = format!("the node (platform: {platform}) does not support \"{command}\"");
            return refuse("command not declared by node", words);
        }
        if !approved.iter().any(|known| known == command) {
            let words = format!("\"{command}\" waits for approval (node.pair.approve)");
            return refuse("command not approved", words);
        }
        Ok(live.conn)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a node says about itself, with platform and device family as they were approved (DEV-03).
pub(crate) fn facts(
    params: &ConnectParams,
    device: &Device,
    remote_ip: Option<String>,
) -> NodeFacts {
    let client = &params.client;
    let name = |text: &str| Some(plain(text)).filter(|text| !text.is_empty());
    NodeFacts {
        node_id: device.device_id.clone(),
        client_id: Some(client.id.clone()),
        client_mode: Some(client.mode.clone()),
        display_name: client.display_name.as_deref().and_then(name),
        platform: Some(device.platform.clone()),
        version: name(&client.version),
        core_version: None,
        ui_version: None,
        device_family: device.device_family.clone(),
        model_identifier: client.model_identifier.as_deref().and_then(name),
        remote_ip,
        caps: names(params.caps.as_deref()),
        commands: names(params.commands.as_deref()),
        permissions: params
            .permissions
            .as_ref()
            .filter(|permissions| !permissions.is_empty() && permissions.len() <= MAX_NAMES)
            .map(|all| all.iter().map(|(name, on)| (plain(name), *on)).collect()),
        path_env: params.path_env.as_deref().filter(|path| path.len() <= 4096).map(str::to_owned),
    }
}

fn names(sent: Option<&[String]>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in sent.unwrap_or_default().iter().map(|name| plain(name)).take(MAX_NAMES) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The refusal for a node that is approved and not there.
fn not_connected() -> RpcError {
    RpcError::unavailable("node not connected").with_details(json!({"code": "NOT_CONNECTED"}))
}

/// The refusal for a node that is not, or no longer, approved (generation 4).
fn pairing_changed() -> RpcError {
    let mut error =
        RpcError::new(ErrorCode::Unavailable, "node pairing changed while invocation was active");
    error.retryable = Some(true);
    error.with_details(json!({"code": "PAIRING_CHANGED"}))
}
