//! `skills.status`, `skills.bins`, `skills.install`, `skills.update` (protocol §14.10).

use std::collections::BTreeSet;
use std::time::Duration;

use clawdbot_config::redact;
use clawdbot_protocol::{
    Generation, NoParams, OptionalAgentParams, RpcError, SkillInstalled, SkillUpdated, SkillsBins,
    SkillsInstallParams, SkillsStatus, SkillsUpdateParams,
};
use serde_json::{Map, Value, json};

use super::agent_of;
use crate::rewrite::change;
use crate::router::{Ctx, Reply};
use crate::skills::{self, Skill, failed, install as run};

/// How long an installer may take: usually, at least, at most.
const TIMEOUT: Duration = Duration::from_secs(300);
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(900);

pub(super) async fn status(
    ctx: Ctx,
    params: OptionalAgentParams,
) -> Result<Reply<SkillsStatus>, RpcError> {
    let settings = ctx.gateway.settings();
    let agent = agent_of(&ctx, &params)?;
    let family = match ctx.peer.generation {
        Generation::V3 => "clawdbot",
        Generation::V4 => "openclaw",
    };
    let found = skills::of_agent(&ctx.gateway, &agent).await?;
    Reply::of(&SkillsStatus {
        workspace_dir: agent.workspace.display().to_string(),
        managed_skills_dir: skills::managed_dir(&ctx.gateway).display().to_string(),
        agent_id: agent.id,
        skills: found.iter().map(|skill| skills::status(skill, &settings, family)).collect(),
    })
}

/// The programs a node may be asked to run for a skill.
pub(super) async fn bins(ctx: Ctx, _params: NoParams) -> Result<Reply<SkillsBins>, RpcError> {
    let mut bins = BTreeSet::new();
    for agent in ctx.gateway.settings().agents.all() {
        for skill in skills::of_agent(&ctx.gateway, agent).await? {
            bins.extend(skill.manifest.needs.bins);
            bins.extend(skill.manifest.needs.any_bins);
            bins.extend(skill.manifest.installers.into_iter().flat_map(|installer| installer.bins));
        }
    }
    bins.remove("");
    Reply::of(&SkillsBins { bins: bins.into_iter().collect() })
}

pub(super) async fn install(
    ctx: Ctx,
    params: SkillsInstallParams,
) -> Result<Reply<SkillInstalled>, RpcError> {
    let gateway = &ctx.gateway;
    let settings = gateway.settings();
    let agent = agent_of(&ctx, &OptionalAgentParams::default())?;
    let found = skills::of_agent(gateway, &agent).await?;
    let named = |skill: &&Skill| skill.manifest.name == params.name;
    let Some(skill) = found.iter().find(named) else {
        return answer(&failed(format!("Skill not found: {}", params.name)));
    };
    if !skill.trusted {
        return answer(&failed(format!(
            "{} is in the workspace and has not been switched on. Read its SKILL.md, switch it on, \
             then install.",
            params.name
        )));
    }
    let wanted = |id: &Option<String>| id.as_deref() == Some(&params.install_id);
    let Some(installer) = skill.manifest.installers.iter().find(|known| wanted(&known.id)) else {
        return answer(&failed(format!("Installer not found: {}", params.install_id)));
    };
    // Package managers do not like company.
    let Ok(_turn) = gateway.installing.try_lock() else {
        return Err(RpcError::unavailable(
            "something is being installed already; try again when it has finished",
        )
        .retry_after(5_000));
    };
    let limit = params.timeout_ms.map_or(TIMEOUT, Duration::from_millis);
    let limit = limit.clamp(MIN_TIMEOUT, MAX_TIMEOUT);
    let node = settings.config().skills.install.node_manager;
    answer(&run(installer, node, &settings.loaded.env, limit, &gateway.stop).await)
}

/// A failed installation has both a payload and an error (protocol §14.10).
fn answer(installed: &SkillInstalled) -> Result<Reply<SkillInstalled>, RpcError> {
    if installed.ok {
        return Reply::of(installed);
    }
    let error = RpcError::unavailable(installed.message.clone());
    Ok(Reply::failed(error, installed)?.shaped())
}

/// Changes the skill's entry. Switching it on also means its present text.
pub(super) async fn update(
    ctx: Ctx,
    params: SkillsUpdateParams,
) -> Result<Reply<SkillUpdated>, RpcError> {
    let gateway = &ctx.gateway;
    let key = params.skill_key.trim().to_owned();
    let patch = json!({"skills": {"entries": {&key: entry_patch(&params)}}});
    let meant = match params.enabled {
        Some(true) => skills::to_trust(gateway, &key).await?,
        _ => None,
    };
    change(gateway, patch).await?;
    if let Some(skill) = meant {
        skills::trust(gateway, &skill).await?;
    }
    let entries = redact(&gateway.settings().loaded.value);
    let config = &entries["skills"]["entries"][&key];
    Reply::of(&SkillUpdated { ok: true, config: config.clone(), skill_key: key })
}

/// A merge patch: what is empty goes.
fn entry_patch(params: &SkillsUpdateParams) -> Value {
    let text = |text: &str| match text.trim() {
        "" => Value::Null,
        text => json!(text),
    };
    let mut entry = Map::new();
    if let Some(enabled) = params.enabled {
        entry.insert("enabled".into(), json!(enabled));
    }
    if let Some(key) = &params.api_key {
        entry.insert("apiKey".into(), text(key));
    }
    if let Some(env) = &params.env {
        let env = env.iter().filter(|(name, _)| !name.trim().is_empty());
        let env: Map<_, _> = env.map(|(name, value)| (name.trim().into(), text(value))).collect();
        entry.insert("env".into(), Value::Object(env));
    }
    Value::Object(entry)
}
