//! The settings themselves, and changes to them.

use serde::{Deserialize, Deserializer, Serialize};

use super::SettingsError;

const QUICK_CHAT: &str = "CmdOrCtrl+Shift+K";

/// Everything in `desktop.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Settings {
    pub(crate) notifications: Notifications,
    /// The shortcut of the quick chat, as the global shortcut plugin writes it. `None` is no shortcut.
    pub(crate) quick_chat: Option<String>,
    /// The three first questions were answered or skipped.
    pub(crate) first_run_done: bool,
    /// The language a person chose; `None` is that of the desktop.
    pub(crate) language: Option<Language>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            notifications: Notifications::default(),
            quick_chat: Some(QUICK_CHAT.to_owned()),
            first_run_done: false,
            language: None,
        }
    }
}

impl Settings {
    /// What a file says that no page could have saved falls back to its default.
    pub(super) fn without_impossible(mut self) -> Self {
        if self.quick_chat.as_deref().is_some_and(|shortcut| !is_shortcut(shortcut)) {
            self.quick_chat = Self::default().quick_chat;
        }
        self
    }
}

/// Which notifications are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notifications {
    /// An answer is complete and nobody was looking.
    pub(crate) answers: bool,
    /// A command waits for a decision.
    pub(crate) approvals: bool,
    /// A device wants to be let in.
    pub(crate) pairing: bool,
    /// The connection was lost, or is back.
    pub(crate) connection: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { answers: true, approvals: true, pairing: true, connection: true }
    }
}

/// A language the app speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    En,
    Fr,
    Es,
}

impl Language {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::En, Self::Fr, Self::Es];

    /// As in files and pages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::Es => "es",
        }
    }

    /// That of a locale such as `fr-CA`; English when the app does not speak it.
    pub(crate) fn of_locale(locale: Option<&str>) -> Self {
        let language = locale.and_then(|locale| locale.get(..2)).unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "fr" => Self::Fr,
            "es" => Self::Es,
            _ => Self::En,
        }
    }
}

/// What is to change; whatever is left out stays. `null` takes a shortcut or language away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SettingsPatch {
    pub(crate) notifications: NotificationsPatch,
    #[serde(deserialize_with = "given")]
    pub(crate) quick_chat: Option<Option<String>>,
    pub(crate) first_run_done: Option<bool>,
    #[serde(deserialize_with = "given")]
    pub(crate) language: Option<Option<Language>>,
}

/// The part of a patch about notifications.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NotificationsPatch {
    pub(crate) answers: Option<bool>,
    pub(crate) approvals: Option<bool>,
    pub(crate) pairing: Option<bool>,
    pub(crate) connection: Option<bool>,
}

impl SettingsPatch {
    pub(super) fn apply(self, mut settings: Settings) -> Result<Settings, SettingsError> {
        let Self { notifications, quick_chat, first_run_done, language } = self;
        let shown = &mut settings.notifications;
        shown.answers = notifications.answers.unwrap_or(shown.answers);
        shown.approvals = notifications.approvals.unwrap_or(shown.approvals);
        shown.pairing = notifications.pairing.unwrap_or(shown.pairing);
        shown.connection = notifications.connection.unwrap_or(shown.connection);
        if let Some(shortcut) = quick_chat {
            if let Some(text) = shortcut.as_ref().filter(|text| !is_shortcut(text)) {
                return Err(SettingsError::Shortcut(text.chars().take(MAX_SHORTCUT).collect()));
            }
            settings.quick_chat = shortcut;
        }
        settings.first_run_done = first_run_done.unwrap_or(settings.first_run_done);
        settings.language = language.unwrap_or(settings.language);
        Ok(settings)
    }
}

/// Tells a member that is `null` from one that is missing.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

const MAX_SHORTCUT: usize = 64;
/// Names of the plugin's own, in capitals. A shortcut without one of the first would take a key away
/// from every other program.
const STRONG: [&str; 11] = [
    "CMDORCTRL",
    "COMMANDORCONTROL",
    "CTRL",
    "CONTROL",
    "ALT",
    "OPTION",
    "SUPER",
    "CMD",
    "COMMAND",
    "CMDORCONTROL",
    "COMMANDORCTRL",
];

/// One key with at least one modifier other than Shift.
fn is_shortcut(text: &str) -> bool {
    if text.len() > MAX_SHORTCUT {
        return false;
    }
    let upper = text.to_ascii_uppercase();
    let mut parts: Vec<&str> = upper.split('+').collect();
    let Some(key) = parts.pop() else { return false };
    let modifier = |part: &&str| STRONG.contains(part) || *part == "SHIFT";
    let is_key = (1..=20).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    is_key
        && !modifier(&key)
        && parts.iter().all(modifier)
        && parts.iter().any(|part| STRONG.contains(part))
}

#[cfg(test)]
mod tests {
    use super::is_shortcut;

    #[test]
    fn a_shortcut_is_a_key_with_a_modifier() {
        for good in ["CmdOrCtrl+Shift+K", "Ctrl+Alt+Space", "Super+F1", "alt+/"] {
            assert!(is_shortcut(good), "{good}");
        }
        let long = format!("Ctrl+{}", "K".repeat(80));
        for bad in [
            "",
            "K",
            "Shift+K",
            "Ctrl",
            "Ctrl+",
            "Ctrl+Shift",
            "Ctrl+K+L",
            "Ctrl + K",
            "Ctrl+\n",
            &long,
        ] {
            assert!(!is_shortcut(bad), "{bad:?}");
        }
    }
}
