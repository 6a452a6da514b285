//! Secrets of remote gateways: in the system's keyring, or in a file for this user alone on a system
//! that has none. The page never sees any.
//!
//! The file also lists what the keyring keeps, so that a keyring that is locked or gone is never
//! taken for an empty one: what is in it would be shadowed.
//!
//! One thread asks the keyring, in the order in which it was told to. Nobody waits long for one that
//! wants its own password first; what was to be saved is saved then, and what came last wins.

mod error;

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use clawdbot_protocol::DeviceIdentity;
use keyring_core::{Entry, Error as KeyringError};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

pub(crate) use self::error::VaultError;
use crate::platform::{Here, Platform as _};

/// The name of this app's entries.
const SERVICE: &str = "Clawdbot";
const FILE: &str = "remote-secrets.json";
/// The entry with the seed of the device key.
const DEVICE: &str = "device";
/// A keyring that asks for its own password may take long; nobody waits for it longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Questions that may wait for it.
const MAX_WAITING: usize = 64;

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
pub(crate) struct Vault {
    jobs: SyncSender<Job>,
    /// Whether the last question was answered, however late.
    answered: watch::Sender<bool>,
}

/// One question to the keyring, or one change.
type Job = Box<dyn FnOnce(&Store) + Send>;

/// The keyring and the file beside it.
struct Store {
    file: PathBuf,
    keyring: Box<Keyring>,
}

impl Vault {
    /// The vault of this app's state directory and of the system's keyring.
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self::with(state_dir, Box::new(|name| Here::keyring_entry(SERVICE, name)))
    }

    fn with(state_dir: &Path, keyring: Box<Keyring>) -> Self {
        let store = Store { file: state_dir.join(FILE), keyring };
        let (jobs, waiting) = sync_channel::<Job>(MAX_WAITING);
        let work = move || {
            for job in waiting {
                // Whoever asked hears of a panic; the next ones are still to be served.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&store)));
            }
        };
        if let Err(error) = std::thread::Builder::new().name("vault".to_owned()).spawn(work) {
            tracing::error!(%error, "no thread for the keyring");
        }
        Self { jobs, answered: watch::channel(true).0 }
    }

    /// What is known for a gateway.
    ///
    /// # Errors
    /// [`VaultError`]; a gateway that nothing is known of is none.
    pub(crate) async fn credential(&self, key: &str) -> Result<Credential, VaultError> {
        let name = name(key);
        self.ask(move |store| store.credential(&name)).await
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`VaultError`]; then what was kept before still is. A keyring that does not answer may
    /// still take it later ([`VaultError::Silent`]).
    pub(crate) async fn keep(&self, key: &str, credential: &Credential) -> Result<(), VaultError> {
        let (name, credential) = (name(key), credential.clone());
        self.ask(move |store| store.keep(&name, &credential)).await
    }

    /// Adds the token that a gateway gave this device to what opens that gateway.
    ///
    /// # Errors
    /// As for [`Vault::keep`].
    pub(crate) async fn learn(&self, key: &str, device_token: &str) -> Result<(), VaultError> {
        let (name, device_token) = (name(key), Some(device_token.to_owned()));
        self.ask(move |store| {
            let known = store.credential(&name)?;
            store.keep(&name, &Credential { device_token, ..known })
        })
        .await
    }

    /// The key of this device, made at first use.
    ///
    /// # Errors
    /// [`VaultError`]; a key that cannot be read is never replaced.
    pub(crate) async fn identity(&self) -> Result<Arc<DeviceIdentity>, VaultError> {
        let seed = self.ask(Store::seed).await?;
        Ok(Arc::new(DeviceIdentity::from_seed(&seed)))
    }

    /// Waits until a question that took too long is answered after all: somebody has entered the
    /// keyring's password.
    pub(crate) async fn opened(&self) {
        let mut answered = self.answered.subscribe();
        while answered.changed().await.is_ok() {
            if *answered.borrow_and_update() {
                return;
            }
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Store) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let (tell, told) = oneshot::channel();
        let answered = self.answered.clone();
        let job = Box::new(move |store: &Store| {
            let answer = what(store);
            answered.send_replace(answer.is_ok());
            let _ = tell.send(answer);
        });
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(VaultError::Silent),
            Err(TrySendError::Disconnected(_)) => return Err(unexpected()),
        }
        let answer = tokio::time::timeout(PATIENCE, told).await;
        answer.map_err(|_| VaultError::Silent)?.map_err(|_| unexpected())?
    }
}

