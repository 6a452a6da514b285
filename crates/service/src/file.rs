//! The file of a service.

use std::ffi::OsString;
use std::fs;
use std::io;
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

/// Writes the file, whole or not at all. What somebody else wrote is kept as `<name>.old`.
pub(crate) fn write(path: &Path, wanted: &str, replace: bool) -> Result<(), ServiceError> {
    let failed = |source| ServiceError::File { path: path.to_owned(), source };
    if compare(path, wanted) == Text::Foreign {
        if !replace {
            return Err(ServiceError::Foreign { path: path.to_owned() });
        }
        fs::rename(path, beside(path, ".old")).map_err(failed)?;
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    let new = beside(path, ".new");
    fs::write(&new, wanted).and_then(|()| fs::rename(&new, path)).map_err(failed)
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
