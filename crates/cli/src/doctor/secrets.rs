//! The gateway's own secret.

use clawdbot_config::{AuthMode, Loaded, Secret, check_secret};
use serde_json::json;

use super::network::is_exposed;
use super::{Facts, Finding, Severity};

pub(super) fn none<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let mode = loaded.config.gateway.auth.effective_mode();
    let exposed = is_exposed(loaded);
    let missing = mode == AuthMode::None || (exposed && in_force(loaded).is_none());
    // Development on this computer does without on purpose.
    if !missing || mode == AuthMode::TrustedProxy || facts.paths.profile.as_deref() == Some("dev") {
        return Vec::new();
    }
    let (severity, who) = if exposed {
        (Severity::Critical, "whoever reaches this computer over the network")
    } else {
        (Severity::Warning, "every user and every program of this computer")
    };
    let finding = Finding::new(
        severity,
        format!("the gateway asks for no secret, so {who} can use the assistant"),
        "Set gateway.auth.mode to token and gateway.auth.token to a long random text.",
    );
    vec![finding.fixed_by(|| new_token(facts))]
}

pub(super) fn weak<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let Some(secret) = in_force(loaded) else { return Vec::new() };
    let Err(why) = check_secret(&secret, false) else { return Vec::new() };
    let severity = if is_exposed(loaded) { Severity::Critical } else { Severity::Warning };
    let finding =
        Finding::new(severity, why.to_string(), "Set a long random one; clients need the new one.");
    let written = loaded.config.gateway.auth.secrets().any(|known| *known == secret);
    // A secret from the environment would go on to count.
    vec![if written { finding.fixed_by(|| new_token(facts)) } else { finding }]
}

fn in_force(loaded: &Loaded) -> Option<Secret> {
    let auth = &loaded.config.gateway.auth;
    let from_env = |name| loaded.env.product(name).map(Secret::new);
    match auth.effective_mode() {
        AuthMode::Password => auth.password.clone().or_else(|| from_env("GATEWAY_PASSWORD")),
        AuthMode::Token => auth.token.clone().or_else(|| from_env("GATEWAY_TOKEN")),
        AuthMode::None | AuthMode::TrustedProxy => None,
    }
}

/// Funnel insists on a password, so whatever is configured keeps its kind.
fn new_token(facts: &Facts<'_>) -> anyhow::Result<String> {
    let mode = facts.config().map(|loaded| loaded.config.gateway.auth.effective_mode());
    let secret = json!(clawdbot_gateway::new_secret());
    let kind = if mode == Some(AuthMode::Password) { "password" } else { "token" };
    facts.save(&["gateway", "auth", kind], Some(secret))?;
    if mode == Some(AuthMode::None) {
        facts.save(&["gateway", "auth", "mode"], Some(json!("token")))?;
    }
    Ok(format!("a new {kind} is set; read it with: clawdbot config get gateway.auth.{kind}"))
}

pub(super) fn on_command_line<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(running) = &facts.running else { return Vec::new() };
    let line = std::fs::read(format!("/proc/{}/cmdline", running.pid)).unwrap_or_default();
    let given = line.split(|byte| *byte == 0).any(|word| {
        [&b"--token"[..], b"--password"].iter().any(|flag| {
            word == *flag || (word.starts_with(flag) && word.get(flag.len()) == Some(&b'='))
        })
    });
    if !given {
        return Vec::new();
    }
    vec![Finding::new(
        Severity::Warning,
        format!(
            "the gateway (pid {}) was started with its secret on the command line, where other users of this computer can read it",
            running.pid
        ),
        "Set gateway.auth.token or CLAWDBOT_GATEWAY_TOKEN instead and start it without the flag.",
    )]
}
