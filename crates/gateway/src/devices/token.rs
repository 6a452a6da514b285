//! Tokens that are worked out instead of being stored.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Holds the key, beside the database and not in it.
pub(crate) const FILE: &str = "device-tokens.key";

/// The gateway's own key. Who has it and the database can work out every token.
pub(crate) struct TokenKey([u8; 32]);

impl TokenKey {
    /// Reads the key of this installation, or makes one.
    pub(crate) fn load(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => URL_SAFE_NO_PAD
                .decode(text.trim())
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .map(Self)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a key")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = random();
                clawdbot_config::write(&path, &URL_SAFE_NO_PAD.encode(key))?;
                Ok(Self(key))
            }
            Err(error) => Err(error),
        }
    }

    /// The token that belongs to `parts`: 32 bytes, base64url, the format of generation 4.
    pub(crate) fn derive(&self, parts: &[&str]) -> String {
        // HMAC fills a short key up with zeros to one block.
        let mut block = [0_u8; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

/// Compares fixed-size digests, so that neither length nor prefix shows in the timing.
pub(crate) fn same(known: &str, given: &str) -> bool {
    Sha256::digest(known).ct_eq(&Sha256::digest(given)).into()
}

/// A secret nobody can guess: 32 random bytes, base64url.
pub fn new_token() -> String {
    URL_SAFE_NO_PAD.encode(random())
}

fn random() -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    // The operating system's generator failing leaves nothing sensible to do but stop.
    if getrandom::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_kept_and_every_part_counts() {
        let dir = tempfile::tempdir().unwrap();
        let key = TokenKey::load(dir.path()).unwrap();
        let token = key.derive(&["device", "a", "b"]);
        assert_eq!(token.len(), 43);
        let again = TokenKey::load(dir.path()).unwrap();
        assert_eq!(again.derive(&["device", "a", "b"]), token);
        assert_ne!(again.derive(&["device", "ab", ""]), token);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(TokenKey::load(other.path()).unwrap().derive(&["device", "a", "b"]), token);
    }

    #[test]
    fn a_broken_key_is_an_error_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "short").unwrap();
        assert!(TokenKey::load(dir.path()).is_err());
        assert_eq!(std::fs::read_to_string(dir.path().join(FILE)).unwrap(), "short");
    }
}
