//! The end of a log file, for people who look at it while it grows.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

const DEFAULT_LINES: u32 = 500;
const DEFAULT_BYTES: u64 = 250_000;

/// The newest lines of a log file, and where to go on.
#[derive(Debug)]
pub struct Tail {
    /// The file's size in bytes: the cursor for the next time.
    pub size: u64,
    /// Whole lines, oldest first.
    pub lines: Vec<String>,
    /// Older lines were left out.
    pub truncated: bool,
    /// The cursor led nowhere, so that lines may be missing or come again.
    pub reset: bool,
}

impl Tail {
    /// Reads on from `cursor`, at most `limit` lines and `max_bytes` bytes. A missing file is empty.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read(
        path: &Path,
        cursor: Option<u64>,
        limit: Option<u32>,
        max_bytes: Option<u64>,
    ) -> io::Result<Self> {
        let max_bytes = max_bytes.unwrap_or(DEFAULT_BYTES);
        let limit = limit.unwrap_or(DEFAULT_LINES) as usize;
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { size: 0, lines: Vec::new(), truncated: false, reset: false });
            }
            Err(error) => return Err(error),
        };
        let size = file.metadata()?.len();
        let fits = |cursor: &u64| *cursor <= size && size - *cursor <= max_bytes;
        let reset = cursor.as_ref().is_some_and(|cursor| !fits(cursor));
        let start = cursor.filter(|cursor| fits(cursor)).unwrap_or(size.saturating_sub(max_bytes));
        // One byte more than asked for tells whether the first line is whole.
        let from = start.saturating_sub(1);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(size - from).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let whole = match start {
            0 => &text,
            _ => text.split_once('\n').map_or("", |(_, rest)| rest),
        };
        let lines: Vec<&str> = whole.lines().collect();
        let skip = lines.len().saturating_sub(limit);
        Ok(Self {
            size,
            truncated: skip > 0 || (cursor.is_none() && start > 0),
            lines: lines.into_iter().skip(skip).map(str::to_owned).collect(),
            reset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &str, cursor: Option<u64>, limit: Option<u32>, max: Option<u64>) -> Tail {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Tail::read(file.path(), cursor, limit, max).unwrap()
    }

    #[test]
    fn the_cursor_goes_on_where_the_last_answer_ended() {
        let all = tail("a\nb\n", None, None, None);
        assert_eq!((all.lines, all.size, all.reset), (vec!["a".into(), "b".into()], 4, false));
        assert_eq!(tail("a\nb\nc\n", Some(4), None, None).lines, ["c"]);
    }

    #[test]
    fn a_cursor_beyond_the_end_or_too_far_back_resets() {
        assert!(tail("a\n", Some(100), None, None).reset);
        let far = tail("aaaa\nb\n", Some(0), None, Some(3));
        assert!(far.reset);
        assert_eq!(far.lines, ["b"], "the cut first line is left out");
    }

    #[test]
    fn limits_keep_the_newest_lines() {
        let tail = tail("a\nb\nc\n", None, Some(1), None);
        assert_eq!(tail.lines, ["c"]);
        assert!(tail.truncated);
    }
}
