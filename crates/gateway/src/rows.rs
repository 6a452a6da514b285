//! How sessions and messages look on the wire (protocol §13.9, §14.2).

use clawdbot_agent::ModelRef;
use clawdbot_protocol::{RpcError, SessionKey};
use clawdbot_store::{Session, SessionListed, Stored};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::shared::Shared;

/// Longest text of a preview or derived title, in characters.
const PREVIEW_CHARS: usize = 160;
const TITLE_CHARS: usize = 60;
/// What stands in for a row that is too long.
const OMITTED: &str = "[chat.history omitted: message too large]";

/// A stored message as clients see it: its body with `__openclaw` added.
pub(crate) fn message(stored: &Stored) -> Result<Box<RawValue>, RpcError> {
    let body = stored.body.get();
    splice(body, &metadata(stored))
}

/// The same, with the content left out when its text is longer than `max_chars`.
pub(crate) fn message_within(stored: &Stored, max_chars: usize) -> Result<Box<RawValue>, RpcError> {
    if stored.text.len() <= max_chars || stored.text.chars().nth(max_chars).is_none() {
        return message(stored);
    }
    let mut body: Map<String, Value> = serde_json::from_str(stored.body.get()).unwrap_or_default();
    body.insert("content".into(), json!([{"type": "text", "text": OMITTED}]));
    let mut meta = metadata(stored);
    meta.insert("truncated".into(), json!(true));
    let body = serde_json::to_string(&body).map_err(encoding)?;
    splice(&body, &meta)
}

fn metadata(stored: &Stored) -> Map<String, Value> {
    let mut meta = stored.meta.clone();
    meta.insert("id".into(), json!(stored.id));
    meta.insert("seq".into(), json!(stored.seq));
    meta.insert("recordTimestampMs".into(), json!(stored.ts_ms));
    if let Some(run_id) = &stored.run_id {
        meta.insert("runId".into(), json!(run_id));
    }
    if let Some(key) = &stored.idempotency_key {
        meta.insert("idempotencyKey".into(), json!(key));
    }
    meta
}

