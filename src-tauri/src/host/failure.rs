//! Why there is no gateway, and why one of another program was not ended.

use clawdbot_gateway::{Holder, StartError};

use super::state::Away;
use super::words;
use crate::phrases::Phrases;
use crate::settings::Language;
use crate::words::{Said, Words};

/// Why there is no gateway.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", said.in_language(Language::En))]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) said: Said,
}

impl Failure {
    /// A failure and how each language says it.
    pub(crate) fn new(code: &str, say: impl Fn(Language) -> Words) -> Self {
        Self { code: code.to_owned(), said: Said::of(say) }
    }

    pub(super) fn away(away: &Away) -> Self {
        let code = away.code.clone().unwrap_or_else(|| "GATEWAY_AWAY".to_owned());
        Self { code, said: away.said.clone() }
    }

    pub(super) fn stopped() -> Self {
        Self::new("GATEWAY_STOPPED", |language| {
            Words::whole(Phrases::of(language).stopped.to_owned())
        })
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::new(error.code(), |language| words::of_start(&error, language))
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
    #[error("Another program has the port by now: {0}. Look at what it is, then try again.")]
    Other(Holder),
}

impl HolderError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Nobody => "HOLDER_NOBODY",
            Self::Service(_) => "HOLDER_SERVICE",
            Self::Alive(_) => "HOLDER_ALIVE",
            Self::Other(_) => "HOLDER_OTHER",
        }
    }
}
