//! What can go wrong, as one enum with stable codes.

use std::sync::Arc;

use rusqlite::ErrorCode;

/// The underlying error; shared, because one failed commit answers many callers.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why the store could not do what it was asked.
///
/// The sentence of each variant says what happened and what to do; [`StoreError::code`] is for
/// programs. Nothing was written by a call that returned an error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No space left for the database.
    #[error("The disk is full, so this was not saved. Free some space and try again.")]
    Full(#[source] Cause),
    /// The file system refused a read or a write.
    #[error(
        "The database file could not be read or written. Check the disk and the file's permissions, then try again."
    )]
    Io(#[source] Cause),
    /// Another process holds the database.
    #[error(
        "The database is in use by another process. Stop the other gateway, or wait a moment, then try again."
    )]
    Busy(#[source] Cause),
    /// The file's content is damaged.
    #[error(
        "The database is damaged. Restart the gateway: it moves the damaged file aside, keeps it, and starts a new one."
    )]
    Corrupt(#[source] Cause),
    /// The file was written by a newer version.
    #[error(
        "The database has format {found}, this version reads up to {supported}. Update Clawdbot; the file was left untouched."
    )]
    TooNew {
        /// Format of the file.
        found: i64,
        /// Newest format this version reads.
        supported: i64,
    },
    /// The store was closed, or its writer is gone.
    #[error("The database is closed because the gateway is stopping. Reconnect when it is back.")]
    Closed,
    /// Another session already has this label.
    #[error("label already in use: {label}")]
    LabelInUse {
        /// The label asked for.
        label: String,
    },
    /// There is no session with this key and the call may not create one.
    #[error("No session found: {key}")]
    SessionUnknown {
        /// The key asked for.
        key: String,
    },
    /// There is no run with this id (its session may have been deleted).
    #[error("No run found: {run_id}. Its session may have been deleted; send the message again.")]
    RunUnknown {
        /// The id asked for.
        run_id: String,
    },
    /// The run has already ended, so nothing can be added to it.
    #[error("Run {run_id} has already ended, so nothing was added to it.")]
    RunEnded {
        /// The id asked for.
        run_id: String,
    },
    /// A row with this id exists already.
    #[error("A record with this id exists already. Use a new id.")]
    Duplicate(#[source] Cause),
    /// An error of SQLite that none of the above covers.
    #[error(
        "The database refused the operation. Try again; if it keeps failing, restart the gateway and look at its log."
    )]
    Internal(#[source] Cause),
}

impl StoreError {
    /// Stable, machine-readable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full(_) => "STORE_FULL",
            Self::Io(_) => "STORE_IO",
            Self::Busy(_) => "STORE_BUSY",
            Self::Corrupt(_) => "STORE_CORRUPT",
            Self::TooNew { .. } => "STORE_TOO_NEW",
            Self::Closed => "STORE_CLOSED",
            Self::LabelInUse { .. } => "LABEL_IN_USE",
            Self::SessionUnknown { .. } => "SESSION_UNKNOWN",
            Self::RunUnknown { .. } => "RUN_UNKNOWN",
            Self::RunEnded { .. } => "RUN_ENDED",
            Self::Duplicate(_) => "STORE_DUPLICATE",
            Self::Internal(_) => "STORE_INTERNAL",
        }
    }

    /// Whether the same call may succeed later without being changed.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Io(_) | Self::Busy(_) | Self::Closed)
    }

    pub(crate) fn corrupt(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Corrupt(Arc::new(cause))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let code = match &error {
            // A column that does not hold what this crate wrote there.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => Some(ErrorCode::DatabaseCorrupt),
            other => other.sqlite_error_code(),
        };
        let cause: Cause = Arc::new(error);
        match code {
            Some(ErrorCode::DiskFull) => Self::Full(cause),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(cause),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(cause),
            Some(ErrorCode::ConstraintViolation) => Self::Duplicate(cause),
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport,
            ) => Self::Io(cause),
            _ => Self::Internal(cause),
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        let full = error.kind() == std::io::ErrorKind::StorageFull;
        let cause: Cause = Arc::new(error);
        if full { Self::Full(cause) } else { Self::Io(cause) }
    }
}
