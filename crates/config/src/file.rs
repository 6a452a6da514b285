use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::json5::MAX_BYTES;

/// Writes `text` so that readers see the old or the new document and never a mixture: a temporary
/// file (0600 from the start) in the same directory, flushed to disk, renamed over the old one. The
/// previous text stays beside it as `<file>.bak`.
///
/// A symbolic link at `path` stays, and the file it leads to is replaced.
///
/// # Errors
/// What the operating system says; the document is then unchanged.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match read_regular(&path) {
        Ok(previous) => replace_file(&with_suffix(&path, ".bak"), &previous)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    replace_file(&path, text.as_bytes())
}

/// Keeps the present text as `<file>.last-good` (0600). Call it once a document has loaded and the
/// product runs with it; a missing document is no error.
///
/// # Errors
/// What the operating system says.
pub fn keep_last_good(path: &Path) -> io::Result<()> {
    let current = match read_regular(path) {
        Ok(current) => current,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let copy = last_good_path(path);
    if read_regular(&copy).is_ok_and(|kept| kept == current) {
        return Ok(());
    }
    replace_file(&copy, &current)
}

/// Where [`keep_last_good`] keeps the copy of `path`.
pub fn last_good_path(path: &Path) -> PathBuf {
    with_suffix(path, ".last-good")
}

/// Reads a text file of bounded size, refusing pipes and devices without waiting for them.
///
/// # Errors
/// What the operating system says; `InvalidData` when the file is not UTF-8 text.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_regular(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "expected UTF-8 text"))
}

fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_without_waiting(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a regular file"));
    }
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        let message = format!("expected at most {} MiB", MAX_BYTES / (1024 * 1024));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Opening a named pipe would otherwise wait for somebody to write to it.
fn open_without_waiting(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

/// Creates `dir` and what is missing above it, for the owner alone.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}

fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_private_dir(dir)?;
    // tempfile creates with mode 0600, so there is no moment in which others can read it.
    let mut file = tempfile::Builder::new().prefix(".clawdbot-").tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_dir(dir)
}

/// A rename is on disk only once its directory is.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
