//! The one shape in which a command's failure reaches the page.

use clawdbot_gateway::StartError;
use serde::Serialize;

use crate::bridge::BridgeError;
use crate::connection::commands::ConnectionError;
use crate::diagnostics::DiagnosticsError;
use crate::host;
use crate::links::LinkError;
use crate::phrases::{Phrases, fill};
use crate::settings::{Language, SettingsError};
use crate::words::{self, Said, Words};

/// A stable code for the program and a sentence for the person.
#[derive(Debug)]
pub(crate) struct CommandError {
    code: String,
    said: Said,
}

/// The same in the person's language, as the page gets it.
#[derive(Serialize)]
pub(crate) struct Told<'a> {
    code: &'a str,
    message: String,
}

impl CommandError {
    fn new(code: &str, say: impl Fn(Language) -> Words) -> Self {
        Self { code: code.to_owned(), said: Said::of(say) }
    }

    /// The page asked for something that does not exist.
    pub(crate) fn unknown(command: &str) -> Self {
        Self::new("COMMAND_UNKNOWN", |language| {
            Words::whole(fill(Phrases::of(language).no_command, &[command]))
        })
    }

    /// An argument is missing or of another kind.
    pub(crate) fn argument(name: &str, error: &serde_json::Error) -> Self {
        Self::new("COMMAND_ARGUMENT", |language| {
            Words::whole(fill(Phrases::of(language).bad_argument, &[name, &error.to_string()]))
        })
    }

    pub(crate) fn told(&self, language: Language) -> Told<'_> {
        Told { code: &self.code, message: self.said.in_language(language).to_string() }
    }
}

impl From<LinkError> for CommandError {
    fn from(error: LinkError) -> Self {
        Self::new(error.code(), |language| words::of_link(&error, language))
    }
}

impl From<ConnectionError> for CommandError {
    fn from(error: ConnectionError) -> Self {
        Self::new(error.code(), |language| error.words(language))
    }
}

impl From<DiagnosticsError> for CommandError {
    fn from(error: DiagnosticsError) -> Self {
        Self::new(error.code(), |language| words::of_diagnostics(&error, language))
    }
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        Self::new(error.code(), |language| words::of_settings(&error, language))
    }
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        Self::new(error.code(), |language| host::words::of_start(&error, language))
    }
}

impl From<BridgeError> for CommandError {
    fn from(error: BridgeError) -> Self {
        Self::new(error.code(), |language| words::of_bridge(&error, language))
    }
}
