//! `config.get`, `config.set`, `config.apply`, `config.patch`, `config.schema` (protocol §14.5).

use clawdbot_config::{
    EditError, Loaded, json_schema, merge_patch, parse_object, redact, redact_raw,
    restore_redacted, restore_redacted_raw,
};
use clawdbot_protocol::{
    ConfigRestart, ConfigSchema, ConfigSchemaEntry, ConfigSchemaLookupParams, ConfigSentinel,
    ConfigSentinelPayload, ConfigWriteParams, ConfigWritten, Generation, NoParams, RpcError,
};
use serde_json::{Map, Value, json};

use crate::reload::RESTART;
use crate::rewrite::{Base, blocking, rewrite, unusable};
use crate::router::{Ctx, Reply};

pub(super) async fn get(ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    let gateway = ctx.gateway.clone();
    let read = blocking(move || gateway.read_config()).await?;
    let mut answer = Map::new();
    answer.insert("path".into(), json!(ctx.gateway.paths.config));
    let running = ctx.gateway.settings();
    let loaded = match &read {
        Ok(loaded) => {
            answer.insert("valid".into(), json!(true));
            answer.insert("hash".into(), json!(ctx.gateway.config_hash(loaded)));
            answer.insert("issues".into(), json!([]));
            loaded
        }
        // The file is broken: what is wrong with it, and what is in force instead.
        Err(error) => {
            answer.insert("valid".into(), json!(false));
            answer.insert("hash".into(), json!(""));
            answer.insert("issues".into(), json!(error.issues));
            &running.loaded
        }
    };
    let source = redact(loaded.document.source());
    let resolved = redact(&loaded.value);
    let raw = loaded.raw.as_deref().filter(|_| read.is_ok()).map(redact_raw);
    answer.insert("exists".into(), json!(read.is_err() || loaded.exists()));
    answer.insert("raw".into(), json!(raw));
    answer.insert("parsed".into(), source.clone());
    answer.insert("config".into(), resolved.clone());
    answer.insert("warnings".into(), json!(loaded.warnings));
    answer.insert("legacyIssues".into(), json!([]));
    if ctx.peer.generation == Generation::V4 {
        answer.insert("sourceConfig".into(), source);
        answer.insert("resolved".into(), resolved);
        answer.insert("runtimeConfig".into(), redact(&running.loaded.value));
        answer.insert("includedPaths".into(), json!(loaded.included));
    }
    Reply::ok(&answer)
}

pub(super) async fn set(
    ctx: Ctx,
    params: ConfigWriteParams,
) -> Result<Reply<ConfigWritten>, RpcError> {
    write(ctx, params, "config-set", whole).await
}

pub(super) async fn apply(
    ctx: Ctx,
    params: ConfigWriteParams,
) -> Result<Reply<ConfigWritten>, RpcError> {
    write(ctx, params, "config-apply", whole).await
}

pub(super) async fn patch(
    ctx: Ctx,
    params: ConfigWriteParams,
) -> Result<Reply<ConfigWritten>, RpcError> {
    write(ctx, params, "config-patch", patched).await
}

/// The new text of a document: `raw` with the secrets it was shown without.
fn whole(raw: &str, now: &Loaded) -> Result<String, RpcError> {
    restore_redacted_raw(raw, now.raw.as_deref().unwrap_or_default()).map_err(|e| unusable(&e))
}

fn patched(raw: &str, now: &Loaded) -> Result<String, RpcError> {
    let patch = parse_object(raw).map_err(|error| match error {
        EditError::NotAnObject { .. } => RpcError::invalid("config.patch raw must be an object"),
        error => unusable(&error),
    })?;
    let patch = restore_redacted(patch, now.document.source());
    merge_patch(now.raw.as_deref().unwrap_or_default(), &patch).map_err(|error| unusable(&error))
}

