//! `clawdbot config`: read and change `clawdbot.json`.

use anyhow::{Context as _, bail};
use clawdbot_config::{Document, Env, Paths, edit, redact, write};
use serde_json::Value;

use crate::args::ConfigArgs;
use crate::out;

pub(crate) fn run(args: ConfigArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    match args {
        ConfigArgs::Get { path } => get(paths, env, &path),
        ConfigArgs::Set { path, value } => {
            // Text that is no JSON means itself.
            let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
            change(paths, env, &path, Some(value))
        }
        ConfigArgs::Unset { path } => change(paths, env, &path, None),
        ConfigArgs::Validate => validate(paths, env),
        ConfigArgs::Path => {
            out::line(paths.config.display());
            Ok(())
        }
    }
}

fn get(paths: &Paths, env: &Env, path: &str) -> anyhow::Result<()> {
    let loaded = Document::load(&paths.config, env)?;
    let pointer = format!("/{}", path.replace('.', "/"));
    match loaded.value.pointer(&pointer) {
        // Asking for one secret by name is asking for the secret itself.
        Some(Value::String(text)) => out::line(text),
        Some(Value::Object(_) | Value::Array(_)) => {
            let masked = redact(&loaded.value);
            let value = masked.pointer(&pointer).unwrap_or(&Value::Null);
            out::line(serde_json::to_string_pretty(value)?);
        }
        Some(value) => out::line(value),
        None => bail!("{path} is not set in {}", paths.config.display()),
    }
    Ok(())
}

fn change(paths: &Paths, env: &Env, path: &str, value: Option<Value>) -> anyhow::Result<()> {
    paths.prepare()?;
    let raw = match std::fs::read_to_string(&paths.config) {
        Ok(raw) => raw,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", paths.config.display()));
        }
    };
    let parts: Vec<&str> = path.split('.').collect();
    let text = edit(&raw, &parts, value)?;
    let loaded = Document::check(text.as_str(), &paths.config, env)?;
    write(&paths.config, &text)
        .with_context(|| format!("cannot write {}", paths.config.display()))?;
    for warning in &loaded.warnings {
        out::error(format_args!("warning: {warning}"));
    }
    out::done(format_args!("{path} saved in {}", paths.config.display()));
    Ok(())
}

fn validate(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let loaded = Document::load(&paths.config, env)?;
    for warning in &loaded.warnings {
        out::error(format_args!("warning: {warning}"));
    }
    let state = if loaded.exists() { "is valid" } else { "does not exist; defaults apply" };
    out::done(format_args!("{} {state}", paths.config.display()));
    Ok(())
}
