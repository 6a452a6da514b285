//! What a skill needs, and what of that is missing.

use std::path::{Path, PathBuf};

use clawdbot_config::Env;
use clawdbot_protocol::{SkillConfigCheck, SkillNeeds};
use serde_json::Value;

use super::{Manifest, Skill};
use crate::settings::Settings;

/// The result of looking.
pub(super) struct Check {
    pub(super) missing: SkillNeeds,
    pub(super) config: Vec<SkillConfigCheck>,
    /// Whether the configuration switches the skill off.
    pub(super) disabled: bool,
    always: bool,
}

impl Check {
    /// Looks at the programs, variables and settings that `manifest` names.
    pub(super) fn new(manifest: &Manifest, settings: &Settings) -> Self {
        let needs = &manifest.needs;
        let entry = settings.config().skills.entries.get(&manifest.key);
        let env = &settings.loaded.env;
        let has_bin = |name: &String| find_bin(name, search_path(env)).is_some();
        let has_env = |name: &String| {
            let configured = entry.is_some_and(|entry| {
                let is_key = manifest.primary_env.as_ref() == Some(name);
                entry.env.contains_key(name) || (is_key && entry.api_key.is_some())
            });
            configured || env.get(name).is_some()
        };
        let without = |names: &[String], has: &dyn Fn(&String) -> bool| -> Vec<String> {
            names.iter().filter(|name| !has(name)).cloned().collect()
        };
        let config: Vec<_> = needs
            .config
            .iter()
            .map(|path| SkillConfigCheck {
                path: path.clone(),
                satisfied: is_set(&settings.loaded.value, path),
            })
            .collect();
        let one_of = |names: &[String], has: bool| if has { Vec::new() } else { names.to_vec() };
        let any_bin = needs.any_bins.is_empty() || needs.any_bins.iter().any(has_bin);
        let right_system = needs.os.is_empty() || needs.os.iter().any(|os| is_this_system(os));
        Self {
            missing: SkillNeeds {
                bins: without(&needs.bins, &has_bin),
                any_bins: one_of(&needs.any_bins, any_bin),
                env: without(&needs.env, &has_env),
                config: config.iter().filter(|c| !c.satisfied).map(|c| c.path.clone()).collect(),
                os: one_of(&needs.os, right_system),
            },
            config,
            disabled: entry.is_some_and(|entry| entry.enabled == Some(false)),
            always: manifest.always,
        }
    }

    /// Whether `skill`, which this is about, can be used now.
    pub(super) fn eligible(&self, skill: &Skill) -> bool {
        let complete = self.missing == SkillNeeds::default();
        skill.trusted && !self.disabled && (self.always || complete)
    }
}

/// Whether `os`, in Node's words, is this system.
pub(super) fn is_this_system(os: &str) -> bool {
    crate::host::platform() == os
}

/// Where programs are; Windows writes the name of the variable in its own way.
pub(super) fn search_path(env: &Env) -> Option<&str> {
    env.get("PATH").or_else(|| env.get("Path"))
}

/// Where `path` has a program called `name`. Relative entries do not count: what they mean depends
/// on the working directory.
pub(super) fn find_bin(name: &str, path: Option<&str>) -> Option<PathBuf> {
    let is_plain = !name.is_empty() && Path::new(name).file_name().is_some_and(|own| own == name);
    let suffixes: &[&str] = if cfg!(windows) { &[".exe", ".cmd", ".bat"] } else { &[""] };
    std::env::split_paths(path.filter(|_| is_plain)?)
        .filter(|dir| dir.is_absolute())
        .flat_map(|dir| suffixes.iter().map(move |suffix| dir.join(format!("{name}{suffix}"))))
        .find(|file| is_executable(file))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

/// Whether the setting at a dotted path is something: not absent, `false`, 0 or empty.
fn is_set(config: &Value, path: &str) -> bool {
    let found = path.split('.').try_fold(config, |value, name| value.get(name));
    match found {
        None | Some(Value::Null) => false,
        Some(Value::Bool(on)) => *on,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_count_when_they_are_something() {
        let config = json!({"a": {"on": true, "off": false, "text": " ", "zero": 0, "map": {}}});
        let set = |path| is_set(&config, path);
        assert!(set("a.on") && set("a.map"));
        assert!(!set("a.off") && !set("a.text") && !set("a.zero") && !set("a.nothing"));
    }

    #[test]
    fn programs_are_found_by_plain_name_in_absolute_directories() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(if cfg!(windows) { "kettle.exe" } else { "kettle" });
        std::fs::write(&file, "").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(find_bin("kettle", dir.path().to_str()), None, "not executable");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(find_bin("kettle", dir.path().to_str()), Some(file));
        assert_eq!(find_bin("../kettle", dir.path().to_str()), None);
        assert_eq!(find_bin("kettle", Some(".")), None);
        assert_eq!(find_bin("kettle", None), None);
    }
}