/// Bodies are JSON objects written by this gateway; adding a member needs no parsing.
fn splice(body: &str, meta: &Map<String, Value>) -> Result<Box<RawValue>, RpcError> {
    let meta = serde_json::to_string(meta).map_err(encoding)?;
    let open = body.trim_end().strip_suffix('}').unwrap_or("{");
    let comma = if open.trim_end().ends_with('{') { "" } else { "," };
    RawValue::from_string(format!(r#"{open}{comma}"__openclaw":{meta}}}"#)).map_err(encoding)
}

fn encoding(error: serde_json::Error) -> RpcError {
    RpcError::unavailable(format!("a stored message cannot be shown: {error}"))
}

impl Shared {
    /// The model a session uses: its own, its agent's, or the default.
    pub(crate) fn model_of(&self, session: Option<&Session>, agent_id: &str) -> ModelRef {
        let own = session.and_then(|session| {
            let provider = session.fields.get("providerOverride")?.as_str()?;
            let model = session.fields.get("modelOverride")?.as_str()?;
            Some(ModelRef::new(provider, model))
        });
        let settings = self.settings();
        let agents = || settings.agents.get(agent_id)?.model.as_deref()?.parse().ok();
        own.or_else(agents).unwrap_or_else(|| settings.catalog.default_model())
    }

    /// The `defaults` member of `sessions.list` and `chat.history`.
    pub(crate) fn session_defaults(&self) -> Value {
        let model = self.settings().catalog.default_model();
        json!({
            "modelProvider": model.provider,
            "model": model.id,
            "contextTokens": self.context_tokens(&model),
        })
    }

    pub(crate) fn context_tokens(&self, model: &ModelRef) -> u64 {
        self.settings().catalog.info(model).map_or(128_000, |info| info.context_window)
    }

    /// A session's row.
    pub(crate) fn session_row(&self, session: &Session) -> Map<String, Value> {
        let rules = &self.settings().keys;
        let key = SessionKey::resolve(&session.key, rules).ok();
        let main =
            key.as_ref().is_some_and(|key| *key == SessionKey::main(&session.agent_id, rules));
        let model = self.model_of(Some(session), &session.agent_id);
        let runs = self.runs.active_in(&session.key);
        let mut row = session.fields.clone();
        row.remove("providerOverride");
        row.remove("modelOverride");
        let mut set = |name: &str, value: Value| row.insert(name.to_owned(), value);
        set("key", json!(session.key));
        set("kind", json!(key.as_ref().map_or("direct", SessionKey::kind)));
        set("chatType", json!("direct"));
        set("agentId", json!(session.agent_id));
        set("sessionId", json!(session.session_id));
        set("isMain", json!(main));
        set("isBackground", json!(false));
        set("classification", json!(if main { "main" } else { "direct" }));
        set("createdAt", json!(session.created_ms));
        set("updatedAt", json!(session.updated_ms));
        set("lastActivityAt", json!(session.updated_ms));
        set("modelProvider", json!(model.provider));
        set("model", json!(model.id));
        set("contextTokens", json!(self.context_tokens(&model)));
        set("hasActiveRun", json!(!runs.is_empty()));
        if !runs.is_empty() {
            set("status", json!("running"));
        }
        set("activeRunIds", json!(runs));
        set("snapshotAt", json!(self.now_ms()));
        for flag in ["archived", "pinned", "unread", "abortedLastRun"] {
            row.entry(flag).or_insert(json!(false));
        }
        if let Some(label) = row.get("label").cloned() {
            row.insert("displayName".into(), label);
        }
        row
    }

    /// The row of a session nobody has used yet.
    pub(crate) fn empty_row(&self, key: &SessionKey) -> Map<String, Value> {
        let rules = &self.settings().keys;
        let agent = key.agent(rules);
        let model = self.model_of(None, agent);
        let Value::Object(row) = json!({
            "key": key,
            "kind": key.kind(),
            "agentId": agent,
            "isMain": *key == SessionKey::main(agent, rules),
            "updatedAt": null,
            "archived": false,
            "pinned": false,
            "unread": false,
            "modelProvider": model.provider,
            "model": model.id,
            "contextTokens": self.context_tokens(&model),
            "hasActiveRun": false,
            "activeRunIds": [],
            "snapshotAt": self.now_ms(),
        }) else {
            return Map::new();
        };
        row
    }

    /// A row of `sessions.list`, with title and preview where asked for.
    pub(crate) fn listed_row(
        &self,
        listed: &SessionListed,
        titles: bool,
        previews: bool,
    ) -> Map<String, Value> {
        let mut row = self.session_row(&listed.session);
        if titles && let Some(text) = &listed.first_user_text {
            row.insert("derivedTitle".into(), json!(shorten(text, TITLE_CHARS)));
        }
        if previews && let Some(text) = &listed.last_message_text {
            row.insert("lastMessagePreview".into(), json!(shorten(text, PREVIEW_CHARS)));
        }
        row
    }

    /// A session's `entry`, as `sessions.patch` and its kin answer it.
    pub(crate) fn session_entry(&self, session: &Session) -> Value {
        let mut entry = session.fields.clone();
        entry.insert("sessionId".into(), json!(session.session_id));
        entry.insert("lifecycleRevision".into(), json!(session.lifecycle_revision));
        entry.insert("createdAt".into(), json!(session.created_ms));
        entry.insert("updatedAt".into(), json!(session.updated_ms));
        Value::Object(entry)
    }

    /// The `resolved` member that goes with it.
    pub(crate) fn resolved_model(&self, session: &Session) -> Value {
        let model = self.model_of(Some(session), &session.agent_id);
        json!({"modelProvider": model.provider, "model": model.id})
    }
}

/// The first `max` characters of `text` on one line.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_added_without_touching_the_body() {
        let meta = Map::from_iter([("seq".to_owned(), json!(3))]);
        let spliced = splice(r#"{"role":"user","content":"a } b"}"#, &meta).unwrap();
        assert_eq!(spliced.get(), r#"{"role":"user","content":"a } b","__openclaw":{"seq":3}}"#);
        assert_eq!(splice("{}", &meta).unwrap().get(), r#"{"__openclaw":{"seq":3}}"#);
    }

    #[test]
    fn shortening_keeps_whole_characters_on_one_line() {
        assert_eq!(shorten("a\n  b", 10), "a b");
        assert_eq!(shorten("éééé", 2), "éé…");
    }
}
