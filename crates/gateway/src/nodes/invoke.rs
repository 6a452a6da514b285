//! Asking a node to do something.

use std::time::{Duration, Instant};

use clawdbot_protocol::{Generation, NodeError, NodeInvokeParams, NodeInvoked, RpcError};
use serde_json::{Map, json};
use sha2::{Digest as _, Sha256};

use super::calls::Claim;
use super::not_connected;
use crate::hub::ConnId;
use crate::shared::Shared;

const DEFAULT_TIMEOUT_MS: u64 = 30_000;
const MAX_TIMEOUT_MS: u64 = 3_600_000;

impl Shared {
    /// Asks a node, once per idempotency key, and waits for what comes of it.
    pub(crate) async fn invoke_node(
        &self,
        params: &NodeInvokeParams,
        generation: Generation,
    ) -> Result<NodeInvoked, RpcError> {
        let begun = Instant::now();
        let (nodes, node_id) = (&self.nodes, &params.node_id);
        let conn = nodes.route(&self.settings(), node_id, &params.command, generation).await?;
        let body = fingerprint(params);
        let key = &params.idempotency_key;
        match nodes.calls.claim(node_id, key, body, self.now_ms())? {
            Claim::Mine(teller) => {
                let outcome = call(self, conn, params, begun).await;
                nodes.calls.settle(node_id, key, &teller, &outcome, self.now_ms());
                outcome
            }
            Claim::Theirs(mut outcome) => {
                let told = outcome.wait_for(Option::is_some).await;
                told.ok()
                    .and_then(|outcome| outcome.clone())
                    .unwrap_or_else(|| Err(not_connected()))
            }
        }
    }
}

/// Asks the node and waits for its answer.
async fn call(
    gateway: &Shared,
    conn: ConnId,
    params: &NodeInvokeParams,
    begun: Instant,
) -> Result<NodeInvoked, RpcError> {
    let id = uuid::Uuid::new_v4().to_string();
    let answer = gateway.nodes.calls.open(&id, conn)?;
    let asked = params.timeout_ms.filter(|ms| *ms > 0).unwrap_or(DEFAULT_TIMEOUT_MS);
    let timeout = Duration::from_millis(asked.min(MAX_TIMEOUT_MS)).saturating_sub(begun.elapsed());
    let mut request = Map::new();
    request.insert("id".into(), json!(id));
    request.insert("nodeId".into(), json!(params.node_id));
    request.insert("command".into(), json!(params.command));
    if let Some(params) = &params.params {
        request.insert("paramsJSON".into(), json!(params.to_string()));
    }
    request.insert("timeoutMs".into(), json!(timeout.as_millis()));
    request.insert("idempotencyKey".into(), json!(params.idempotency_key));
    if gateway.hub.tell_nodes(Some(conn), "node.invoke.request", &request) == 0 {
        return Err(not_connected());
    }
    let result = match tokio::time::timeout(timeout, answer).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => return Err(not_connected()),
        Err(_) => {
            return Err(node_failed(NodeError {
                code: Some("TIMEOUT".to_owned()),
                message: Some("node invoke timed out".to_owned()),
            }));
        }
    };
    if !result.ok {
        return Err(node_failed(result.error.unwrap_or_default()));
    }
    let text = result.payload_json;
    let parsed = text.as_deref().map(serde_json::from_str).transpose();
    let payload = result.payload.or(parsed.unwrap_or_default()).unwrap_or_default();
    Ok(NodeInvoked {
        ok: true,
        node_id: params.node_id.clone(),
        command: params.command.clone(),
        payload,
        payload_json: text,
    })
}

fn node_failed(error: NodeError) -> RpcError {
    let message = error.message.clone().filter(|message| !message.is_empty());
    RpcError::unavailable(message.unwrap_or_else(|| "node invoke failed".to_owned()))
        .with_details(json!({"nodeError": error}))
}

fn fingerprint(params: &NodeInvokeParams) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(params.command.as_bytes());
    hash.update([0]);
    if let Some(params) = &params.params {
        hash.update(params.to_string().as_bytes());
    }
    hash.finalize().into()
}
