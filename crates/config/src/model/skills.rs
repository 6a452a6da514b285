use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Secret;

/// The `skills` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillsConfig {
    /// Skills by key.
    pub entries: BTreeMap<String, SkillEntry>,
    /// How to install what they need.
    pub install: SkillsInstall,
}

/// One skill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillEntry {
    /// Whether it is offered; true unless set.
    pub enabled: Option<bool>,
    /// The key for the service it uses.
    pub api_key: Option<Secret>,
    /// Variables for it. Values may be secrets.
    pub env: BTreeMap<String, Secret>,
}

/// How to install what skills need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkillsInstall {
    /// The program that installs Node.js packages.
    pub node_manager: NodeManager,
}

/// A program that installs Node.js packages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeManager {
    /// npm.
    #[default]
    Npm,
    /// pnpm.
    Pnpm,
    /// Yarn.
    Yarn,
    /// Bun.
    Bun,
}
