//! Why secrets are not there.

use std::io;

use keyring_core::Error as KeyringError;

use super::FILE;

/// Why a secret is neither known nor kept. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    /// It holds entries of this app, or would take them, and does not open.
    #[error("The keyring of this computer is locked.")]
    Locked,
    /// It may be waiting for its own password.
    #[error("The keyring of this computer does not answer.")]
    Silent,
    /// It was there before.
    #[error("The keyring of this computer, which has the secrets of this app, is gone.")]
    Gone,
    #[error("The keyring of this computer cannot be used: {0}.")]
    Broken(String),
    /// What is kept under that name makes no sense; it may be worth something to somebody.
    #[error("The entry {0} of this app in the keyring or in {FILE} is damaged.")]
    Damaged(String),
    #[error("The file {FILE} cannot be used: {0}.")]
    File(#[from] io::Error),
    /// A key that others could guess is no key.
    #[error("This computer has no random numbers for a device key: {0}.")]
    Random(#[from] getrandom::Error),
}

impl VaultError {
    /// A stable name for this kind of failure.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Locked => "KEYRING_LOCKED",
            Self::Silent => "KEYRING_SILENT",
            Self::Gone => "KEYRING_GONE",
            Self::Broken(_) => "KEYRING_BROKEN",
            Self::Damaged(_) => "SECRET_DAMAGED",
            Self::File(_) => "SECRETS_FILE",
            Self::Random(_) => "NO_RANDOM",
        }
    }

    /// The one thing to do about it.
    pub(crate) const fn remedy(&self) -> &'static str {
        match self {
            Self::Locked | Self::Silent => "Unlock the keyring, then try again.",
            Self::Gone | Self::Broken(_) => "Start the keyring again, then try again.",
            Self::Damaged(_) => "Remove that entry if you do not need it, then try again.",
            Self::File(_) => "Check that you may read and write it, then try again.",
            Self::Random(_) => "Restart the computer, then try again.",
        }
    }
}

/// One read or write of the keyring has one of these ends.
impl From<KeyringError> for VaultError {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::NoStorageAccess(_) => Self::Locked,
            other => Self::Broken(other.to_string()),
        }
    }
}