async fn write(
    ctx: Ctx,
    params: ConfigWriteParams,
    kind: &'static str,
    make: fn(&str, &Loaded) -> Result<String, RpcError>,
) -> Result<Reply<ConfigWritten>, RpcError> {
    let gateway = ctx.gateway.clone();
    let ConfigWriteParams { raw, base_hash, note } = params;
    let rewritten = rewrite(&gateway, Base::Seen(base_hash), move |now| make(&raw, now)).await?;
    let loaded = &rewritten.loaded;
    tracing::info!(kind, note, client = %ctx.peer.client_id, "configuration written");
    let written = ConfigWritten {
        ok: true,
        path: gateway.paths.config.display().to_string(),
        hash: gateway.config_hash(loaded),
        config: redact(&loaded.value),
        restart_required: Vec::new(),
        restart: ConfigRestart {
            ok: false,
            pid: std::process::id(),
            delay_ms: 0,
            mode: "none".to_owned(),
            reason: "not needed".to_owned(),
        },
        sentinel: ConfigSentinel {
            persisted: true,
            payload: ConfigSentinelPayload {
                kind: kind.to_owned(),
                status: "ok".to_owned(),
                ts: gateway.now_ms(),
                message: note,
            },
        },
    };
    let restart = gateway.restart_needed(loaded);
    let mut written = ConfigWritten {
        restart_required: restart.iter().map(|s| (*s).to_owned()).collect(),
        ..written
    };
    if !restart.is_empty() {
        written.restart.reason =
            format!("{} will count after the next restart", restart.join(", "));
    }
    // Adopted after the answer: a new secret ends the connection that changed it.
    let gateway = gateway.clone();
    Ok(Reply::of(&written)?.then(move || rewritten.adopt(&gateway)))
}

pub(super) async fn schema(ctx: Ctx, _params: NoParams) -> Result<Reply<ConfigSchema>, RpcError> {
    let mut hints = Map::new();
    collect_hints(json_schema(), &mut Vec::new(), &mut hints);
    Reply::of(&ConfigSchema {
        schema: json_schema().clone(),
        ui_hints: Value::Object(hints),
        version: ctx.gateway.version.clone(),
        generated_at: jiff::Timestamp::now().to_string(),
    })
}

pub(super) async fn schema_lookup(
    _ctx: Ctx,
    params: ConfigSchemaLookupParams,
) -> Result<Reply<ConfigSchemaEntry>, RpcError> {
    let names: Vec<String> =
        params.path.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let found = names.iter().try_fold(json_schema(), |schema, name| member(schema, name));
    let Some(found) = found else {
        return Err(RpcError::invalid(format!(
            "no setting is called \"{}\"; config.schema lists them all",
            params.path
        )));
    };
    let children = properties(found)
        .map(|(name, _)| [names.as_slice(), std::slice::from_ref(name)].concat().join("."))
        .collect();
    let mut schema = found.clone();
    if let Some(members) = schema.as_object_mut() {
        members.remove("properties");
    }
    let path = names.join(".");
    let restart = RESTART.iter().any(|name| path == *name || path.starts_with(&format!("{name}.")));
    Reply::of(&ConfigSchemaEntry {
        schema,
        reload_kind: if restart { "restart" } else { "hot" }.to_owned(),
        hint: hint(&names, found),
        children,
        path,
    })
}

/// One member of an object, or any member of a map.
fn member<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema["properties"]
        .get(name)
        .or_else(|| schema.get("additionalProperties"))
        .filter(|found| found.is_object())
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn collect_hints(schema: &Value, at: &mut Vec<String>, hints: &mut Map<String, Value>) {
    for (name, inner) in properties(schema) {
        at.push(name.clone());
        hints.insert(at.join("."), hint(at, inner));
        collect_hints(inner, at, hints);
        at.pop();
    }
}

/// The label and help of a setting, and whether it is a secret.
fn hint(at: &[String], schema: &Value) -> Value {
    let mut hint = Map::new();
    hint.insert("label".into(), json!(label(at.last().map(String::as_str).unwrap_or_default())));
    if let Some(help) = schema["description"].as_str() {
        hint.insert("help".into(), json!(help));
    }
    if let Some(group) = at.first() {
        hint.insert("group".into(), json!(group));
    }
    if clawdbot_config::is_secret(at) {
        hint.insert("sensitive".into(), json!(true));
    }
    Value::Object(hint)
}

/// `customBindHost` as people read it: "Custom bind host".
fn label(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if text.is_empty() {
            text.extend(c.to_uppercase());
        } else if c.is_uppercase() {
            text.push(' ');
            text.extend(c.to_lowercase());
        } else {
            text.push(c);
        }
    }
    text
}
