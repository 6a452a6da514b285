//! Why something that helps could not be had.

use std::io;
use std::path::PathBuf;

/// Why a diagnostic command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiagnosticsError {
    #[error("The log {} cannot be read: {source}.", path.display())]
    Log { path: PathBuf, source: io::Error },
    #[error("{} could not be written: {source}. Check that there is space and that you may write there.", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("The bundle could not be packed: {0}.")]
    Pack(#[from] zip::result::ZipError),
    #[error("{0} could not be described: {1}.")]
    Describe(&'static str, serde_json::Error),
    #[error("This text is too long for a QR code.")]
    TooLong,
    #[error("{} could not be opened: {source}. Open it in your file manager.", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("This could not be done, because the app is quitting.")]
    Ended,
}

impl DiagnosticsError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Log { .. } => "DIAGNOSTICS_LOG",
            Self::Write { .. } => "DIAGNOSTICS_WRITE",
            Self::Pack(_) => "DIAGNOSTICS_PACK",
            Self::Describe(..) => "DIAGNOSTICS_DESCRIBE",
            Self::TooLong => "QR_TOO_LONG",
            Self::Open { .. } => "OPEN_PATH",
            Self::Ended => "DIAGNOSTICS_ENDED",
        }
    }
}
