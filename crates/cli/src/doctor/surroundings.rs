//! The service, other gateways and the programs that are needed.

use std::path::PathBuf;

use clawdbot_config::{RemoteTransport, TailscaleMode};
use clawdbot_remote::ssh::Ssh;
use clawdbot_remote::tailscale::Tailscale;
use clawdbot_service::Text;

use super::{Facts, Finding, Severity};

pub(super) fn drifted<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let path = facts.service.path.display();
    match facts.service.text {
        Text::Missing | Text::Current => Vec::new(),
        Text::Foreign => vec![Finding::new(
            Severity::Info,
            format!("{path} was not written by clawdbot and is left alone"),
            "To have it replaced and kept as .old: clawdbot gateway install --replace",
        )],
        Text::Drifted => {
            let finding = Finding::new(
                Severity::Warning,
                format!(
                    "{path} differs from what this version would write, for example because the program has moved"
                ),
                "Run: clawdbot gateway install",
            );
            vec![finding.fixed_by(|| {
                facts.own.service.install(&facts.own.spec, false)?;
                Ok("written anew; it counts from the next start of the service on".to_owned())
            })]
        }
    }
}

pub(super) fn second<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    facts
        .own
        .originals()
        .into_iter()
        .filter(|original| original.enabled)
        .map(|original| {
            let message = format!(
                "the original's service {} ({}) starts a second gateway, which wants the same port",
                original.name,
                original.path.display()
            );
            let remedy = format!(
                "Take it out of use, for example: systemctl --user disable --now {}",
                original.name
            );
            Finding::new(Severity::Warning, message, remedy).fixed_by(move || {
                facts.own.service.retire(&original)?;
                Ok(format!("{} is out of use; its file stays", original.name))
            })
        })
        .collect()
}

pub(super) fn old_state<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    if facts.paths.database.exists() {
        return Vec::new();
    }
    [".moltbot", ".openclaw"]
        .into_iter()
        .map(|name| facts.paths.home.join(name))
        .filter(|dir| dir.join("agents").is_dir())
        .map(|dir| {
            Finding::new(
                Severity::Info,
                format!("{} holds conversations of an older installation", dir.display()),
                "The first start of the gateway takes them over and changes nothing there.",
            )
        })
        .collect()
}

pub(super) fn tools<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let gateway = &loaded.config.gateway;
    let mut missing = Vec::new();
    // Looked for where the product itself takes them from, and not run (TS-01).
    if gateway.tailscale.mode != TailscaleMode::Off && Tailscale::find(facts.env.iter()).is_none() {
        missing.push(("tailscale", "gateway.tailscale.mode", "https://tailscale.com/download"));
    }
    if gateway.remote.ssh_target.is_some()
        && gateway.remote.transport != RemoteTransport::Direct
        && Ssh::find(facts.env.iter(), PathBuf::new()).is_err()
    {
        missing.push(("ssh", "gateway.remote.sshTarget", "your system's OpenSSH client"));
    }
    missing
        .into_iter()
        .map(|(program, setting, source)| {
            Finding::new(
                Severity::Warning,
                format!("{setting} needs the program {program}, which is not there"),
                format!("Install it ({source}), or unset {setting}."),
            )
        })
        .collect()
}
