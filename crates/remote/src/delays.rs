//! The pauses between attempts to reach a gateway elsewhere.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// From one second on doubling with jitter, never more than half a minute, without end.
#[derive(Debug)]
pub struct Delays(ExponentialBackoff);

impl Default for Delays {
    fn default() -> Self {
        let doubling = ExponentialBuilder::new().with_min_delay(FIRST).with_max_delay(LONGEST);
        Self(doubling.with_factor(2.0).with_jitter().without_max_times().build())
    }
}

impl Delays {
    /// The pause before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_a_second_to_half_a_minute() {
        let mut delays = Delays::default();
        for seconds in [1, 2, 4, 8, 16] {
            let delay = delays.next_delay().as_secs_f64();
            let (least, most) = (f64::from(seconds), f64::from(2 * seconds).min(30.0));
            assert!((least..=most).contains(&delay), "{delay} s instead of {least} to {most}");
        }
        assert!((0..1000).all(|_| delays.next_delay() == LONGEST));
    }
}
