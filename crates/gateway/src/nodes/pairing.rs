//! The second approval: what a node may be asked to do (protocol §9).

use std::sync::Arc;

use clawdbot_protocol::{
    Generation, NodeApproved, NodeFacts, NodePairList, NodePairOpened, NodePairRequest,
    NodeRejected, NodeVerified, PairedNode, Role, RpcError, Scope,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Arrival, Nodes, allow};
use crate::devices::{new_token, token};
use crate::digest::digest;
use crate::error::store_error;
use crate::hub::Hub;
use crate::router::{Peer, missing_scope};
use crate::shared::Shared;
use crate::text::plain;

const KIND: &str = "node";
/// Nodes that have asked once: the older generation is no way around the answer.
const ASKED: &str = "node-asked";

/// A node whose commands were allowed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    #[serde(flatten)]
    pub(super) facts: NodeFacts,
    /// Of the secret that generation 3 gave away with the approval.
    token_digest: Option<String>,
    pub(super) created_at_ms: i64,
    pub(super) approved_at_ms: i64,
    pub(super) last_seen_at_ms: Option<i64>,
}

impl Record {
    fn covers(&self, facts: &NodeFacts) -> bool {
        facts.commands.iter().all(|command| self.facts.commands.contains(command))
            && facts.caps.iter().all(|cap| self.facts.caps.contains(cap))
    }

    fn view(&self) -> PairedNode {
        PairedNode {
            facts: self.facts.clone(),
            token: None,
            created_at_ms: self.created_at_ms,
            approved_at_ms: self.approved_at_ms,
            last_seen_at_ms: self.last_seen_at_ms,
            last_seen_reason: self.last_seen_at_ms.map(|_| "connect".to_owned()),
        }
    }
}

impl Nodes {
    /// Looks at what a node offers at its handshake. What nobody has approved yet becomes a
    /// request; the first offer of a generation 3 node was approved together with its device,
    /// because that generation has no second approval.
    pub(crate) async fn arrive(
        &self,
        shared: &Arc<Shared>,
        mut facts: NodeFacts,
        generation: Generation,
        silent: bool,
    ) -> Result<Arrival, RpcError> {
        let _turn = self.turn.lock().await;
        let now_ms = shared.now_ms();
        self.filter(shared, &mut facts);
        let known = self.record(&facts.node_id).await?;
        let asked = self.store.get_doc(ASKED, &facts.node_id).await.map_err(store_error)?;
        match known {
            None if generation == Generation::V3 && asked.is_none() => {
                self.save(&record(facts.clone(), None, Some(now_ms), now_ms)).await?;
            }
            Some(mut known) => {
                let is_new = !known.covers(&facts);
                known.last_seen_at_ms = Some(now_ms);
                known.facts.version.clone_from(&facts.version);
                self.save(&known).await?;
                if is_new {
                    self.ask(&shared.hub, facts.clone(), silent, true, now_ms);
                }
            }
            None => {
                let id = &facts.node_id;
                self.store.put_doc(ASKED, id, &json!({})).await.map_err(store_error)?;
                self.ask(&shared.hub, facts.clone(), silent, false, now_ms);
            }
        }
        Ok(Arrival { facts, at_ms: now_ms })
    }

    /// `node.pair.request`: somebody asks on a node's behalf (generation 3).
    pub(crate) async fn request(
        &self,
        shared: &Arc<Shared>,
        mut facts: NodeFacts,
        silent: bool,
    ) -> Result<NodePairOpened, RpcError> {
        let _turn = self.turn.lock().await;
        let shown = |text: &mut Option<String>| *text = text.as_deref().map(plain);
        for text in [
            &mut facts.display_name,
            &mut facts.platform,
            &mut facts.version,
            &mut facts.core_version,
            &mut facts.ui_version,
            &mut facts.device_family,
            &mut facts.model_identifier,
            &mut facts.remote_ip,
        ] {
            shown(text);
        }
        facts.caps = super::names(Some(&facts.caps));
        facts.commands = super::names(Some(&facts.commands));
        self.filter(shared, &mut facts);
        let is_repair = self.record(&facts.node_id).await?.is_some();
        let (request, created) = self.ask(&shared.hub, facts, silent, is_repair, shared.now_ms());
        Ok(NodePairOpened { status: "pending".to_owned(), request, created })
    }

