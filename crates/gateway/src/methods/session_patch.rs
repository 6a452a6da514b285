//! `sessions.patch` (protocol §14.2).

use clawdbot_protocol::{RpcError, SessionKey, SessionsPatchParams};
use clawdbot_store::{Session, SessionChange};
use serde_json::{Map, Value, json};

use super::resolve_known;
use crate::error::store_error;
use crate::exec::Policy;
use crate::router::{Ctx, Reply};

pub(super) async fn patch(ctx: Ctx, params: SessionsPatchParams) -> Result<Reply, RpcError> {
    let key = resolve_known(&ctx, &params.key)?;
    let mut fields = Map::new();
    if let Some(model) = &params.model {
        set_model(&ctx, &mut fields, model.as_deref())?;
    }
    if let Some(level) = &params.thinking_level {
        set_thinking(&mut fields, level.as_deref())?;
    }
    for (name, value, allowed) in choices(&params) {
        set_choice(&mut fields, name, value, allowed)?;
    }
    narrows_only(&ctx, &key, &fields).await?;
    for (name, value) in [
        ("execNode", &params.exec_node),
        ("icon", &params.icon),
        ("color", &params.color),
        ("category", &params.category),
    ] {
        set_text(&mut fields, name, value)?;
    }
    set_spawner(&ctx, &key, &mut fields, &params.spawned_by).await?;
    for (name, flag) in
        [("pinned", params.pinned), ("archived", params.archived), ("unread", params.unread)]
    {
        if let Some(flag) = flag {
            fields.insert(name.to_owned(), json!(flag));
        }
    }
    let label = match params.label {
        Some(Some(label)) if label.trim().is_empty() => {
            return Err(RpcError::invalid("invalid label: must not be blank"));
        }
        Some(Some(label)) => Some(label.trim().to_owned()),
        Some(None) => {
            fields.insert("label".to_owned(), Value::Null);
            None
        }
        None => None,
    };
    let session = put(&ctx, &key, fields, label).await?;
    let answer = json!({
        "ok": true,
        "path": ctx.gateway.database(),
        "key": key,
        "entry": ctx.gateway.session_entry(&session),
        "resolved": ctx.gateway.resolved_model(&session),
    });
    let gateway = ctx.gateway.clone();
    Ok(Reply::ok(&answer)?.then(move || gateway.announce_change(&session, "patch")))
}

/// Changes a session, creating it when it is missing.
pub(super) async fn put(
    ctx: &Ctx,
    key: &SessionKey,
    fields: Map<String, Value>,
    label: Option<String>,
) -> Result<Session, RpcError> {
    let change = SessionChange {
        create: true,
        fields,
        agent_id: Some(key.agent(&ctx.gateway.settings().keys).to_owned()),
        touch_ms: Some(ctx.gateway.now_ms()),
        unique_label: label,
    };
    ctx.gateway.store.put_session(key.as_str(), change).await.map_err(store_error)
}

pub(super) fn set_model(
    ctx: &Ctx,
    fields: &mut Map<String, Value>,
    model: Option<&str>,
) -> Result<(), RpcError> {
    let Some(text) = model else {
        fields.insert("providerOverride".into(), Value::Null);
        fields.insert("modelOverride".into(), Value::Null);
        return Ok(());
    };
    let invalid = |error: &dyn std::fmt::Display| RpcError::invalid(error.to_string());
    let reference: clawdbot_agent::ModelRef = text.parse().map_err(|error| {
        let error: clawdbot_agent::InvalidModelRef = error;
        invalid(&error)
    })?;
    ctx.gateway.model(&reference).map_err(|error| invalid(&error))?;
    fields.insert("providerOverride".into(), json!(reference.provider));
    fields.insert("modelOverride".into(), json!(reference.id));
    Ok(())
}

pub(super) fn set_thinking(
    fields: &mut Map<String, Value>,
    level: Option<&str>,
) -> Result<(), RpcError> {
    if let Some(level) = level {
        level
            .parse::<clawdbot_agent::ThinkingLevel>()
            .map_err(|error| RpcError::invalid(error.to_string()))?;
    }
    fields.insert("thinkingLevel".into(), json!(level));
    Ok(())
}

