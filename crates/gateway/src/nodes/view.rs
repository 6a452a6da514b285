//! Nodes as `node.list` shows them.

use clawdbot_protocol::{Generation, NodeDescription, NodeList, NodeView, RpcError};

use super::pairing::Record;
use super::{Live, Nodes};

impl Nodes {
    /// Every approved node, connected ones first, then by name.
    pub(crate) async fn list(
        &self,
        generation: Generation,
        now_ms: i64,
    ) -> Result<NodeList, RpcError> {
        let records = self.records().await?;
        let mut nodes: Vec<NodeView> =
            records.into_iter().map(|record| self.view(record, generation, now_ms)).collect();
        nodes.sort_by_cached_key(|node| {
            let name = node.facts.display_name.as_ref().unwrap_or(&node.facts.node_id);
            (!node.connected, name.to_lowercase())
        });
        Ok(NodeList { ts: now_ms, nodes })
    }

    /// One approved node.
    pub(crate) async fn describe(
        &self,
        node_id: &str,
        generation: Generation,
        now_ms: i64,
    ) -> Result<NodeDescription, RpcError> {
        let record = self.record(node_id).await?;
        let record = record.ok_or_else(|| RpcError::invalid("unknown nodeId"))?;
        Ok(NodeDescription { ts: now_ms, node: self.view(record, generation, now_ms) })
    }

    fn view(&self, record: Record, generation: Generation, now_ms: i64) -> NodeView {
        let live = self.lock().get(&record.facts.node_id).cloned();
        let v4 = generation == Generation::V4;
        let seen = record.last_seen_at_ms.filter(|_| v4);
        let state = if self.asks(&record.facts.node_id, now_ms) { "pending" } else { "approved" };
        let mut view = NodeView {
            session_host: v4.then_some(false),
            node_plugin_tools: v4.then(Vec::new),
            approval_state: v4.then(|| state.to_owned()),
            connected_at_ms: live.as_ref().map(|live| live.since_ms),
            last_connected_at_ms: seen,
            last_seen_at_ms: seen,
            last_seen_reason: seen.map(|_| "connect".to_owned()),
            approved_at_ms: v4.then_some(record.approved_at_ms),
            paired: true,
            connected: live.is_some(),
            facts: record.facts,
        };
        if let Some(Live { facts, .. }) = live {
            let approved = std::mem::take(&mut view.facts.commands);
            let name = view.facts.display_name.take();
            view.facts = facts;
            view.facts.commands.retain(|command| approved.contains(command));
            view.facts.display_name = name.or(view.facts.display_name);
        }
        view.facts.commands.sort();
        if !v4 {
            view.facts.client_id = None;
            view.facts.client_mode = None;
        }
        view
    }
}
