//! Skills: directories with a `SKILL.md` that tells a model how to do something special.
//!
//! Those in `<state>/skills` are the owner's. Those in a workspace's `skills` may have come with
//! somebody else's files, so they count only after somebody has switched on exactly this text; a
//! changed text has to be switched on again (security case MCP-01).

mod install;
mod manifest;
mod needs;
mod yaml;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clawdbot_agent::{SkillNote, Workspace};
use clawdbot_protocol::{RpcError, SkillStatus};
use serde_json::json;

use crate::agents::Agent;
use crate::digest::digest;
use crate::error::store_error;
use crate::rewrite::blocking;
use crate::rows::shorten;
use crate::settings::Settings;
use crate::shared::Shared;

pub(crate) use self::install::{Installer, failed, install};
pub(crate) use self::manifest::Manifest;

/// Skills looked at in one directory.
const MAX_SKILLS: usize = 256;
/// Bytes read of a `SKILL.md`.
const MAX_BYTES: u64 = 256 * 1024;
/// Characters of a description that go into the prompt.
const PROMPT_CHARS: usize = 300;
/// Documents that say which text of a workspace skill was switched on.
const TRUST: &str = "skill-trust";

/// Where a skill was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the agent's workspace.
    Workspace,
    /// In the state directory.
    Managed,
}

/// A skill as it lies on the disk.
#[derive(Debug, Clone)]
pub(crate) struct Skill {
    pub(crate) manifest: Manifest,
    pub(crate) source: Source,
    /// The directory of its `SKILL.md`.
    pub(crate) directory: PathBuf,
    /// Its file as the `read` tool takes it.
    location: String,
    digest: String,
    /// Whether it counts: always for those of the owner.
    pub(crate) trusted: bool,
}

impl Skill {
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join("SKILL.md")
    }

    fn trust_id(&self) -> String {
        self.file().display().to_string()
    }
}

/// Where the owner's skills are.
pub(crate) fn managed_dir(shared: &Shared) -> PathBuf {
    shared.paths.state_dir.join("skills")
}

/// The skills of an agent by name; one of its workspace that counts hides one of the owner's.
pub(crate) async fn of_agent(shared: &Arc<Shared>, agent: &Agent) -> Result<Vec<Skill>, RpcError> {
    let (workspace, managed) = (agent.workspace.clone(), managed_dir(shared));
    // Neither directory is common, and finding that out needs no thread.
    if !managed.is_dir() && !workspace.join("skills").is_dir() {
        return Ok(Vec::new());
    }
    let mut skills = blocking(move || discover(&workspace, &managed)).await?;
    let trusted: HashSet<(String, String)> = shared
        .store
        .list_docs(TRUST)
        .await
        .map_err(store_error)?
        .into_iter()
        .filter_map(|(id, body)| Some((id, body["sha256"].as_str()?.to_owned())))
        .collect();
    for skill in &mut skills {
        skill.trusted |= trusted.contains(&(skill.trust_id(), skill.digest.clone()));
    }
    let hiding: HashSet<String> = skills
        .iter()
        .filter(|skill| skill.source == Source::Workspace && skill.trusted)
        .map(|skill| skill.manifest.name.clone())
        .collect();
    let hidden =
        |skill: &Skill| skill.source == Source::Managed && hiding.contains(&skill.manifest.name);
    skills.retain(|skill| !hidden(skill));
    Ok(skills)
}

/// The workspace skill of this key whose present text counts once it is switched on; `None` when
/// all texts count already. A key that several skills claim says nothing about any of them.
pub(crate) async fn to_trust(shared: &Arc<Shared>, key: &str) -> Result<Option<Skill>, RpcError> {
    let mut found = BTreeMap::new();
    for agent in shared.settings().agents.all() {
        let skills = of_agent(shared, agent).await?.into_iter();
        let named = skills.filter(|s| s.source == Source::Workspace && s.manifest.key == key);
        // Agents may share a workspace.
        found.extend(named.map(|skill| (skill.trust_id(), skill)));
    }
    if found.values().all(|skill| skill.trusted) {
        return Ok(None);
    }
    if found.len() > 1 {
        let places: Vec<&str> = found.keys().map(String::as_str).collect();
        return Err(RpcError::invalid(format!(
            "several workspace skills have the key \"{key}\": {}. Remove all but one or give them \
             keys of their own, then switch it on.",
            places.join(", ")
        )));
    }
    Ok(found.into_values().next())
}

