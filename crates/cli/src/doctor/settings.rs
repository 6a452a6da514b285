//! `clawdbot.json`.

use anyhow::Context as _;
use clawdbot_config::{ExecAsk, ExecSecurity};
use serde_json::{Value, json};

use super::{Facts, Finding, Severity};

/// Where keys of early versions are today.
const MOVED: [(&str, &str); 3] = [
    ("gateway.token", "gateway.auth.token"),
    ("agent.workspace", "agents.defaults.workspace"),
    ("session.idleMinutes", "session.reset.idleMinutes"),
];

pub(super) fn broken<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Err(error) = &facts.loaded else { return Vec::new() };
    let issues: Vec<String> = error.issues.iter().map(ToString::to_string).collect();
    let message = format!("{} cannot be used: {}", error.path.display(), issues.join("; "));
    let Some(good) = &error.last_good else {
        return vec![Finding::new(Severity::Critical, message, "Fix the places named.")];
    };
    let remedy = format!(
        "Fix the places named, or go back to the last version that worked: {}",
        good.display()
    );
    vec![Finding::new(Severity::Critical, message, remedy).fixed_by(move || {
        let mut aside = error.path.clone().into_os_string();
        aside.push(".broken");
        let text = std::fs::read_to_string(good).context("cannot read the last good version")?;
        std::fs::rename(&error.path, &aside).context("cannot set the broken file aside")?;
        clawdbot_config::write(&error.path, &text)?;
        Ok(format!("the last version that worked is back; the broken one is {}", aside.display()))
    })]
}

pub(super) fn legacy<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let source = loaded.document.source();
    MOVED
        .iter()
        .filter_map(|(old, new)| Some((*old, *new, source.pointer(&pointer(old))?.clone())))
        .map(|(old, new, value)| {
            let taken = source.pointer(&pointer(new)).is_some();
            let message = format!(
                "{old} is the name of an early version and does nothing; today it is {new}"
            );
            let remedy = if taken {
                format!("Remove {old}; {new} is set as well.")
            } else {
                format!("Write it as {new}.")
            };
            Finding::new(Severity::Warning, message, remedy).fixed_by(move || {
                if !taken {
                    facts.save(&new.split('.').collect::<Vec<_>>(), Some(value))?;
                }
                facts.save(&old.split('.').collect::<Vec<_>>(), None)?;
                Ok(format!("{old} is now {new}"))
            })
        })
        .collect()
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

pub(super) fn unknown<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let moved = |path: &str| MOVED.iter().any(|(old, _)| old.starts_with(path));
    loaded
        .unknown_keys()
        .iter()
        .filter(|issue| !moved(&issue.path))
        .map(|issue| {
            let remedy = "Correct or remove it; `clawdbot config schema` lists every key.";
            Finding::new(Severity::Warning, issue.to_string(), remedy)
        })
        .collect()
}

pub(super) fn mode<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    if loaded.config.gateway.mode.is_some() {
        return Vec::new();
    }
    let finding = Finding::new(
        Severity::Warning,
        "gateway.mode is not set, so `clawdbot gateway` does not start",
        "Run: clawdbot config set gateway.mode local",
    );
    vec![finding.fixed_by(|| {
        facts.save(&["gateway", "mode"], Some(json!("local")))?;
        Ok("gateway.mode is local".to_owned())
    })]
}

pub(super) fn commands<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let exec = &loaded.config.tools.exec;
    if exec.security() != Some(ExecSecurity::Full) || exec.ask() != Some(ExecAsk::Off) {
        return Vec::new();
    }
    let finding = Finding::new(
        Severity::Warning,
        "tools.exec lets the assistant run any command without asking anybody",
        "Run: clawdbot config set tools.exec.ask on-miss",
    );
    let at = if loaded.value.pointer("/tools/exec/ask") == Some(&Value::from("off")) {
        "ask"
    } else {
        "mode"
    };
    vec![finding.fixed_by(move || {
        let value = if at == "ask" { json!("on-miss") } else { json!("ask") };
        facts.save(&["tools", "exec", at], Some(value))?;
        Ok(format!("tools.exec.{at} asks first"))
    })]
}
