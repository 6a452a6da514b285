//! How long to wait before asking a provider again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::error::ModelError;

/// A provider that asks for more patience than this gets no second request: the user decides.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const RETRIES: usize = 3;

/// The waits between the attempts of one request.
pub(super) struct Retries {
    delays: ExponentialBackoff,
    /// Number of attempts made.
    pub(super) attempt: u32,
}

impl Retries {
    pub(super) fn new() -> Self {
        Self {
            delays: ExponentialBuilder::new()
                .with_min_delay(Duration::from_millis(500))
                .with_max_delay(Duration::from_secs(8))
                .with_max_times(RETRIES)
                .with_jitter()
                .build(),
            attempt: 1,
        }
    }

    /// The wait after `error`, or nothing when it is final.
    pub(super) fn wait_after(&mut self, error: &ModelError) -> Option<Duration> {
        if !error.is_transient() {
            return None;
        }
        let delay = self.delays.next()?;
        self.attempt += 1;
        match error.retry_after {
            Some(asked) if asked > LONGEST_WAIT => None,
            Some(asked) => Some(asked),
            None => Some(delay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn error(kind: ErrorKind, retry_after: Option<u64>) -> ModelError {
        ModelError {
            kind,
            provider: "p".into(),
            model: "m".into(),
            http_status: None,
            retry_after: retry_after.map(Duration::from_secs),
            cause: String::new(),
        }
    }

    #[test]
    fn grows_and_gives_up_after_four_attempts() {
        let mut retries = Retries::new();
        let overloaded = error(ErrorKind::Overloaded, None);
        let waits: Vec<_> =
            std::iter::from_fn(|| retries.wait_after(&overloaded).map(|wait| wait.as_millis()))
                .collect();
        assert_eq!(waits.len(), 3);
        for (wait, base) in waits.into_iter().zip([500, 1000, 2000]) {
            assert!((base..=2 * base).contains(&wait), "{wait} for {base}");
        }
    }

    #[test]
    fn obeys_the_provider_within_reason() {
        let wait = |kind, asked| Retries::new().wait_after(&error(kind, asked));
        assert_eq!(wait(ErrorKind::RateLimit, Some(7)), Some(Duration::from_secs(7)));
        assert_eq!(wait(ErrorKind::RateLimit, Some(3600)), None);
        assert_eq!(wait(ErrorKind::Auth, Some(1)), None);
    }
}
