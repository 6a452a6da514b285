//! Reading files that nobody vouches for: plain files only, never through a link, never more at
//! once than a bound.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, Read as _};
use std::path::Path;

/// Longest line of a transcript, in bytes: a message with the largest image the original took.
pub(super) const MAX_LINE: usize = 16 << 20;

/// What [`read_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without a promise about its content.
    Whole,
    /// Longer than [`MAX_LINE`]; it was read over and not kept.
    TooLong,
    /// The end of the file.
    End,
}

/// Opens a plain file. Links, directories, pipes and devices are errors.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let listed = fs::symlink_metadata(path)?;
    if !listed.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
    }
    let file = File::open(path)?;
    if !same(&listed, &file.metadata()?) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "exchanged while it was opened"));
    }
    Ok(file)
}

/// The text of a plain file of at most `max` bytes.
pub(super) fn read(path: &Path, max: u64) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large"));
    }
    Ok(text)
}

/// Whether `path` is a directory itself, not a link to one.
pub(super) fn is_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Whether only its owner can change the file, and that is whoever owns `beside`.
#[cfg(unix)]
pub(super) fn is_private(path: &Path, beside: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (fs::symlink_metadata(path), fs::symlink_metadata(beside)) {
        (Ok(file), Ok(dir)) => file.uid() == dir.uid() && file.mode() & 0o022 == 0,
        _ => false,
    }
}

#[cfg(not(unix))]
pub(super) fn is_private(_path: &Path, _beside: &Path) -> bool {
    true
}

/// Reads the next line into `line`.
pub(super) fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let max = MAX_LINE as u64 + 1;
    let read = reader.by_ref().take(max).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(Line::End);
    }
    if read <= MAX_LINE || line.ends_with(b"\n") {
        return Ok(Line::Whole);
    }
    *line = Vec::new();
    reader.skip_until(b'\n')?;
    Ok(Line::TooLong)
}

#[cfg(unix)]
fn same(listed: &Metadata, opened: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (listed.dev(), listed.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn same(_listed: &Metadata, opened: &Metadata) -> bool {
    opened.is_file()
}
