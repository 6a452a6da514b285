//! What belongs to the desktop app alone: `desktop.json` in the state directory.
//!
//! The gateway's own settings are in `clawdbot.json`. A file that cannot be understood is set
//! aside and the app goes on with the defaults, because none of this is worth refusing to start.

pub(crate) mod commands;
mod values;

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;

pub(crate) use self::values::{Language, Settings, SettingsPatch};
use crate::phrases::Phrases;

const FILE: &str = "desktop.json";

/// Why the settings were not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("These settings were not saved: {0}. Nothing was changed.")]
    Patch(#[from] serde_json::Error),
    #[error(
        "The shortcut {0:?} was not saved, because it is not one key together with Ctrl, Alt, Shift or Super. Choose another one."
    )]
    Shortcut(String),
    #[error("The settings could not be written to {}: {source}. Check that there is space and that you may write there.", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("Start at login: {0}.")]
    Login(#[from] crate::login::LoginError),
    #[error("The settings could not be saved, because the app is quitting.")]
    Ended,
}

impl SettingsError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Patch(_) => "SETTINGS_PATCH",
            Self::Shortcut(_) => "SETTINGS_SHORTCUT",
            Self::Write { .. } => "SETTINGS_WRITE",
            Self::Login(error) => error.code(),
            Self::Ended => "SETTINGS_ENDED",
        }
    }
}

/// A cheap handle to the settings and their file.
#[derive(Clone)]
pub(crate) struct SettingsStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    desktop: Language,
    current: watch::Sender<Settings>,
    /// Held from reading to writing, so that no change is lost to another one.
    writing: Mutex<()>,
}

impl SettingsStore {
    /// Reads the settings of a state directory; `desktop` is the language of whoever chose none.
    /// Writes nothing unless a broken file has to go.
    pub(crate) fn open(state_dir: &Path, desktop: Language) -> Self {
        let path = state_dir.join(FILE);
        let current = watch::Sender::new(read_or_set_aside(&path).unwrap_or_default());
        Self { shared: Arc::new(Shared { path, desktop, current, writing: Mutex::default() }) }
    }

    /// The file they are in.
    pub(crate) fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The settings as they are now.
    pub(crate) fn current(&self) -> Settings {
        self.shared.current.borrow().clone()
    }

    /// The language to speak from now on.
    pub(crate) fn language(&self) -> Language {
        self.shared.current.borrow().language.unwrap_or(self.shared.desktop)
    }

    /// What the tray and notifications say in that language.
    pub(crate) fn phrases(&self) -> &'static Phrases {
        Phrases::of(self.language())
    }

    /// Follows the settings; the newest value is always there.
    pub(crate) fn watch(&self) -> watch::Receiver<Settings> {
        self.shared.current.subscribe()
    }

    /// Changes what the patch names, on disk first. Waits for the disk.
    ///
    /// # Errors
    /// [`SettingsError::Shortcut`] and [`SettingsError::Write`]; nothing is changed then.
    pub(crate) fn update(&self, patch: SettingsPatch) -> Result<Settings, SettingsError> {
        let _one_at_a_time = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // What a person wrote into the file meanwhile is not to be lost.
        let before = read_or_set_aside(&self.shared.path).unwrap_or_else(|| self.current());
        let wanted = patch.apply(before.clone())?;
        if wanted != before {
            self.write(&wanted)?;
        }
        self.adopt(&wanted);
        Ok(wanted)
    }

    /// Takes over what somebody else wrote into the file. Waits for the disk.
    pub(crate) fn reload(&self) {
        let _one_at_a_time = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match read(&self.shared.path) {
            Ok(Some(settings)) => self.adopt(&settings),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the changed desktop settings are not used; the ones in force stay");
            }
        }
    }

    fn adopt(&self, settings: &Settings) {
        let differ = |current: &mut Settings| {
            let differ = current != settings;
            if differ {
                current.clone_from(settings);
            }
            differ
        };
        self.shared.current.send_if_modified(differ);
    }

    /// Wakes everybody who follows, because something shown beside the settings has changed.
    pub(crate) fn announce(&self) {
        self.shared.current.send_modify(|_| {});
    }

    fn write(&self, settings: &Settings) -> Result<(), SettingsError> {
        let path = &self.shared.path;
        let mut text = serde_json::to_string_pretty(settings)?;
        text.push('\n');
        clawdbot_config::write(path, &text)
            .map_err(|source| SettingsError::Write { path: path.clone(), source })
    }
}

