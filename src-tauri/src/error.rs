//! The one shape in which a command's failure reaches the page.

use serde::Serialize;

use crate::bridge::BridgeError;
use crate::connection::commands::ConnectionError;
use crate::diagnostics::DiagnosticsError;
use crate::links::LinkError;
use crate::settings::SettingsError;

/// A stable code for the program and a sentence for the person.
#[derive(Debug, Serialize)]
pub(crate) struct CommandError {
    code: String,
    message: String,
}

impl CommandError {
    /// A failure whose sentence is in the person's language already.
    pub(crate) fn told(code: &str, message: String) -> Self {
        Self { code: code.to_owned(), message }
    }

    /// The page asked for something that does not exist.
    pub(crate) fn unknown(command: &str) -> Self {
        let message =
            format!("The app has no command {command:?}. Close the window and open it again.");
        Self { code: "COMMAND_UNKNOWN".to_owned(), message }
    }

    /// An argument is missing or of another kind.
    pub(crate) fn argument(name: &str, error: &serde_json::Error) -> Self {
        let message = format!("The argument {name} of the page's command cannot be used: {error}.");
        Self { code: "COMMAND_ARGUMENT".to_owned(), message }
    }
}

impl From<LinkError> for CommandError {
    fn from(error: LinkError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string() }
    }
}

impl From<ConnectionError> for CommandError {
    fn from(error: ConnectionError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string() }
    }
}

impl From<DiagnosticsError> for CommandError {
    fn from(error: DiagnosticsError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string() }
    }
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string() }
    }
}

impl From<BridgeError> for CommandError {
    fn from(error: BridgeError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string() }
    }
}