    /// Requests that wait and nodes that were approved.
    pub(crate) async fn pairings(&self, now_ms: i64) -> Result<NodePairList, RpcError> {
        let paired = self.records().await?.iter().map(Record::view).collect();
        Ok(NodePairList { pending: self.pending.list(now_ms), paired })
    }

    /// Allows what a request names, if the approver holds what that takes.
    pub(crate) async fn approve(
        &self,
        hub: &Hub,
        approver: &Peer,
        request_id: &str,
        now_ms: i64,
    ) -> Result<NodeApproved, RpcError> {
        let _turn = self.turn.lock().await;
        let request = self.pending.get(request_id, now_ms).ok_or_else(unknown_request)?;
        for scope in required(&request.facts.commands) {
            if !approver.scopes.allow(*scope) {
                return Err(missing_scope(approver, *scope));
            }
        }
        let known = self.record(&request.facts.node_id).await?;
        let live = self.lock().get(&request.facts.node_id).map(|live| live.since_ms);
        // Only a node that has been here says which client it is.
        let seen = live.or_else(|| request.facts.client_id.as_ref().map(|_| request.ts));
        let mut record = record(request.facts.clone(), known, seen, now_ms);
        let token = (approver.generation == Generation::V3).then(new_token);
        if let Some(token) = &token {
            record.token_digest = Some(digest(token));
        }
        self.save(&record).await?;
        self.pending.close(&record.facts.node_id);
        resolved(hub, &request, "approved", now_ms);
        let node = PairedNode { token, ..record.view() };
        Ok(NodeApproved { request_id: request.request_id, node })
    }

    /// Refuses a request.
    pub(crate) async fn reject(
        &self,
        hub: &Hub,
        request_id: &str,
        now_ms: i64,
    ) -> Result<NodeRejected, RpcError> {
        let _turn = self.turn.lock().await;
        let request = self.pending.get(request_id, now_ms).ok_or_else(unknown_request)?;
        self.pending.close(&request.facts.node_id);
        resolved(hub, &request, "rejected", now_ms);
        Ok(NodeRejected { request_id: request.request_id, node_id: request.facts.node_id })
    }

    /// Whether the secret is the one that the approval gave away (generation 3).
    pub(crate) async fn verify(
        &self,
        node_id: &str,
        secret: &str,
    ) -> Result<NodeVerified, RpcError> {
        let known = self.record(node_id).await?.filter(|record| {
            let digest = digest(secret);
            record.token_digest.as_deref().is_some_and(|known| token::same(known, &digest))
        });
        Ok(NodeVerified { ok: known.is_some(), node: known.as_ref().map(Record::view) })
    }

    /// Forgets a node and takes the role from its device.
    pub(crate) async fn remove(&self, shared: &Shared, node_id: &str) -> Result<(), RpcError> {
        if !self.forget(node_id).await? {
            return Err(RpcError::invalid("unknown nodeId"));
        }
        shared.devices.remove_role(&shared.hub, node_id, Role::Node).await
    }

    /// Forgets what a node was allowed; says whether there was anything.
    pub(crate) async fn forget(&self, node_id: &str) -> Result<bool, RpcError> {
        let _turn = self.turn.lock().await;
        self.pending.close(node_id);
        self.store.delete_doc(super::work::KIND, node_id).await.map_err(store_error)?;
        self.store.delete_doc(KIND, node_id).await.map_err(store_error)
    }

    /// Gives a node another name.
    pub(crate) async fn rename(&self, node_id: &str, name: &str) -> Result<String, RpcError> {
        let _turn = self.turn.lock().await;
        let name = plain(name);
        if name.is_empty() {
            return Err(RpcError::invalid("displayName required"));
        }
        let Some(mut record) = self.record(node_id).await? else {
            return Err(RpcError::invalid("unknown nodeId"));
        };
        record.facts.display_name = Some(name.clone());
        self.save(&record).await?;
        Ok(name)
    }

