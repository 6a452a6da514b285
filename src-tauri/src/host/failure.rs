//! Why there is no gateway, and why one of another program was not ended.

use std::borrow::Cow;
use std::path::Path;

use clawdbot_gateway::{Holder, StartError};

use super::state::Away;
use crate::connection::words::Words;

/// Why there is no gateway.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}{}", remedy.as_ref().map(|remedy| format!(" {remedy}")).unwrap_or_default())]
pub(crate) struct Failure {
    pub(crate) code: String,
    /// The cause in one line, for the tray.
    pub(crate) headline: String,
    /// The cause and what to do, for the window and the log.
    pub(crate) message: String,
    /// What to do, where that is known apart from the cause.
    pub(crate) remedy: Option<String>,
}

impl Failure {
    pub(super) fn away(away: &Away) -> Self {
        Self {
            code: away.code.clone().unwrap_or_else(|| "GATEWAY_AWAY".to_owned()),
            headline: away.headline.clone(),
            message: if away.message.is_empty() { &away.headline } else { &away.message }.clone(),
            remedy: away.remedy.clone(),
        }
    }

    /// A failure of the connection, in words for people.
    pub(crate) fn told(code: &str, words: Words) -> Self {
        let Words { headline, message, remedy } = words;
        Self { code: code.to_owned(), headline, message, remedy }
    }

    pub(super) fn stopped() -> Self {
        let message = "The gateway has stopped, because the app is quitting.".to_owned();
        Self {
            code: "GATEWAY_STOPPED".to_owned(),
            headline: message.clone(),
            message,
            remedy: None,
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let message = error.to_string();
        let headline = match &error {
            StartError::Config(config) => {
                config.issues.first().map(|issue| format!("{}, {issue}", file_name(&config.path)))
            }
            _ => message.lines().next().map(str::to_owned),
        };
        Self {
            code: error.code().to_owned(),
            headline: headline.unwrap_or_default(),
            message,
            remedy: None,
        }
    }
}

/// Why a gateway of another program was not ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HolderError {
    #[error("No other program runs the gateway.")]
    Nobody,
    #[error(
        "{0} is kept running by the system's service manager. Stop the service with clawdbot gateway stop, then restart the gateway here."
    )]
    Service(Holder),
    #[error("{0} could not be ended. Stop it yourself, then restart the gateway here.")]
    Alive(Holder),
}

impl HolderError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Nobody => "HOLDER_NOBODY",
            Self::Service(_) => "HOLDER_SERVICE",
            Self::Alive(_) => "HOLDER_ALIVE",
        }
    }
}

fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}
