//! `<state>/.env`: variables for the gateway and the command line, read as systemd reads an
//! `EnvironmentFile`, so that a service and a terminal see the same.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::Env;

/// Bytes of the file.
const MAX_BYTES: u64 = 256 * 1024;

/// Why the file was not read.
#[derive(Debug, Error)]
pub enum EnvFileError {
    /// Whoever can write there would choose what runs.
    #[error("{0:?} can be changed by others, so it is not read; run: chmod 600 {0:?}")]
    Open(PathBuf),
    /// It belongs to somebody else.
    #[error("{0:?} belongs to another user, so it is not read; make it yours or remove it")]
    Foreign(PathBuf),
    /// The operating system refused.
    #[error("cannot read {path:?}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl EnvFileError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open(_) => "ENV_FILE_WRITABLE",
            Self::Foreign(_) => "ENV_FILE_FOREIGN_OWNER",
            Self::Io { .. } => "ENV_FILE_IO",
        }
    }
}

impl Env {
    /// Adds the variables of `file` that have no value yet. A file that does not exist has none.
    ///
    /// # Errors
    /// See [`EnvFileError`]; nothing was added.
    pub fn add_file(&mut self, file: &Path) -> Result<(), EnvFileError> {
        for (name, value) in env_file(file)? {
            self.add_if_unset(&name, &value);
        }
        Ok(())
    }
}

/// The variables of such a file, in their order. A file that does not exist has none.
///
/// # Errors
/// See [`EnvFileError`].
pub fn env_file(file: &Path) -> Result<Vec<(String, String)>, EnvFileError> {
    let failed = |source| EnvFileError::Io { path: file.to_owned(), source };
    let mut text = String::new();
    match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
        Ok(opened) => {
            check(file, &opened.metadata().map_err(failed)?)?;
            opened.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
        }
    }
    Ok(text.lines().filter_map(variable).collect())
}

#[cfg(unix)]
fn check(file: &Path, found: &std::fs::Metadata) -> Result<(), EnvFileError> {
    use std::os::unix::fs::MetadataExt as _;

    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me && found.uid() != 0 {
        return Err(EnvFileError::Foreign(file.to_owned()));
    }
    if found.mode() & 0o022 != 0 {
        return Err(EnvFileError::Open(file.to_owned()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(_file: &Path, _found: &std::fs::Metadata) -> Result<(), EnvFileError> {
    Ok(())
}

/// One line: `NAME=value`, the value in quotes or as it is. Nothing is expanded.
fn variable(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(good)
    {
        return None;
    }
    Some((name.to_owned(), unquoted(value.trim())))
}

fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\' | '`' | '$')) => text.push(escaped),
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".env");
        crate::write(&file, text).unwrap();
        (dir, file)
    }

    #[test]
    fn lines_are_read_as_a_service_manager_reads_them() {
        let (_dir, file) = write(
            "# mine\n; too\nA=1\n B = two words \nexport C='$x \"y\"'\nD=\"a \\\"b\\\" \\n\"\nE=a#b $HOME\n9=x\nno line\nF=\n",
        );
        let found = env_file(&file).unwrap();
        let found: Vec<_> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let expected = [("A", "1"), ("B", "two words"), ("C", "$x \"y\""), ("D", "a \"b\" \\n")];
        assert_eq!(found, [&expected[..], &[("E", "a#b $HOME"), ("F", "")]].concat());
    }

    #[test]
    fn what_is_set_already_wins() {
        let (_dir, file) = write("A=file\nB=file\n");
        let mut env: Env = [("A", "own")].into_iter().collect();
        env.add_file(&file).unwrap();
        assert_eq!((env.get("A"), env.get("B")), (Some("own"), Some("file")));
        env.add_file(Path::new("/nowhere/.env")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_change_is_not_read_loc_01() {
        let (_dir, file) = write("A=1\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(&file, mode).unwrap();
        assert_eq!(Env::default().add_file(&file).unwrap_err().code(), "ENV_FILE_WRITABLE");
    }
}