/// `None` where there is no file; an error where it is broken.
fn read(path: &Path) -> Result<Option<Settings>, Box<dyn Error>> {
    match clawdbot_config::read_text(path) {
        Ok(text) => {
            let members = serde_json::from_str::<Map<String, Value>>(&text)?;
            let settings: Settings = serde_json::from_value(understood(members, path))?;
            Ok(Some(settings.without_impossible()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the desktop settings cannot be read");
            Ok(None)
        }
    }
}

/// The members that make sense, so that one of another version costs no other.
fn understood(members: Map<String, Value>, path: &Path) -> Value {
    let makes_sense = |(name, value): &(String, Value)| {
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        let read = serde_json::from_value::<Settings>(alone);
        if let Err(error) = &read {
            tracing::warn!(%error, name, path = %path.display(), "a desktop setting is left out");
        }
        read.is_ok()
    };
    members.into_iter().filter(makes_sense).collect()
}

/// Keeps a broken file as `desktop.json.broken`, so that nothing a person wrote is lost.
fn read_or_set_aside(path: &Path) -> Option<Settings> {
    read(path).unwrap_or_else(|cause| {
        let mut aside = OsString::from(path);
        aside.push(".broken");
        let kept = fs::rename(path, &aside).map_err(|error| error.to_string()).err();
        tracing::warn!(%cause, kept, path = %path.display(), "the desktop settings are broken and were set aside");
        None
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::{FILE, Language, Settings, SettingsPatch, SettingsStore};

    fn open(state_dir: &Path) -> SettingsStore {
        SettingsStore::open(state_dir, Language::Es)
    }

    fn patch(value: Value) -> SettingsPatch {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_change_is_on_disk_before_it_is_announced() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let mut watch = store.watch();
        assert_eq!(store.current(), Settings::default());
        assert!(store.current().notifications.answers && !store.current().first_run_done);

        let changed = json!({ "notifications": { "answers": false }, "language": "fr" });
        store.update(patch(changed)).unwrap();
        assert!(watch.has_changed().unwrap());
        assert!(!watch.borrow_and_update().notifications.answers);

        let path = dir.path().join(FILE);
        let on_disk: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(
            on_disk["notifications"],
            json!({ "answers": false, "approvals": true, "pairing": true, "connection": true })
        );
        assert_eq!(open(dir.path()).current(), store.current());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_language_is_the_desktops_until_one_is_chosen_and_again_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for (chosen, language, quit) in [
            (json!(null), Language::Es, "Salir"),
            (json!("fr"), Language::Fr, "Quitter"),
            (json!("en"), Language::En, "Quit"),
            (json!(null), Language::Es, "Salir"),
        ] {
            store.update(patch(json!({ "language": chosen }))).unwrap();
            assert_eq!((store.language(), store.phrases().quit), (language, quit));
        }
    }

    #[test]
    fn the_shortcut_can_be_taken_away_and_must_make_sense() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        assert_eq!(store.current().quick_chat.as_deref(), Some("CmdOrCtrl+Shift+K"));
        let error = store.update(patch(json!({ "quickChat": "K" }))).unwrap_err();
        assert_eq!(error.code(), "SETTINGS_SHORTCUT");
        assert!(!dir.path().join(FILE).exists());
        store.update(patch(json!({ "quickChat": null }))).unwrap();
        assert_eq!(open(dir.path()).current().quick_chat, None);
    }

    #[test]
    fn a_broken_file_is_kept_and_the_defaults_are_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        for broken in [&b"{ oops"[..], b"5", b"\xff\xfe"] {
            fs::write(&path, broken).unwrap();
            let store = open(dir.path());
            assert_eq!(store.current(), Settings::default());
            assert_eq!(fs::read(dir.path().join("desktop.json.broken")).unwrap(), broken);
            assert!(!path.exists());
        }
    }

    #[test]
    fn what_is_written_by_hand_is_followed_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (store, path) = (open(dir.path()), dir.path().join(FILE));
        store.update(patch(json!({ "firstRunDone": true }))).unwrap();
        fs::write(&path, r#"{"language":"fr","notifications":{"answers":false}}"#).unwrap();
        store.update(patch(json!({ "notifications": { "pairing": false } }))).unwrap();
        let now = store.current();
        assert_eq!(now.language, Some(Language::Fr));
        assert_eq!((now.notifications.answers, now.notifications.pairing), (false, false));

        let mut watch = store.watch();
        fs::write(&path, "{ half").unwrap();
        store.reload();
        assert!(!watch.has_changed().unwrap());
        fs::write(&path, r#"{"language":"en"}"#).unwrap();
        store.reload();
        assert_eq!(watch.borrow_and_update().language, Some(Language::En));
    }

    #[test]
    fn a_member_that_makes_no_sense_costs_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let text = r#"{"language":"xx","firstRunDone":true,"notifications":5}"#;
        fs::write(dir.path().join(FILE), text).unwrap();
        let read = open(dir.path()).current();
        assert!(read.first_run_done && read.notifications.answers);
        assert_eq!(read.language, None);
    }

    #[test]
    fn unknown_members_are_left_out_of_the_file_and_refused_in_a_patch() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        fs::write(&path, r#"{"firstRunDone":true,"later":1,"quickChat":"nonsense"}"#).unwrap();
        let store = open(dir.path());
        assert!(store.current().first_run_done);
        assert_eq!(store.current().quick_chat, Settings::default().quick_chat);
        store.update(patch(json!({ "firstRunDone": false }))).unwrap();
        assert!(!fs::read_to_string(&path).unwrap().contains("later"));
        for refused in [
            json!({ "later": 1 }),
            json!({ "notifications": { "x": true } }),
            json!({ "language": "de" }),
            json!([1]),
        ] {
            assert!(serde_json::from_value::<SettingsPatch>(refused.clone()).is_err(), "{refused}");
        }
    }

    #[test]
    fn settings_that_cannot_be_written_stay_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        fs::create_dir(dir.path().join(FILE)).unwrap();
        let error = store.update(patch(json!({ "firstRunDone": true }))).unwrap_err();
        assert_eq!(error.code(), "SETTINGS_WRITE");
        assert!(!store.current().first_run_done);
    }
}
