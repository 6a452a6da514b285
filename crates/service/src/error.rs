use std::io;
use std::path::PathBuf;

/// Why the service could not be handled. Every message names one thing to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// No service manager answers here.
    #[error("{manager} does not answer here: {reason}. {remedy}")]
    NoManager {
        /// Whom was asked.
        manager: &'static str,
        /// What it, or the system, said.
        reason: String,
        /// The way out.
        remedy: &'static str,
    },
    /// The service manager refused.
    #[error("`{command}` failed: {said}. {remedy}")]
    Command {
        /// What was run.
        command: String,
        /// The last of what it said.
        said: String,
        /// Where to look.
        remedy: String,
    },
    /// A file that somebody else wrote stands where the service belongs.
    #[error(
        "{path} exists and was not written by clawdbot, so it was left alone. Move it away, or replace it with --replace, which keeps it as {path}.old."
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A path that cannot be written into a unit.
    #[error(
        "{path:?} holds a line break, or a quotation or per cent sign that the service would not take as it is. Move the program or the state directory."
    )]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// The file of the service cannot be written or removed.
    #[error("cannot change {path}: {source}. Check that you may write there.")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ServiceError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoManager { .. } => "SERVICE_NO_MANAGER",
            Self::Command { .. } => "SERVICE_COMMAND",
            Self::Foreign { .. } => "SERVICE_FOREIGN",
            Self::Path { .. } => "SERVICE_PATH",
            Self::File { .. } => "SERVICE_FILE",
        }
    }
}
