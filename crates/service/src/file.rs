//! The file of a service.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::{ServiceError, Text};

/// Stands in every text this product writes.
pub(crate) const MARK: &str = "Written by clawdbot gateway install";

/// How the file compares with `wanted`. `read` is how its text is understood.
pub(crate) fn compare(path: &Path, wanted: &str) -> Text {
    match fs::read_to_string(path) {
        Ok(found) if found == wanted => Text::Current,
        Ok(found) if found.contains(MARK) => Text::Drifted,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Text::Missing,
        _ => Text::Foreign,
    }
}

/// Writes the file for its owner, whole or not at all. What somebody else wrote is kept as `<name>.old`.
pub(crate) fn write(path: &Path, wanted: &str, replace: bool) -> Result<(), ServiceError> {
    write_with(path, wanted, replace, 0o600)
}

/// The same with these permissions.
pub(crate) fn write_with(
    path: &Path,
    wanted: &str,
    replace: bool,
    mode: u32,
) -> Result<(), ServiceError> {
    let failed = |source| ServiceError::File { path: path.to_owned(), source };
    if compare(path, wanted) == Text::Foreign {
        if !replace {
            return Err(ServiceError::Foreign { path: path.to_owned() });
        }
        fs::rename(path, beside(path, ".old")).map_err(failed)?;
    }
    if let Some(dir) = path.parent() {
        create_dirs(dir).map_err(failed)?;
    }
    let new = beside(path, ".new");
    create(&new, wanted, mode).and_then(|()| fs::rename(&new, path)).map_err(failed)
}

/// Whoever could write there would choose what runs, so the umask has no say (LOC-01).
fn create_dirs(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// The same for the file, which is a new one: permissions and links that lie there do not count.
fn create(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)?.write_all(text.as_bytes())
}

/// Removes the file if this product wrote it.
pub(crate) fn remove(path: &Path) -> Result<(), ServiceError> {
    match compare(path, "") {
        Text::Missing => Ok(()),
        Text::Foreign => Err(ServiceError::Foreign { path: path.to_owned() }),
        _ => fs::remove_file(path)
            .map_err(|source| ServiceError::File { path: path.to_owned(), source }),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_can_change_what_runs_loc_01() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("systemd/user/clawdbot.service");
        let other = home.path().join("other");
        fs::write(&other, "kept").unwrap();
        create_dirs(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&other, beside(&path, ".new")).unwrap();
        write(&path, MARK, false).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_to_string(&path).unwrap(), MARK);
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
    }
}
