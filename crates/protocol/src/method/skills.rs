//! Parameters and results of the skill methods (protocol §14.10).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `skills.status` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillsStatus {
    /// The agent's workspace; its skills are in `skills` below it.
    pub workspace_dir: String,
    /// Where skills of all agents are.
    pub managed_skills_dir: String,
    /// The agent.
    pub agent_id: String,
    /// Its skills by name.
    pub skills: Vec<SkillStatus>,
}

/// One skill.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillStatus {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where it comes from: `openclaw-workspace` or `openclaw-managed` (generation 3:
    /// `clawdbot-…`).
    pub source: String,
    /// Whether it came with the product; none do.
    pub bundled: bool,
    /// Its `SKILL.md`.
    pub file_path: String,
    /// The directory of that file.
    pub base_dir: String,
    /// Its name in `skills.entries`.
    pub skill_key: String,
    /// The variable that its API key goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_env: Option<String>,
    /// A picture for lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Whether it is offered whatever is missing.
    pub always: bool,
    /// Whether it is switched off, or has not been switched on since its text changed.
    pub disabled: bool,
    /// Whether `skills.allowBundled` leaves it out; never for skills that did not come with the
    /// product.
    pub blocked_by_allowlist: bool,
    /// Whether the agent leaves it out.
    pub blocked_by_agent_filter: bool,
    /// Whether it can be used now.
    pub eligible: bool,
    /// Whether it is for other systems only.
    pub platform_incompatible: bool,
    /// Whether the model is told of it.
    pub model_visible: bool,
    /// Whether people may ask for it by name.
    pub user_invocable: bool,
    /// Whether it is a slash command.
    pub command_visible: bool,
    /// What it needs.
    pub requirements: SkillNeeds,
    /// What of that is not there.
    pub missing: SkillNeeds,
    /// The settings it needs, one by one.
    pub config_checks: Vec<SkillConfigCheck>,
    /// How what it needs can be installed on this system.
    pub install: Vec<SkillInstaller>,
}

/// What a skill needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillNeeds {
    /// All of these programs.
    pub bins: Vec<String>,
    /// One of these programs.
    pub any_bins: Vec<String>,
    /// These variables.
    pub env: Vec<String>,
    /// These settings, as dotted paths.
    pub config: Vec<String>,
    /// One of these systems: `linux`, `darwin`, `win32`.
    pub os: Vec<String>,
}

/// Whether a setting is there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillConfigCheck {
    /// Dotted path.
    pub path: String,
    /// Whether it is set to something.
    pub satisfied: bool,
}

/// A way to install what a skill needs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillInstaller {
    /// For `skills.install`.
    pub id: String,
    /// `brew`, `node`, `go`, `uv` or `download`.
    pub kind: String,
    /// For people.
    pub label: String,
    /// The programs it brings.
    pub bins: Vec<String>,
}

/// What `skills.bins` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SkillsBins {
    /// Programs that skills may want, by name.
    pub bins: Vec<String>,
}

/// `skills.install`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillsInstallParams {
    /// The skill.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Which of its installers.
    #[schemars(length(min = 1))]
    pub install_id: String,
    /// Give up after this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1000))]
    pub timeout_ms: Option<u64>,
}

/// What `skills.install` answers, also beside an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillInstalled {
    /// Whether the installer succeeded.
    pub ok: bool,
    /// What happened.
    pub message: String,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// Its exit code.
    pub code: Option<i32>,
}

/// `skills.update`
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillsUpdateParams {
    /// The skill's name in `skills.entries`.
    #[schemars(length(min = 1, max = 200))]
    pub skill_key: String,
    /// Switch it on or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Its API key; empty removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// Variables for it; an empty one is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
}

/// Shows no value: they are secrets.
impl std::fmt::Debug for SkillsUpdateParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SkillsUpdateParams")
            .field("skill_key", &self.skill_key)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// What `skills.update` answers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillUpdated {
    /// Always true.
    pub ok: bool,
    /// The skill.
    pub skill_key: String,
    /// Its entry now, secrets replaced by the placeholder.
    pub config: Value,
}
