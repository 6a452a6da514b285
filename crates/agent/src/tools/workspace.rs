//! The workspace as a directory handle: nothing reached through it lies outside.

use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};

/// What a caller is told about every path that leads anywhere but to a plain file of the
/// workspace. Always the same words, so that nothing about the outside can be learnt.
const DENIED: &str = "That path is not available. Use a path relative to the workspace, without \
                      \"..\", that leads to a regular file.";

/// Keeps files that are written at the same time apart.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Why a workspace file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The path leaves the workspace or does not lead to a regular file.
    #[error("{DENIED}")]
    Denied,
    /// Nothing there.
    #[error("The workspace has no file {0:?}. Check the spelling.")]
    NotFound(String),
    /// The workspace directory itself cannot be opened.
    #[error("The workspace {} cannot be opened: {source}. Create it or change agents.defaults.workspace.", path.display())]
    Unavailable {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file exists and cannot be read.
    #[error("The file {name:?} cannot be read: {source}.")]
    Unreadable {
        /// The path asked for.
        name: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The file cannot be written; what was there is still there.
    #[error("The file {name:?} cannot be written: {source}. Nothing was changed.")]
    Unwritable {
        /// The path asked for.
        name: String,
        /// The system's reason.
        source: io::Error,
    },
}

impl WorkspaceError {
    /// Stable code of the variant.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied => "WORKSPACE_DENIED",
            Self::NotFound(_) => "WORKSPACE_NOT_FOUND",
            Self::Unavailable { .. } => "WORKSPACE_UNAVAILABLE",
            Self::Unreadable { .. } => "WORKSPACE_UNREADABLE",
            Self::Unwritable { .. } => "WORKSPACE_UNWRITABLE",
        }
    }
}

/// A handle on the workspace directory; every path is resolved from it by the kernel. Blocking.
pub struct Workspace {
    root: Dir,
}

/// What a file of the workspace holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceFileContent {
    /// The bytes that were asked for.
    pub bytes: Vec<u8>,
    /// Bytes of the whole file.
    pub size: u64,
    /// Last change.
    pub modified: Option<SystemTime>,
}

/// Something in a directory of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceEntry {
    /// Its name in the directory.
    pub name: String,
    /// A directory, or else a file.
    pub is_directory: bool,
    /// Bytes of a file.
    pub size: u64,
    /// Last change.
    pub modified: Option<SystemTime>,
}

impl Workspace {
    /// Opens the directory.
    ///
    /// # Errors
    /// [`WorkspaceError::Unavailable`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, WorkspaceError> {
        Dir::open_ambient_dir(path, ambient_authority())
            .map(|root| Self { root })
            .map_err(|source| WorkspaceError::Unavailable { path: path.to_owned(), source })
    }

    /// Opens a regular file below the root.
    pub(crate) fn open_file(&self, name: &str) -> Result<File, WorkspaceError> {
        if !is_plain_relative(name) {
            return Err(WorkspaceError::Denied);
        }
        let failed = |source: io::Error| explain(name, &source);
        // Looking first keeps devices from being opened at all; looking again at the open handle
        // is what decides, since the name may lead elsewhere by then.
        let seen = self.root.metadata(name).map_err(failed)?;
        if !seen.is_file() {
            return Err(WorkspaceError::Denied);
        }
        let file = self.root.open_with(name, &read_without_blocking()).map_err(failed)?;
        let opened = file.metadata().map_err(failed)?;
        if !opened.is_file() || has_other_names(&opened) {
            return Err(WorkspaceError::Denied);
        }
        Ok(file)
    }

    /// Reads a regular file, its first `max` bytes at most.
    ///
    /// # Errors
    /// Every variant but [`WorkspaceError::Unwritable`].
    pub fn read(&self, name: &str, max: u64) -> Result<WorkspaceFileContent, WorkspaceError> {
        let unreadable = |source| WorkspaceError::Unreadable { name: name.to_owned(), source };
        let file = self.open_file(name)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(WorkspaceFileContent { bytes, size: metadata.len(), modified: modified(&metadata) })
    }

    /// Replaces a file of the top directory, or creates it, as one step. A link of that name is
    /// replaced, not followed.
    ///
    /// # Errors
    /// [`WorkspaceError::Denied`] for a path with directories in it or a directory,
    /// [`WorkspaceError::Unwritable`].
    pub fn write_text(&self, name: &str, text: &str) -> Result<(), WorkspaceError> {
        let is_file_name = Path::new(name).components().count() == 1;
        let taken = self.root.symlink_metadata(name).is_ok_and(|found| found.is_dir());
        if !is_plain_relative(name) || !is_file_name || taken {
            return Err(WorkspaceError::Denied);
        }
        let unwritable = |source| WorkspaceError::Unwritable { name: name.to_owned(), source };
        let serial = WRITES.fetch_add(1, Ordering::Relaxed);
        let staged = format!(".{name}.{}-{serial}.new", std::process::id());
        let written = self
            .root
            .create(&staged)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| self.root.rename(&staged, &self.root, name));
        if written.is_err() {
            let _ = self.root.remove_file(&staged);
        }
        written.map_err(unwritable)
    }

    /// The files and directories in `directory` (`.` for the top), sorted by name. Whatever is
    /// neither, and links that lead outside, are left out.
    ///
    /// # Errors
    /// [`WorkspaceError::Denied`] and [`WorkspaceError::NotFound`].
    pub fn list(&self, directory: &str) -> Result<Vec<WorkspaceEntry>, WorkspaceError> {
        if !is_plain_relative(directory) {
            return Err(WorkspaceError::Denied);
        }
        let found = self.root.open_dir(directory).map_err(|source| explain(directory, &source))?;
        let entries = found.entries().map_err(|source| explain(directory, &source))?;
        let mut all: Vec<_> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                let metadata = self.root.metadata(Path::new(directory).join(&name)).ok()?;
                let is_directory = metadata.is_dir();
                (is_directory || metadata.is_file()).then(|| WorkspaceEntry {
                    name,
                    is_directory,
                    size: metadata.len(),
                    modified: modified(&metadata),
                })
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }
}

fn modified(metadata: &cap_std::fs::Metadata) -> Option<SystemTime> {
    metadata.modified().ok().map(cap_std::time::SystemTime::into_std)
}

fn is_plain_relative(name: &str) -> bool {
    let allowed = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    !name.is_empty()
        && !name.starts_with('~')
        && !name.contains(['\0', '\\', ':'])
        && Path::new(name).components().all(allowed)
}

/// Everything but absence gets the one answer: escapes, loops and forbidden files look alike.
fn explain(name: &str, source: &io::Error) -> WorkspaceError {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            WorkspaceError::NotFound(name.to_owned())
        }
        _ => WorkspaceError::Denied,
    }
}

/// A FIFO put in place of the file between look and open must not hang the run.
#[cfg(unix)]
fn read_without_blocking() -> OpenOptions {
    use cap_std::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(O_NONBLOCK);
    options
}

#[cfg(not(unix))]
fn read_without_blocking() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

#[cfg(unix)]
const O_NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// A hard link may be another name for a file outside.
#[cfg(unix)]
fn has_other_names(metadata: &cap_std::fs::Metadata) -> bool {
    use cap_std::fs::MetadataExt;
    metadata.nlink() > 1
}

#[cfg(not(unix))]
fn has_other_names(_metadata: &cap_std::fs::Metadata) -> bool {
    false
}