/// What asks the keyring has panicked, or was never there.
fn unexpected() -> VaultError {
    VaultError::Broken("asking it failed unexpectedly".to_owned())
}

/// The entry with what opens a gateway.
fn name(key: &str) -> String {
    format!("gateway:{key}")
}

/// What is in the file: secrets, or `null` for those that the keyring has.
type Entries = BTreeMap<String, Option<String>>;

impl Store {
    fn credential(&self, name: &str) -> Result<Credential, VaultError> {
        let Some(text) = self.read(name)? else { return Ok(Credential::default()) };
        serde_json::from_str(&text).map_err(|_| VaultError::Damaged(name.to_owned()))
    }

    fn keep(&self, name: &str, credential: &Credential) -> Result<(), VaultError> {
        let text = serde_json::to_string(credential).map_err(io::Error::other)?;
        self.write(name, &text)
    }

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
    use tokio::sync::Mutex;

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
    async fn what_is_saved_last_wins_however_long_the_keyring_waits_for_its_password() {
        let (directory, store) = (tempfile::tempdir().unwrap(), mock::Store::new().unwrap());
        let locked = Arc::new(Mutex::new(()));
        let (waits, entries) = (locked.clone(), store.clone());
        let keyring = move |name: &str| {
            drop(waits.blocking_lock());
            entries.build(SERVICE, name, None).map(Some)
        };
        let vault = Vault::with(directory.path(), Box::new(keyring));
        let token = |number: usize| Some(number.to_string());
        for _ in 0..20 {
            let password = locked.lock().await;
            let saves: Vec<_> = (0..MAX_WAITING)
                .map(|number| {
                    let (vault, token) = (vault.clone(), token(number));
                    let credential = Credential { token, ..Credential::default() };
                    tokio::spawn(async move { vault.keep("k", &credential).await })
                })
                .collect();
            // Now all of them have asked, one after the other.
            tokio::task::yield_now().await;
            drop(password);
            for save in saves {
                save.await.unwrap().unwrap();
            }
            let last = vault.credential("k").await.unwrap();
            assert_eq!(last.token, token(MAX_WAITING - 1));
        }
    }

    #[tokio::test]
    async fn what_a_gateway_gives_is_added_to_what_a_person_saved_meanwhile() {
        let (directory, store) = (tempfile::tempdir().unwrap(), mock::Store::new().unwrap());
        let vault = with_keyring(directory.path(), &store);
        vault.keep("k", &credential()).await.unwrap();
        vault.learn("k", "of-this-device").await.unwrap();
        let kept = vault.credential("k").await.unwrap();
        assert_eq!(kept.token.as_deref(), Some(SECRET));
        assert_eq!(kept.device_token.as_deref(), Some("of-this-device"));
    }

    #[tokio::test]
    async fn a_keyring_that_panics_is_broken_and_the_next_question_is_answered() {
        let (directory, store) = (tempfile::tempdir().unwrap(), mock::Store::new().unwrap());
        let keyring = move |name: &str| {
            assert!(name != "gateway:bad", "as a library might");
            store.build(SERVICE, name, None).map(Some)
        };
        let vault = Vault::with(directory.path(), Box::new(keyring));
        assert_eq!(vault.credential("bad").await.err().unwrap().code(), "KEYRING_BROKEN");
        assert!(vault.credential("k").await.unwrap() == Credential::default());
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
