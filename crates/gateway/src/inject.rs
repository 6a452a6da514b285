//! Messages of the assistant that no run wrote.

use std::sync::Arc;

use clawdbot_protocol::{RpcError, Scope, SessionKey};
use clawdbot_store::{Session, Stored};
use serde_json::json;

use crate::error::store_error;
use crate::hub::{Audience, Broadcast};
use crate::shared::Shared;
use crate::transcript;

impl Shared {
    /// Puts `text` into a conversation, which is created when missing, and tells everybody.
    pub(crate) async fn inject(
        self: &Arc<Self>,
        key: &SessionKey,
        text: &str,
    ) -> Result<(), RpcError> {
        let row = transcript::injected_row(text, self.now_ms(), None)?;
        let stored = self.store.append(key.as_str(), row).await.map_err(store_error)?;
        if let Some(session) = self.store.session(key.as_str()).await.map_err(store_error)? {
            self.announce_injected(key, &session, &stored, text);
        }
        Ok(())
    }

    /// The events of an injected message.
    pub(crate) fn announce_injected(
        &self,
        key: &SessionKey,
        session: &Session,
        stored: &Stored,
        text: &str,
    ) {
        let event = Broadcast { audience: Audience::Scope(Scope::Read), ..Broadcast::new("chat") };
        self.hub.publish(&event, |_| {
            json!({
                "runId": format!("inject-{}", stored.id),
                "sessionKey": key,
                "seq": 0,
                "state": "final",
                "message": {
                    "role": "assistant",
                    "content": [{"type": "text", "text": text}],
                    "timestamp": stored.ts_ms,
                },
            })
        });
        self.announce_row(key, session, stored);
    }
}
