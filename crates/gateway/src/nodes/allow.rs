//! Which commands a node may offer, by its platform (protocol §14.7).

use clawdbot_config::NodesConfig;

const SCREEN: [&str; 13] = [
    "canvas.present",
    "canvas.hide",
    "canvas.navigate",
    "canvas.eval",
    "canvas.snapshot",
    "canvas.a2ui.push",
    "canvas.a2ui.pushJSONL",
    "canvas.a2ui.reset",
    "camera.list",
    "camera.snap",
    "camera.clip",
    "screen.record",
    "location.get",
];
const PHONE: [&str; 1] = ["sms.send"];
const COMPUTER: [&str; 6] = [
    "system.run",
    "system.which",
    "system.notify",
    "system.execApprovals.get",
    "system.execApprovals.set",
    "browser.proxy",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Platform {
    Ios,
    Android,
    MacOs,
    Linux,
    Windows,
    Unknown,
}

impl Platform {
    fn of(platform: &str, family: Option<&str>) -> Self {
        let known = |text: &str| {
            let text = text.trim().to_ascii_lowercase();
            let starts = |names: &[&str]| names.iter().any(|name| text.starts_with(name));
            if starts(&["ios", "ipados", "iphone", "ipad"]) {
                Some(Self::Ios)
            } else if starts(&["android"]) {
                Some(Self::Android)
            } else if starts(&["mac", "darwin"]) {
                Some(Self::MacOs)
            } else if starts(&["linux"]) {
                Some(Self::Linux)
            } else if starts(&["win"]) {
                Some(Self::Windows)
            } else {
                None
            }
        };
        known(platform).or_else(|| family.and_then(known)).unwrap_or(Self::Unknown)
    }

    fn offers(self, command: &str) -> bool {
        let lists: &[&[&str]] = match self {
            Self::Ios => &[&SCREEN],
            Self::Android => &[&SCREEN, &PHONE],
            Self::MacOs => &[&SCREEN, &COMPUTER],
            Self::Linux | Self::Windows => &[&COMPUTER],
            Self::Unknown => &[&SCREEN, &PHONE, &COMPUTER],
        };
        lists.iter().any(|list| list.contains(&command))
    }
}

/// Whether a node of this platform may offer `command`: its platform's commands and those that the
/// configuration allows, without those that it denies.
pub(super) fn allows(
    config: &NodesConfig,
    platform: &str,
    family: Option<&str>,
    command: &str,
) -> bool {
    let named = |lists: [&[String]; 2]| lists.concat().iter().any(|name| name.trim() == command);
    let allowed = named([&config.allow_commands, &config.commands.allow]);
    let denied = named([&config.deny_commands, &config.commands.deny]);
    !denied && (allowed || Platform::of(platform, family).offers(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_its_own_commands() {
        let config = NodesConfig::default();
        let allows = |platform, command| allows(&config, platform, None, command);
        assert!(allows("linux", "system.run") && !allows("linux", "camera.snap"));
        assert!(allows("iOS 18.1", "camera.snap") && !allows("iOS 18.1", "system.run"));
        assert!(allows("android", "sms.send") && !allows("ios", "sms.send"));
        assert!(allows("darwin", "system.run") && allows("macos", "canvas.eval"));
        assert!(allows("haiku", "system.run") && !allows("haiku", "bogus.cmd"));
        assert!(super::allows(&config, "tvOS", Some("iPad"), "camera.snap"));
    }

    #[test]
    fn the_configuration_adds_and_takes_away_under_both_names() {
        let mut config = NodesConfig::default();
        config.allow_commands.push("lights.on".into());
        config.commands.allow.push("lights.off".into());
        config.deny_commands.push("lights.off".into());
        config.commands.deny.push("system.run".into());
        let allows = |command| allows(&config, "linux", None, command);
        assert!(allows("lights.on") && allows("system.which"));
        assert!(!allows("lights.off") && !allows("system.run"));
    }
}
