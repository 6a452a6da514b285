//! `clawdbot config`: read and change `clawdbot.json`.

use std::process::Command;

use anyhow::{Context as _, bail};
use clawdbot_config::{Document, Env, Loaded, Paths, edit, json_schema, redact, write};
use serde_json::{Value, json};

use crate::args::ConfigArgs;
use crate::exit::Usage;
use crate::{out, service, web};

pub(crate) fn run(args: ConfigArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    match args {
        ConfigArgs::Get { path, json } => get(paths, env, &path, json),
        ConfigArgs::Set { path, value } => {
            // Text that is no JSON means itself.
            let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
            change(paths, env, &path, Some(value))
        }
        ConfigArgs::Unset { path } => change(paths, env, &path, None),
        ConfigArgs::Edit => in_editor(paths, env),
        ConfigArgs::Validate { json } => validate(paths, env, json),
        ConfigArgs::Schema => out::json(json_schema()),
        ConfigArgs::Path => {
            out::line(paths.config.display());
            Ok(())
        }
    }
}

fn get(paths: &Paths, env: &Env, path: &str, as_json: bool) -> anyhow::Result<()> {
    let loaded = Document::load(&paths.config, env)?;
    if let Some(block) = path.strip_suffix(".*") {
        return list(&loaded, paths, block, as_json);
    }
    let pointer = pointer(path);
    let value = match loaded.value.pointer(&pointer) {
        // Asking for one secret by name is asking for the secret itself.
        Some(Value::Object(_) | Value::Array(_)) => {
            redact(&loaded.value).pointer(&pointer).cloned()
        }
        Some(value) => Some(value.clone()),
        None => default(path, &loaded, paths, env)?,
    };
    match value {
        Some(Value::String(text)) if !as_json => out::line(text),
        Some(value) => return out::json(&value),
        None => bail!("{path} is not set in {}", paths.config.display()),
    }
    Ok(())
}

/// What counts where the document says nothing.
fn default(path: &str, loaded: &Loaded, paths: &Paths, env: &Env) -> anyhow::Result<Option<Value>> {
    Ok(match path {
        "gateway.port" => Some(json!(web::port(paths, env)?)),
        "gateway.auth.mode" => Some(json!(service::auth_mode(loaded))),
        "gateway.bind" => Some(json!("loopback")),
        "gateway.tailscale.mode" => Some(json!("off")),
        "agents.defaults.workspace" => Some(json!(paths.workspace_default)),
        _ => None,
    })
}

/// Everything that is set below a block, secrets masked.
fn list(loaded: &Loaded, paths: &Paths, block: &str, as_json: bool) -> anyhow::Result<()> {
    let masked = redact(&loaded.value);
    let found = masked.pointer(&pointer(block)).filter(|value| value.is_object());
    let Some(found) = found else {
        bail!("nothing below {block} is set in {}", paths.config.display());
    };
    if as_json {
        return out::json(found);
    }
    for (name, value) in found.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => out::line(format_args!("{block}.{name} = {text}")),
            value => out::line(format_args!("{block}.{name} = {value}")),
        }
    }
    Ok(())
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

fn change(paths: &Paths, env: &Env, path: &str, value: Option<Value>) -> anyhow::Result<()> {
    let parts: Vec<&str> = path.split('.').collect();
    let loaded = save(paths, env, &parts, value)?;
    for warning in &loaded.warnings {
        out::error(format_args!("warning: {warning}"));
    }
    out::done(format_args!("{path} saved in {}", paths.config.display()));
    Ok(())
}

/// Changes one value and keeps everything else as it is written; a change that would make the
/// document unusable is refused.
pub(crate) fn save(
    paths: &Paths,
    env: &Env,
    path: &[&str],
    value: Option<Value>,
) -> anyhow::Result<Loaded> {
    save_all(paths, env, [(path.to_vec(), value)])
}

/// The same for several values, all or none.
pub(crate) fn save_all<'a>(
    paths: &Paths,
    env: &Env,
    changes: impl IntoIterator<Item = (Vec<&'a str>, Option<Value>)>,
) -> anyhow::Result<Loaded> {
    let mut text = raw(paths)?;
    for (path, value) in changes {
        text = edit(&text, &path, value)?;
    }
    store(paths, env, &text)
}

fn raw(paths: &Paths) -> anyhow::Result<String> {
    paths.prepare()?;
    match std::fs::read_to_string(&paths.config) {
        Ok(raw) => Ok(raw),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", paths.config.display())),
    }
}

fn store(paths: &Paths, env: &Env, text: &str) -> anyhow::Result<Loaded> {
    let loaded = Document::check(text, &paths.config, env)?;
    write(&paths.config, text)
        .with_context(|| format!("cannot write {}", paths.config.display()))?;
    Ok(loaded)
}

/// Lets a person edit a copy, which becomes the document if it is valid.
fn in_editor(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let editor = env.get("VISUAL").or_else(|| env.get("EDITOR"));
    let editor = editor.ok_or(Usage("No editor is known. Set EDITOR, for example to nano."))?;
    let before = raw(paths)?;
    let copy = paths.state_dir.join("clawdbot.edit.json5");
    write(&copy, &before).with_context(|| format!("cannot write {}", copy.display()))?;
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or(editor);
    let status = Command::new(program)
        .args(words)
        .arg(&copy)
        .status()
        .with_context(|| format!("cannot start the editor {program}"))?;
    if !status.success() {
        bail!(
            "the editor ended with {status}; nothing was saved, your text is in {}",
            copy.display()
        );
    }
    let after = std::fs::read_to_string(&copy)
        .with_context(|| format!("cannot read {}", copy.display()))?;
    if after == before {
        out::done("nothing was changed");
    } else {
        let loaded = store(paths, env, &after)
            .with_context(|| format!("nothing was saved; your text is in {}", copy.display()))?;
        for warning in &loaded.warnings {
            out::error(format_args!("warning: {warning}"));
        }
        out::done(format_args!("{} saved", paths.config.display()));
    }
    let _ = std::fs::remove_file(&copy);
    Ok(())
}

fn validate(paths: &Paths, env: &Env, as_json: bool) -> anyhow::Result<()> {
    let loaded = match Document::load(&paths.config, env) {
        Ok(loaded) => loaded,
        Err(error) if as_json => {
            out::json(
                &json!({"path": paths.config, "valid": false, "issues": error.issues, "warnings": []}),
            )?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    if as_json {
        return out::json(
            &json!({"path": paths.config, "valid": true, "issues": [], "warnings": loaded.warnings}),
        );
    }
    for warning in &loaded.warnings {
        out::error(format_args!("warning: {warning}"));
    }
    let state = if loaded.exists() { "is valid" } else { "does not exist; defaults apply" };
    out::done(format_args!("{} {state}", paths.config.display()));
    Ok(())
}
