//! How fast a gateway is read.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes that count as one more message.
const WEIGHT: usize = 16 * 1024;
const WINDOW: Duration = Duration::from_secs(1);

/// Lets so many messages through in a second, at once or one by one.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: Option<i64>,
    /// Of this second; less than nothing after large ones.
    left: i64,
    until: Instant,
}

impl Pace {
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self { limit: limit.map(i64::from), left: 0, until: Instant::now() }
    }

    /// Waits until another one may be read. May be dropped half way and called again.
    pub(crate) async fn ready(&mut self) {
        let Some(limit) = self.limit else { return };
        loop {
            let now = Instant::now();
            if now >= self.until {
                self.left = (self.left + limit).min(limit);
                self.until = now + WINDOW;
            }
            if self.left > 0 {
                return;
            }
            tokio::time::sleep_until(self.until).await;
        }
    }

    /// One has been read.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub_unsigned(1 + (bytes / WEIGHT) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reading(limit: Option<u32>, messages: usize, bytes: usize) -> Duration {
        let (begun, mut pace) = (Instant::now(), Pace::new(limit));
        for _ in 0..messages {
            pace.ready().await;
            pace.count(bytes);
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_read_in_portions_and_size_counts_app_09() {
        assert_eq!(reading(None, 100_000, 1 << 20).await, Duration::ZERO);
        assert_eq!(reading(Some(100), 100, 10).await, Duration::ZERO);
        assert_eq!(reading(Some(100), 350, 10).await.as_secs(), 3);
        // 65 messages' worth each.
        assert_eq!(reading(Some(100), 20, 1 << 20).await.as_secs(), 12);
        // Nothing is owed after a pause.
        let mut pace = Pace::new(Some(1));
        pace.ready().await;
        pace.count(1);
        tokio::time::advance(WINDOW * 5).await;
        let begun = Instant::now();
        pace.ready().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