/// Members with a few possible values.
type Choice<'a> = (&'static str, &'a Option<Option<String>>, &'static [&'static str]);

fn choices(params: &SessionsPatchParams) -> [Choice<'_>; 9] {
    [
        ("verboseLevel", &params.verbose_level, &["on", "off", "full"]),
        ("reasoningLevel", &params.reasoning_level, &["on", "off", "stream"]),
        ("responseUsage", &params.response_usage, &["off", "tokens", "full"]),
        ("elevatedLevel", &params.elevated_level, &["on", "off", "ask", "full"]),
        ("execHost", &params.exec_host, &["sandbox", "gateway", "node"]),
        ("execSecurity", &params.exec_security, &["deny", "allowlist", "full"]),
        ("execAsk", &params.exec_ask, &["off", "on-miss", "always"]),
        ("sendPolicy", &params.send_policy, &["allow", "deny"]),
        ("groupActivation", &params.group_activation, &["mention", "always"]),
    ]
}

fn set_choice(
    fields: &mut Map<String, Value>,
    name: &str,
    value: &Option<Option<String>>,
    allowed: &[&str],
) -> Result<(), RpcError> {
    let Some(value) = value else { return Ok(()) };
    if value.as_deref().is_some_and(|value| !allowed.contains(&value)) {
        let allowed: Vec<String> = allowed.iter().map(|word| format!("\"{word}\"")).collect();
        return Err(RpcError::invalid(format!("invalid {name} (use {})", allowed.join("|"))));
    }
    fields.insert(name.to_owned(), json!(value));
    Ok(())
}

fn set_text(
    fields: &mut Map<String, Value>,
    name: &str,
    value: &Option<Option<String>>,
) -> Result<(), RpcError> {
    let Some(value) = value else { return Ok(()) };
    let value = value.as_deref().map(str::trim);
    if value == Some("") {
        return Err(RpcError::invalid(format!("invalid {name}: empty")));
    }
    fields.insert(name.to_owned(), json!(value));
    Ok(())
}

/// A conversation may ask for stricter rules than the gateway's, never for looser ones: those are
/// `exec.approvals.set`'s business, which takes an administrator (SCP-03).
async fn narrows_only(
    ctx: &Ctx,
    key: &SessionKey,
    fields: &Map<String, Value>,
) -> Result<(), RpcError> {
    if !fields.contains_key("execSecurity") && !fields.contains_key("execAsk") {
        return Ok(());
    }
    let settings = ctx.gateway.settings();
    let kept = ctx.gateway.exec.read().await;
    let agent = key.agent(&settings.keys);
    let policy = Policy::of(&kept, &settings.exec(agent), Some(agent));
    match policy.wider(fields) {
        None => Ok(()),
        Some(name) => Err(RpcError::invalid(format!(
            "{name} {} would allow more than the exec approvals of this gateway; change those with \
             exec.approvals.set",
            fields[name]
        ))),
    }
}

/// Who started a conversation is said once, and only of a helper's.
async fn set_spawner(
    ctx: &Ctx,
    key: &SessionKey,
    fields: &mut Map<String, Value>,
    value: &Option<Option<String>>,
) -> Result<(), RpcError> {
    let Some(value) = value else { return Ok(()) };
    let session = ctx.gateway.store.session(key.as_str()).await.map_err(store_error)?;
    let before = session.and_then(|session| session.fields.get("spawnedBy").cloned());
    let refused = match value.as_deref().map(str::trim) {
        None if before.is_some() => "spawnedBy cannot be cleared once set",
        None => return Ok(()),
        Some("") => "invalid spawnedBy: empty",
        Some(_) if !key.as_str().contains(":subagent:") => {
            "spawnedBy is only supported for subagent:* sessions"
        }
        Some(spawner) if before.as_ref().is_some_and(|before| before != spawner) => {
            "spawnedBy cannot be changed once set"
        }
        Some(spawner) => {
            fields.insert("spawnedBy".into(), json!(spawner));
            return Ok(());
        }
    };
    Err(RpcError::invalid(refused))
}