    /// The approved node with this id.
    pub(super) async fn record(&self, node_id: &str) -> Result<Option<Record>, RpcError> {
        let body = self.store.get_doc(KIND, node_id).await.map_err(store_error)?;
        Ok(body.and_then(|body| serde_json::from_value(body).ok()))
    }

    /// Every approved node.
    pub(super) async fn records(&self) -> Result<Vec<Record>, RpcError> {
        let docs = self.store.list_docs(KIND).await.map_err(store_error)?;
        Ok(docs.into_iter().filter_map(|(_, body)| serde_json::from_value(body).ok()).collect())
    }

    /// Whether the node asks for more than it was allowed.
    pub(super) fn asks(&self, node_id: &str, now_ms: i64) -> bool {
        self.pending.of(node_id, now_ms).is_some()
    }

    fn ask(
        &self,
        hub: &Hub,
        facts: NodeFacts,
        silent: bool,
        is_repair: bool,
        now_ms: i64,
    ) -> (NodePairRequest, bool) {
        let scopes = required(&facts.commands);
        let request = NodePairRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            required_approve_scopes: scopes.iter().map(|s| s.as_str().to_owned()).collect(),
            facts,
            silent,
            is_repair,
            ts: now_ms,
        };
        let opened = self.pending.open(request, now_ms);
        if let Some(old) = &opened.superseded {
            resolved(hub, old, "rejected", now_ms);
        }
        if opened.new {
            hub.publish_pairing("node.pair.requested", Generation::V3, &opened.request);
        }
        (opened.request, opened.new)
    }

    /// Leaves only commands that the platform may offer.
    fn filter(&self, shared: &Shared, facts: &mut NodeFacts) {
        let settings = shared.settings();
        let config = &settings.config().gateway.nodes;
        let platform = facts.platform.clone().unwrap_or_default();
        let family = facts.device_family.clone();
        facts.commands.retain(|name| allow::allows(config, &platform, family.as_deref(), name));
    }

    async fn save(&self, record: &Record) -> Result<(), RpcError> {
        let body = serde_json::to_value(record)
            .map_err(|error| RpcError::unavailable(format!("cannot store the node: {error}")))?;
        self.store.put_doc(KIND, &record.facts.node_id, &body).await.map_err(store_error)
    }
}

/// The record of an approval; a name that somebody gave the node before stays.
fn record(
    mut facts: NodeFacts,
    known: Option<Record>,
    seen_at_ms: Option<i64>,
    now_ms: i64,
) -> Record {
    let mut created_at_ms = now_ms;
    let mut last_seen_at_ms = seen_at_ms;
    let mut token_digest = None;
    if let Some(known) = known {
        facts.display_name = known.facts.display_name.or(facts.display_name);
        created_at_ms = known.created_at_ms;
        last_seen_at_ms = last_seen_at_ms.or(known.last_seen_at_ms);
        token_digest = known.token_digest;
    }
    Record { facts, token_digest, created_at_ms, approved_at_ms: now_ms, last_seen_at_ms }
}

/// What approving these commands takes.
fn required(commands: &[String]) -> &'static [Scope] {
    let runs_programs = |name: &String| {
        let name = name.as_str();
        matches!(name, "system.run" | "system.which" | "browser.proxy")
            || name.starts_with("system.run.")
            || name.starts_with("system.execApprovals.")
    };
    if commands.iter().any(runs_programs) {
        &[Scope::Pairing, Scope::Admin]
    } else if commands.is_empty() {
        &[Scope::Pairing]
    } else {
        &[Scope::Pairing, Scope::Write]
    }
}

fn resolved(hub: &Hub, request: &NodePairRequest, decision: &str, now_ms: i64) {
    let payload = json!({
        "requestId": request.request_id,
        "nodeId": request.facts.node_id,
        "decision": decision,
        "ts": now_ms,
    });
    hub.publish_pairing("node.pair.resolved", Generation::V3, &payload);
}

fn unknown_request() -> RpcError {
    RpcError::invalid("unknown requestId")
}
