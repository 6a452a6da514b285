//! What a command says, within bounds: the beginning and the end.

use std::collections::VecDeque;

/// Bytes kept of the beginning.
const HEAD: usize = 16_000;
/// Bytes kept of the end.
const TAIL: usize = 32_000;
/// Bytes of the end shown while the command runs.
const SHOWN: usize = 8_000;

/// Output as far as it is kept.
#[derive(Default)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Capture {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(TAIL)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// Bytes that were not kept.
    pub(super) fn dropped(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// Everything that was kept.
    pub(super) fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        match self.dropped() {
            0 => String::from_utf8_lossy(&[self.head.as_slice(), &tail].concat()).into_owned(),
            dropped => format!(
                "{}\n[{dropped} bytes left out here]\n{}",
                String::from_utf8_lossy(&self.head),
                String::from_utf8_lossy(&tail)
            ),
        }
    }

    /// The newest part.
    pub(super) fn newest(&self) -> String {
        let kept = self.head.iter().chain(&self.tail);
        let skip = (self.head.len() + self.tail.len()).saturating_sub(SHOWN);
        let bytes: Vec<u8> = kept.skip(skip).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_kept_whole() {
        let mut capture = Capture::default();
        for chunk in "grüße".as_bytes().chunks(2) {
            capture.push(chunk);
        }
        assert_eq!((capture.text().as_str(), capture.dropped()), ("grüße", 0));
    }

    #[test]
    fn long_output_keeps_both_ends_and_says_how_much_is_missing() {
        let mut capture = Capture::default();
        capture.push(b"first ");
        for _ in 0..100 {
            capture.push(&[b'x'; 65_536]);
        }
        capture.push(b" last");
        let text = capture.text();
        assert!(text.starts_with("first xxx") && text.ends_with("xxx last"));
        let dropped = 11 + 100 * 65_536 - HEAD - TAIL;
        assert!(text.contains(&format!("\n[{dropped} bytes left out here]\n")), "{dropped}");
        assert!(text.len() < HEAD + TAIL + 64);
        assert_eq!(capture.newest().len(), SHOWN);
    }
}
