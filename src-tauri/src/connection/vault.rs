//! Secrets of remote gateways: in the system's keyring, or in a file for this user alone where no
//! keyring answers. The page never sees any.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clawdbot_protocol::DeviceIdentity;
use serde::{Deserialize, Serialize};

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

/// A cheap handle to where secrets are kept.
#[derive(Clone)]
pub(crate) struct Vault {
    file: PathBuf,
    /// One reader or writer at a time, so that no change is lost to another one.
    turn: Arc<Mutex<()>>,
}

impl Vault {
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { file: state_dir.join(FILE), turn: Arc::default() }
    }

    /// What is known for a gateway.
    pub(crate) async fn credential(&self, key: &str) -> Credential {
        let text = self.read(format!("gateway:{key}")).await;
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Keeps it.
    pub(crate) async fn keep(&self, key: &str, credential: &Credential) {
        if let Ok(text) = serde_json::to_string(credential) {
            self.write(format!("gateway:{key}"), text).await;
        }
    }

    /// The key of this device, made at first use.
    pub(crate) async fn identity(&self) -> Arc<DeviceIdentity> {
        let known = self.read(DEVICE.to_owned()).await.and_then(|text| seed(&text));
        let seed = match known {
            Some(seed) => seed,
            None => {
                let mut seed = [0; 32];
                if let Err(error) = getrandom::fill(&mut seed) {
                    tracing::error!(%error, "no device key can be made");
                }
                let text = seed.iter().map(|byte| format!("{byte:02x}")).collect();
                self.write(DEVICE.to_owned(), text).await;
                seed
            }
        };
        Arc::new(DeviceIdentity::from_seed(&seed))
    }

    async fn read(&self, name: String) -> Option<String> {
        let vault = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = vault.turn.lock().unwrap_or_else(PoisonError::into_inner);
            // What lies in the file was put there when no keyring answered, and is newer.
            vault.entries().remove(&name).or_else(|| entry(&name).ok()?.get_password().ok())
        });
        tokio::time::timeout(PATIENCE, reading).await.ok()?.ok()?
    }

    async fn write(&self, name: String, text: String) {
        let vault = self.clone();
        let (named, kept) = (name.clone(), text.clone());
        let writing = tokio::task::spawn_blocking(move || {
            entry(&name).and_then(|entry| entry.set_password(&text))
        });
        let in_keyring = match tokio::time::timeout(PATIENCE, writing).await {
            Ok(Ok(Ok(()))) => true,
            Ok(Ok(Err(error))) => {
                tracing::info!(%error, "no keyring; secrets are kept in a private file");
                false
            }
            _ => false,
        };
        let filing = tokio::task::spawn_blocking(move || {
            let _turn = vault.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let mut entries = vault.entries();
            let before = entries.clone();
            entries.remove(&named);
            if !in_keyring {
                entries.insert(named, kept);
            }
            if entries != before {
                vault.save(&entries);
            }
        });
        let _ = filing.await;
    }

    fn entries(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn save(&self, entries: &BTreeMap<String, String>) {
        let text = serde_json::to_string_pretty(entries).unwrap_or_default();
        if let Err(error) = clawdbot_config::write(&self.file, &text) {
            tracing::error!(%error, "secrets of the remote gateway cannot be kept");
        }
    }
}

fn entry(name: &str) -> keyring::v1::Result<keyring::v1::Entry> {
    keyring::v1::Entry::new(SERVICE, name)
}

fn seed(text: &str) -> Option<[u8; 32]> {
    let bytes = (0..64).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
}
