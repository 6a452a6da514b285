//! The one shape in which a command's failure reaches the page.

use serde::Serialize;

use crate::bridge::BridgeError;
use crate::diagnostics::DiagnosticsError;
use crate::links::LinkError;
use crate::settings::SettingsError;

/// A stable code for the program and a sentence for the person.
#[derive(Debug, Serialize)]
pub(crate) struct CommandError {
    code: String,
    message: String,
}

impl From<LinkError> for CommandError {
    fn from(error: LinkError) -> Self {
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
