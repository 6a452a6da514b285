//! Services of the original, which would want the same port.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::launchd::LABEL;
use crate::systemd::UNIT;

/// Names that the original has used, for the usual profile.
const NAMES: [&str; 3] = ["clawdbot-gateway", "moltbot-gateway", "openclaw-gateway"];
/// The same on macOS.
const LABELS: [&str; 6] = [
    "com.clawdbot.gateway",
    "bot.molt.gateway",
    "com.moltbot.gateway",
    "ai.openclaw.gateway",
    "com.openclaw.gateway",
    "com.steipete.clawdbot.gateway",
];

/// A service of the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Original {
    /// Its name or label.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Whether it starts by itself, as far as its files tell.
    pub enabled: bool,
}

/// The services of the original that are installed for this user or the whole system, `root` being
/// the directory in which the system's own are looked up. Looks only at files.
pub fn originals(home: &Path, config_home: &Path, root: &Path) -> Vec<Original> {
    let user = config_home.join("systemd/user");
    let system = root.join("etc/systemd/system");
    let mut found: Vec<Original> = [&user, &system]
        .into_iter()
        .flat_map(|dir| entries(dir).into_iter().map(move |name| (dir, name)))
        .filter(|(_, name)| {
            let stem = name.strip_suffix(".service");
            stem.is_some_and(|stem| NAMES.iter().any(|known| stem.starts_with(known)))
        })
        .map(|(dir, name)| {
            let wants = ["default.target.wants", "multi-user.target.wants"];
            let enabled =
                wants.iter().any(|wants| dir.join(wants).join(&name).symlink_metadata().is_ok());
            Original { path: dir.join(&name), name, enabled }
        })
        .collect();
    let agents = home.join("Library/LaunchAgents");
    found.extend(entries(&agents).into_iter().filter_map(|file| {
        let label = file.strip_suffix(".plist")?.to_owned();
        LABELS.contains(&label.as_str()).then(|| Original {
            name: label,
            path: agents.join(&file),
            enabled: true,
        })
    }));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Whether the gateway of a profile starts with the system or the login of this user: this product's
/// or the original's. Looks only at files.
pub fn starts_by_itself(
    home: &Path,
    config_home: &Path,
    root: &Path,
    profile: Option<&str>,
) -> bool {
    let named = |name: &str, joint: &str| match profile {
        Some(profile) => format!("{name}{joint}{profile}"),
        None => name.to_owned(),
    };
    let wants = [
        config_home.join("systemd/user/default.target.wants"),
        root.join("etc/systemd/system/multi-user.target.wants"),
    ];
    let units = NAMES.into_iter().chain([UNIT]).map(|name| named(name, "-") + ".service");
    let agents = LABELS.into_iter().chain([LABEL]).map(|label| named(label, ".") + ".plist");
    let there = |path: PathBuf| path.symlink_metadata().is_ok();
    units.into_iter().any(|unit| wants.iter().any(|dir| there(dir.join(&unit))))
        || agents.into_iter().any(|agent| there(home.join("Library/LaunchAgents").join(agent)))
}

fn entries(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    names.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_starts_by_itself_is_known_by_its_profile() {
        let home = tempfile::tempdir().unwrap();
        let wants = home.path().join(".config/systemd/user/default.target.wants");
        fs::create_dir_all(&wants).unwrap();
        let starts = |profile| {
            starts_by_itself(home.path(), &home.path().join(".config"), home.path(), profile)
        };
        assert!(!starts(None));
        fs::write(wants.join("openclaw-gateway-work.service"), "").unwrap();
        assert!(!starts(None) && starts(Some("work")));
        fs::write(wants.join("clawdbot.service"), "").unwrap();
        assert!(starts(None) && !starts(Some("home")));
    }

    #[test]
    fn units_and_agents_of_the_original_are_found() {
        let home = tempfile::tempdir().unwrap();
        let units = home.path().join(".config/systemd/user");
        fs::create_dir_all(units.join("default.target.wants")).unwrap();
        for name in [
            "clawdbot-gateway.service",
            "openclaw-gateway-work.service",
            "clawdbot.service",
            "other.service",
        ] {
            fs::write(units.join(name), "").unwrap();
        }
        fs::write(units.join("default.target.wants/clawdbot-gateway.service"), "").unwrap();
        let agents = home.path().join("Library/LaunchAgents");
        fs::create_dir_all(&agents).unwrap();
        fs::write(agents.join("com.clawdbot.gateway.plist"), "").unwrap();
        fs::write(agents.join("com.clawdbot.service.plist"), "").unwrap();
        let found = originals(home.path(), &home.path().join(".config"), home.path());
        let names: Vec<_> = found.iter().map(|o| (o.name.as_str(), o.enabled)).collect();
        assert_eq!(
            names,
            [
                ("clawdbot-gateway.service", true),
                ("openclaw-gateway-work.service", false),
                ("com.clawdbot.gateway", true)
            ]
        );
    }
}
