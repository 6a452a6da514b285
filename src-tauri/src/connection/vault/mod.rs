//! Secrets of remote gateways: in the system's keyring, or in a file for this user alone on a system
//! that has none. The page never sees any.
//!
//! The file also lists what the keyring keeps, so that a keyring that is locked or gone is never
//! taken for an empty one: what is in it would be shadowed.

mod error;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clawdbot_protocol::DeviceIdentity;
use keyring_core::{Entry, Error as KeyringError};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub(crate) use self::error::VaultError;
use crate::platform::{Here, Platform as _};

/// The name of this app's entries.
const SERVICE: &str = "Clawdbot";
const FILE: &str = "remote-secrets.json";
/// The entry with the seed of the device key.
const DEVICE: &str = "device";
/// A keyring that asks for its own password may take long; nobody waits for it longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What opens one gateway.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Credential {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
    /// What that gateway gave this device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_token: Option<String>,
}

impl Credential {
    /// The one to present: what a person entered comes first.
    pub(crate) fn presented(&self) -> Option<clawdbot_client::Credential> {
        let password = self.password.clone().map(clawdbot_client::Credential::Password);
        let token = self.token.clone().or_else(|| self.device_token.clone());
        password.or_else(|| token.map(clawdbot_client::Credential::Token))
    }
}

/// The keyring's entry with that name; `None` on a system without a keyring.
type Keyring = dyn Fn(&str) -> Result<Option<Entry>, KeyringError> + Send + Sync;

/// A cheap handle to where secrets are kept.
#[derive(Clone)]
pub(crate) struct Vault(Arc<Inner>);

struct Inner {
    file: PathBuf,
    keyring: Box<Keyring>,
    /// One reader or writer at a time, so that no change is lost to another one.
    turn: Mutex<()>,
    /// Whether the last question was answered, however late.
    answered: watch::Sender<bool>,
}

impl Vault {
    /// The vault of this app's state directory and of the system's keyring.
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self::with(state_dir, Box::new(|name| Here::keyring_entry(SERVICE, name)))
    }

    fn with(state_dir: &Path, keyring: Box<Keyring>) -> Self {
        let file = state_dir.join(FILE);
        let (answered, _) = watch::channel(true);
        Self(Arc::new(Inner { file, keyring, turn: Mutex::default(), answered }))
    }

    /// What is known for a gateway.
    ///
    /// # Errors
    /// [`VaultError`]; a gateway that nothing is known of is none.
    pub(crate) async fn credential(&self, key: &str) -> Result<Credential, VaultError> {
        let name = name(key);
        self.ask(move |vault| {
            let Some(text) = vault.read(&name)? else { return Ok(Credential::default()) };
            serde_json::from_str(&text).map_err(|_| VaultError::Damaged(name))
        })
        .await
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`VaultError`]; then what was kept before still is.
    pub(crate) async fn keep(&self, key: &str, credential: &Credential) -> Result<(), VaultError> {
        let text = serde_json::to_string(credential).map_err(io::Error::other)?;
        let name = name(key);
        self.ask(move |vault| vault.write(&name, &text)).await
    }

    /// The key of this device, made at first use.
    ///
    /// # Errors
    /// [`VaultError`]; a key that cannot be read is never replaced.
    pub(crate) async fn identity(&self) -> Result<Arc<DeviceIdentity>, VaultError> {
        let seed = self.ask(Inner::seed).await?;
        Ok(Arc::new(DeviceIdentity::from_seed(&seed)))
    }

    /// Waits until a question that took too long is answered after all: somebody has entered the
    /// keyring's password.
    pub(crate) async fn opened(&self) {
        let mut answered = self.0.answered.subscribe();
        while answered.changed().await.is_ok() {
            if *answered.borrow_and_update() {
                return;
            }
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Inner) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let inner = self.0.clone();
        let asking = tokio::task::spawn_blocking(move || {
            let _turn = inner.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = what(&inner);
            inner.answered.send_replace(answer.is_ok());
            answer
        });
        let answer = tokio::time::timeout(PATIENCE, asking).await;
        answer.map_err(|_| VaultError::Silent)?.map_err(io::Error::other)?
    }
}

/// The entry with what opens a gateway.
fn name(key: &str) -> String {
    format!("gateway:{key}")
}

/// What is in the file: secrets, or `null` for those that the keyring has.
type Entries = BTreeMap<String, Option<String>>;

