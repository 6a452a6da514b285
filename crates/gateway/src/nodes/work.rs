//! What waits for nodes that sleep. It is on disk before it is acknowledged, and one request of a kind
//! waits at a time: a newer one takes its place.

use clawdbot_protocol::{
    NodeAcked, NodeEnqueueParams, NodeEnqueued, NodePending, NodeWork, RpcError,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Nodes;
use crate::error::store_error;

/// Kind of the documents: one queue for each node.
pub(super) const KIND: &str = "node-work";
/// How long a request waits when nobody says.
const DAY_MS: i64 = 86_400_000;
/// Items handed out at once when nobody says.
const DEFAULT_ITEMS: u32 = 10;

#[derive(Default, Serialize, Deserialize)]
struct Queue {
    revision: u64,
    items: Vec<NodeWork>,
}

impl Queue {
    /// The most urgent ones, and whether there are others.
    fn first(&self, max_items: Option<u32>) -> (Vec<NodeWork>, bool) {
        let mut items = self.items.clone();
        items.sort_by_key(|item| (item.priority, item.created_at_ms));
        let max = max_items.unwrap_or(DEFAULT_ITEMS) as usize;
        let has_more = items.len() > max;
        items.truncate(max);
        (items, has_more)
    }
}

impl Nodes {
    /// Puts a request into a node's queue.
    pub(crate) async fn enqueue(
        &self,
        params: NodeEnqueueParams,
        now_ms: i64,
    ) -> Result<NodeEnqueued, RpcError> {
        let _turn = self.turn.lock().await;
        let NodeEnqueueParams { node_id, kind, priority, expires_in_ms, wake: _ } = params;
        if self.record(&node_id).await?.is_none() {
            return Err(RpcError::invalid("unknown nodeId"));
        }
        let queued = NodeWork {
            id: uuid::Uuid::new_v4().to_string(),
            kind,
            priority: priority.unwrap_or_default(),
            created_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(expires_in_ms.unwrap_or(DAY_MS)),
        };
        let mut queue = self.queue(&node_id, now_ms).await?;
        queue.items.retain(|item| item.kind != kind);
        queue.items.push(queued.clone());
        let revision = self.keep(&node_id, &mut queue).await?;
        Ok(NodeEnqueued { node_id, revision, queued, wake_triggered: false })
    }

    /// What waits for a node; `take` removes it from the queue.
    pub(crate) async fn waiting(
        &self,
        node_id: &str,
        max_items: Option<u32>,
        take: bool,
        now_ms: i64,
    ) -> Result<NodePending, RpcError> {
        let _turn = self.turn.lock().await;
        let mut queue = self.queue(node_id, now_ms).await?;
        let (items, has_more) = queue.first(max_items);
        if take && !items.is_empty() {
            queue.items.retain(|item| !items.contains(item));
            self.keep(node_id, &mut queue).await?;
        }
        Ok(NodePending { node_id: node_id.to_owned(), revision: queue.revision, items, has_more })
    }

    /// Removes what a node has done.
    pub(crate) async fn acknowledge(
        &self,
        node_id: &str,
        ids: &[String],
        now_ms: i64,
    ) -> Result<NodeAcked, RpcError> {
        let _turn = self.turn.lock().await;
        let mut queue = self.queue(node_id, now_ms).await?;
        let (done, rest): (Vec<_>, Vec<_>) =
            queue.items.into_iter().partition(|item| ids.contains(&item.id));
        queue.items = rest;
        if !done.is_empty() {
            self.keep(node_id, &mut queue).await?;
        }
        Ok(NodeAcked {
            node_id: node_id.to_owned(),
            revision: queue.revision,
            acked_ids: done.into_iter().map(|item| item.id).collect(),
            remaining_count: queue.items.len(),
        })
    }

    async fn queue(&self, node_id: &str, now_ms: i64) -> Result<Queue, RpcError> {
        let body = self.store.get_doc(KIND, node_id).await.map_err(store_error)?;
        let mut queue: Queue =
            body.and_then(|body| serde_json::from_value(body).ok()).unwrap_or_default();
        queue.items.retain(|item| item.expires_at_ms > now_ms);
        Ok(queue)
    }

    async fn keep(&self, node_id: &str, queue: &mut Queue) -> Result<u64, RpcError> {
        queue.revision += 1;
        self.store.put_doc(KIND, node_id, &json!(queue)).await.map_err(store_error)?;
        Ok(queue.revision)
    }
}
