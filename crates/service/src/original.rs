//! Services of the original, which would want the same port.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

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

fn entries(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    names.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