impl Inner {
    fn seed(&self) -> Result<[u8; 32], VaultError> {
        if let Some(text) = self.read(DEVICE)? {
            return seed(&text).ok_or_else(|| VaultError::Damaged(DEVICE.to_owned()));
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let text: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        self.write(DEVICE, &text)?;
        Ok(seed)
    }

    fn read(&self, name: &str) -> Result<Option<String>, VaultError> {
        let mut entries = self.entries()?;
        let listed = match entries.remove(name) {
            // What lies in the file was put there when there was no keyring, and is newer.
            Some(Some(text)) => return Ok(Some(text)),
            Some(None) => true,
            None => false,
        };
        match (self.keyring)(name)? {
            Some(entry) => match entry.get_password() {
                Ok(text) => {
                    if !listed {
                        entries.insert(name.to_owned(), None);
                        self.save(&entries)?;
                    }
                    Ok(Some(text))
                }
                Err(KeyringError::NoEntry) => Ok(None),
                Err(error) => Err(error.into()),
            },
            None if listed => Err(VaultError::Gone),
            None => Ok(None),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), VaultError> {
        let before = self.entries()?;
        let mut entries = before.clone();
        match (self.keyring)(name)? {
            Some(entry) => {
                entry.set_password(text)?;
                entries.insert(name.to_owned(), None);
            }
            None if before.get(name) == Some(&None) => return Err(VaultError::Gone),
            None => {
                tracing::info!("there is no keyring; secrets are kept in a private file");
                entries.insert(name.to_owned(), Some(text.to_owned()));
            }
        }
        if entries != before {
            self.save(&entries)?;
        }
        Ok(())
    }

    fn entries(&self) -> io::Result<Entries> {
        match std::fs::read_to_string(&self.file) {
            Ok(text) => serde_json::from_str(&text).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::default()),
            Err(error) => Err(error),
        }
    }

    fn save(&self, entries: &Entries) -> io::Result<()> {
        let text = serde_json::to_string_pretty(entries).map_err(io::Error::other)?;
        clawdbot_config::write(&self.file, &text)
    }
}

fn seed(text: &str) -> Option<[u8; 32]> {
    let bytes = (0..64).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    (text.len() == 64).then_some(())?;
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use keyring_core::api::CredentialStoreApi as _;
    use keyring_core::mock;

    use super::*;

    const SECRET: &str = "far-gateway-token";

    fn credential() -> Credential {
        Credential { token: Some(SECRET.to_owned()), ..Credential::default() }
    }

    fn file(directory: &Path) -> String {
        std::fs::read_to_string(directory.join(FILE)).unwrap_or_default()
    }

    /// A vault with a keyring that is as full as `store`.
    fn with_keyring(directory: &Path, store: &Arc<mock::Store>) -> Vault {
        let store = store.clone();
        Vault::with(directory, Box::new(move |name| store.build(SERVICE, name, None).map(Some)))
    }

    fn fails(directory: &Path, error: fn() -> KeyringError) -> Vault {
        Vault::with(directory, Box::new(move |_| Err(error())))
    }

    fn without_keyring(directory: &Path) -> Vault {
        Vault::with(directory, Box::new(|_| Ok(None)))
    }

    #[tokio::test]
    async fn secrets_are_in_the_keyring_and_the_file_only_lists_them() {
        let (directory, store) = (tempfile::tempdir().unwrap(), mock::Store::new().unwrap());
        let vault = with_keyring(directory.path(), &store);
        vault.keep("k", &credential()).await.unwrap();
        let device = vault.identity().await.unwrap().id();
        assert!(!file(directory.path()).contains(SECRET));
        let again = with_keyring(directory.path(), &store);
        assert!(again.credential("k").await.unwrap() == credential());
        assert!(again.credential("other").await.unwrap() == Credential::default());
        assert_eq!(again.identity().await.unwrap().id(), device);
    }

    #[tokio::test]
    async fn a_keyring_that_does_not_open_is_not_an_empty_one() {
        let (directory, store) = (tempfile::tempdir().unwrap(), mock::Store::new().unwrap());
        let vault = with_keyring(directory.path(), &store);
        vault.keep("k", &credential()).await.unwrap();
        let device = vault.identity().await.unwrap().id();
        let kept = file(directory.path());
        let locked = || KeyringError::NoStorageAccess("locked".into());
        let broken = || KeyringError::PlatformFailure("no bus".into());
        for (vault, code) in [
            (fails(directory.path(), locked), "KEYRING_LOCKED"),
            (fails(directory.path(), broken), "KEYRING_BROKEN"),
            (without_keyring(directory.path()), "KEYRING_GONE"),
        ] {
            assert_eq!(vault.identity().await.err().unwrap().code(), code);
            assert_eq!(vault.credential("k").await.err().unwrap().code(), code);
            assert_eq!(vault.keep("k", &Credential::default()).await.err().unwrap().code(), code);
            assert_eq!(file(directory.path()), kept);
        }
        let again = with_keyring(directory.path(), &store);
        assert_eq!(again.identity().await.unwrap().id(), device);
    }

    #[tokio::test]
    async fn without_a_keyring_secrets_are_in_a_file_that_is_never_started_over() {
        let directory = tempfile::tempdir().unwrap();
        let vault = without_keyring(directory.path());
        vault.keep("k", &credential()).await.unwrap();
        let device = vault.identity().await.unwrap().id();
        assert_eq!(vault.identity().await.unwrap().id(), device);
        assert!(vault.credential("k").await.unwrap() == credential());
        std::fs::write(directory.path().join(FILE), "{\"device\": \"00\"}").unwrap();
        assert_eq!(vault.identity().await.err().unwrap().code(), "SECRET_DAMAGED");
        std::fs::write(directory.path().join(FILE), "{").unwrap();
        assert_eq!(vault.identity().await.err().unwrap().code(), "SECRETS_FILE");
        assert_eq!(file(directory.path()), "{");
    }
}
