//! Codes that sign one browser of this computer in, so that no token has to be in an address.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::{Devices, new_token, token};
use crate::digest::digest;

/// How long a code can be used: as long as a browser takes to start.
const TTL_MS: i64 = 60_000;
/// Codes that wait at once; the oldest makes room.
const MAX_OPEN: usize = 16;

/// A code on its way to its browser.
pub(crate) struct NewWebCode {
    pub(crate) token: String,
    pub(crate) expires_at_ms: i64,
}

/// Codes that wait. They live shorter than any restart takes to be noticed, so nothing is stored.
#[derive(Default)]
pub(super) struct WebCodes(Mutex<VecDeque<Waiting>>);

struct Waiting {
    digest: String,
    expires_at_ms: i64,
}

impl Devices {
    /// Makes a code.
    pub(crate) fn web_code(&self, now_ms: i64) -> NewWebCode {
        let code = NewWebCode { token: new_token(), expires_at_ms: now_ms + TTL_MS };
        let mut waiting = self.web_codes.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|waiting| now_ms < waiting.expires_at_ms);
        if waiting.len() == MAX_OPEN {
            waiting.pop_front();
        }
        waiting
            .push_back(Waiting { digest: digest(&code.token), expires_at_ms: code.expires_at_ms });
        code
    }

    /// Whether `code` was good, which it is no longer now (DEV-07).
    pub(crate) fn use_web_code(&self, code: &str, now_ms: i64) -> bool {
        let digest = digest(code);
        let mut waiting = self.web_codes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = waiting.iter().position(|waiting| token::same(&waiting.digest, &digest));
        let used = found.and_then(|at| waiting.remove(at));
        used.is_some_and(|used| now_ms < used.expires_at_ms)
    }
}

#[cfg(test)]
mod tests {
    use clawdbot_store::Store;

    use super::*;
    use crate::devices::token::TokenKey;

    #[tokio::test]
    async fn a_code_is_good_once_and_for_a_minute_dev_07() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&dir.path().join("test.sqlite")).unwrap();
        let devices = Devices::new(store, TokenKey::load(dir.path()).unwrap());
        let late = devices.web_code(0);
        assert_eq!(late.expires_at_ms, 60_000);
        assert!(!devices.use_web_code(&late.token, 60_000));
        let code = devices.web_code(0);
        assert!(!devices.use_web_code("invented", 1));
        assert!(devices.use_web_code(&code.token, 59_999));
        assert!(!devices.use_web_code(&code.token, 59_999));
        let first = devices.web_code(0);
        for _ in 0..MAX_OPEN {
            devices.web_code(0);
        }
        assert!(!devices.use_web_code(&first.token, 1), "the oldest makes room");
    }
}
