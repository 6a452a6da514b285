//! The files behind the database: created private, held by one process, moved aside when damaged.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::StoreError;

/// How long opening waits for a store of the same process that is just closing.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// The names of the database's files.
#[derive(Clone)]
pub(crate) struct Files {
    database: PathBuf,
}

/// While this lives, nobody else can open the store.
pub(crate) struct Lock {
    _file: File,
}

impl Files {
    pub(crate) fn new(database: &Path) -> Self {
        Self { database: database.to_owned() }
    }

    /// Creates the directory (0700) and claims the database.
    pub(crate) fn lock(&self) -> Result<Lock, StoreError> {
        if let Some(parent) = self.database.parent().filter(|path| !path.as_os_str().is_empty()) {
            create_private_dir(parent)?;
        }
        let file = open_private(&self.beside(".lock"))?;
        lock_patiently(&file)?;
        Ok(Lock { _file: file })
    }

    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    /// Makes sure that the database exists and that only its owner can read it (0600).
    ///
    /// SQLite gives its own files the mode of the database. Must run before SQLite opens the
    /// file: closing any other descriptor to it would drop SQLite's locks.
    pub(crate) fn create(&self) -> Result<(), StoreError> {
        open_private(&self.database)?;
        for suffix in ["-wal", "-shm"] {
            let path = self.beside(suffix);
            if path.exists() {
                open_private(&path)?;
            }
        }
        Ok(())
    }

    /// A log without the database it belongs to. SQLite would silently delete it.
    pub(crate) fn has_orphan_log(&self) -> bool {
        let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
        size(&self.database) == 0 && size(&self.beside("-wal")) > 0
    }

    /// Moves the database and its log aside, keeping them together, and returns the new name.
    pub(crate) fn quarantine(&self) -> Result<PathBuf, StoreError> {
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let mut aside = self.beside(&format!(".damaged-{stamp}"));
        let mut copy = 1;
        while aside.exists() || with_suffix(&aside, "-wal").exists() {
            copy += 1;
            aside = self.beside(&format!(".damaged-{stamp}.{copy}"));
        }
        // The database first: a log left behind alone is recognised at the next start, while a
        // database without its log would look whole and lack its newest rows.
        for suffix in ["", "-wal", "-shm"] {
            match fs::rename(self.beside(suffix), with_suffix(&aside, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(aside)
    }

    /// Remembers that damage was met, so that the next start checks the whole file.
    pub(crate) fn note_damage(&self, error: &StoreError) {
        if matches!(error, StoreError::Corrupt(_)) {
            tracing::error!(error = ?error, "the database is damaged");
            if let Err(error) = open_private(&self.beside(".suspect")) {
                tracing::error!(%error, "could not note the damage for the next start");
            }
        }
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.beside(".suspect").exists()
    }

    pub(crate) fn clear_suspicion(&self) -> Result<(), StoreError> {
        match fs::remove_file(self.beside(".suspect")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        with_suffix(&self.database, suffix)
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn lock_patiently(lock: &File) -> Result<(), StoreError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(held @ TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(StoreError::Busy(Arc::new(held)));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens or creates a file that only its owner can read, tightening one that is open to others.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}
