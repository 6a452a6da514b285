//! Whether this computer has slept, so that nobody waits in vain afterwards.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How long it takes at most to notice it, and the shortest sleep that counts.
const NAP: Duration = Duration::from_secs(5);

/// Resolves when the computer has slept: the wall clock went on, the other one did not.
pub async fn woken() {
    woken_by(SystemTime::now).await;
}

async fn woken_by(wall: impl Fn() -> SystemTime) {
    loop {
        let (before, steady) = (wall(), Instant::now());
        tokio::time::sleep(NAP).await;
        if wall().duration_since(before).is_ok_and(|passed| passed > steady.elapsed() + NAP) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wall clock that goes on with the steady one, and jumps by `jump` once `after` has passed.
    fn clock(after: Duration, jump: Duration) -> impl Fn() -> SystemTime {
        let begun = (SystemTime::now(), Instant::now());
        move || {
            let passed = begun.1.elapsed();
            begun.0 + passed + if passed >= after { jump } else { Duration::ZERO }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_is_noticed_within_seconds_and_a_set_clock_is_none() {
        let begun = Instant::now();
        woken_by(clock(Duration::from_secs(62), Duration::from_secs(3600))).await;
        assert!(begun.elapsed() <= Duration::from_secs(62) + NAP);

        let set = woken_by(clock(Duration::from_secs(62), Duration::from_secs(2)));
        assert!(tokio::time::timeout(Duration::from_secs(3600), set).await.is_err());
    }
}