/// Remembers that somebody has switched on this text of a workspace skill.
pub(crate) async fn trust(shared: &Shared, skill: &Skill) -> Result<(), RpcError> {
    let body = json!({"sha256": skill.digest, "ts": shared.now_ms()});
    shared.store.put_doc(TRUST, &skill.trust_id(), &body).await.map_err(store_error)
}

/// The skills that the model of `agent` is told of.
pub(crate) async fn for_prompt(shared: &Arc<Shared>, agent: &Agent) -> Vec<SkillNote> {
    let skills = match of_agent(shared, agent).await {
        Ok(skills) => skills,
        Err(error) => {
            tracing::warn!(%error, "running without skills");
            return Vec::new();
        }
    };
    let settings = shared.settings();
    let shown = skills.into_iter().filter(|skill| {
        skill.manifest.model_visible
            && needs::Check::new(&skill.manifest, &settings).eligible(skill)
    });
    shown
        .map(|skill| SkillNote {
            name: shorten(&skill.manifest.name, PROMPT_CHARS),
            description: shorten(&skill.manifest.description, PROMPT_CHARS),
            location: skill.location,
        })
        .collect()
}

/// A skill as `skills.status` shows it; `family` is the product's name in `source`.
pub(crate) fn status(skill: &Skill, settings: &Settings, family: &str) -> SkillStatus {
    let manifest = &skill.manifest;
    let check = needs::Check::new(manifest, settings);
    let eligible = check.eligible(skill);
    SkillStatus {
        name: manifest.name.clone(),
        description: manifest.description.clone(),
        source: match skill.source {
            Source::Workspace => format!("{family}-workspace"),
            Source::Managed => format!("{family}-managed"),
        },
        bundled: false,
        file_path: skill.file().display().to_string(),
        base_dir: skill.directory.display().to_string(),
        skill_key: manifest.key.clone(),
        primary_env: manifest.primary_env.clone(),
        emoji: manifest.emoji.clone(),
        homepage: manifest.homepage.clone(),
        always: manifest.always,
        disabled: check.disabled || !skill.trusted,
        blocked_by_allowlist: false,
        blocked_by_agent_filter: false,
        eligible,
        platform_incompatible: !check.missing.os.is_empty(),
        model_visible: eligible && manifest.model_visible,
        user_invocable: manifest.user_invocable,
        command_visible: false,
        requirements: manifest.needs.clone(),
        missing: check.missing,
        config_checks: check.config,
        install: manifest
            .installers
            .iter()
            .filter(|i| i.is_for_this_system())
            .map(Installer::row)
            .collect(),
    }
}

/// Every skill of both places, sorted by name. Blocking.
fn discover(workspace: &Path, managed: &Path) -> Vec<Skill> {
    let mut skills = in_root(workspace, "skills", Source::Workspace);
    skills.extend(in_root(managed, ".", Source::Managed));
    skills.sort_by(|a, b| a.manifest.name.cmp(&b.manifest.name));
    skills
}

/// The skills in `below` of `root`. Nothing outside of `root` is followed or read.
fn in_root(root: &Path, below: &str, source: Source) -> Vec<Skill> {
    let Ok(handle) = Workspace::open(root) else {
        return Vec::new();
    };
    let read = |name: String| {
        let inside = Path::new(below).join(&name);
        let file = inside.join("SKILL.md");
        let read = handle.read(file.to_str()?, MAX_BYTES).ok()?;
        let text = String::from_utf8_lossy(&read.bytes);
        let manifest = match Manifest::parse(&text, &name) {
            Ok(manifest) => manifest,
            Err(problem) => {
                tracing::warn!(skill = %name, %problem, "this SKILL.md is left out");
                return None;
            }
        };
        let directory = match source {
            Source::Workspace => root.join(&inside),
            Source::Managed => root.join(&name),
        };
        let location = match source {
            Source::Workspace => file.display().to_string(),
            Source::Managed => directory.join("SKILL.md").display().to_string(),
        };
        let digest = digest(&read.bytes);
        let trusted = source == Source::Managed;
        Some(Skill { manifest, source, directory, location, digest, trusted })
    };
    let entries = handle.list(below).unwrap_or_default().into_iter();
    // A name on several lines could pretend to be more than a name in the prompt.
    let directories = entries
        .filter(|entry| entry.is_directory && !entry.name.contains(char::is_control))
        .map(|entry| entry.name);
    directories.take(MAX_SKILLS).filter_map(read).collect()
}
