//! Durations and what they say together.

use std::time::Duration;

/// Measured durations.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    sorted: Vec<Duration>,
}

impl FromIterator<Duration> for Samples {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut sorted: Vec<_> = durations.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

impl Samples {
    /// The duration that `percent` of the samples do not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let rank = (percent / 100.0 * self.sorted.len() as f64).ceil() as usize;
        let sample = self.sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default();
        sample.as_secs_f64() * 1e3
    }

    pub(crate) fn min(&self) -> f64 {
        self.percentile(0.0)
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let samples: Samples = (1..=100).rev().map(Duration::from_millis).collect();
        let all = [0.0, 50.0, 99.0, 100.0].map(|percent| samples.percentile(percent));
        assert_eq!(all, [1.0, 50.0, 99.0, 100.0]);
    }
}
