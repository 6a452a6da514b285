//! What can go wrong between us and a model, told so that the user knows what to do.

use std::fmt;
use std::time::Duration;

/// The class of a model failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The key is missing, wrong or not allowed to use the model.
    Auth,
    /// The account has no credit left.
    Quota,
    /// Too many requests.
    RateLimit,
    /// The provider has no capacity right now or failed internally.
    Overloaded,
    /// The conversation does not fit the model.
    ContextLength,
    /// The provider's safety rules stopped the answer.
    Refusal,
    /// No answer in time.
    Timeout,
    /// No connection.
    Unreachable,
    /// The provider does not know the model.
    UnknownModel,
    /// The provider rejects the request for another reason.
    BadRequest,
    /// The provider's answer made no sense or broke off.
    Protocol,
}

/// A failed answer. `Display` says what happened, why and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ModelError {
    /// The class.
    pub kind: ErrorKind,
    /// Provider id.
    pub provider: String,
    /// Model id.
    pub model: String,
    /// HTTP status, when there was one.
    pub http_status: Option<u16>,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Duration>,
    /// The provider's words, shortened and without secrets.
    pub cause: String,
}

impl ModelError {
    /// Stable code of the class.
    pub fn code(&self) -> &'static str {
        match self.kind {
            ErrorKind::Auth => "MODEL_AUTH",
            ErrorKind::Quota => "MODEL_QUOTA",
            ErrorKind::RateLimit => "MODEL_RATE_LIMIT",
            ErrorKind::Overloaded => "MODEL_OVERLOADED",
            ErrorKind::ContextLength => "MODEL_CONTEXT_LENGTH",
            ErrorKind::Refusal => "MODEL_REFUSAL",
            ErrorKind::Timeout => "MODEL_TIMEOUT",
            ErrorKind::Unreachable => "MODEL_UNREACHABLE",
            ErrorKind::UnknownModel => "MODEL_UNKNOWN",
            ErrorKind::BadRequest => "MODEL_BAD_REQUEST",
            ErrorKind::Protocol => "MODEL_PROTOCOL",
        }
    }

    /// `errorKind` of a chat error event (protocol §13).
    pub fn wire_kind(&self) -> &'static str {
        match self.kind {
            ErrorKind::Refusal => "refusal",
            ErrorKind::Timeout => "timeout",
            ErrorKind::RateLimit | ErrorKind::Overloaded => "rate_limit",
            ErrorKind::ContextLength => "context_length",
            _ => "unknown",
        }
    }

    /// Whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::RateLimit | ErrorKind::Overloaded)
    }

    fn what_happened(&self) -> &'static str {
        match self.kind {
            ErrorKind::Auth => "refused the credentials",
            ErrorKind::Quota => "has no credit left for this account",
            ErrorKind::RateLimit => "is limiting requests",
            ErrorKind::Overloaded => "cannot answer right now",
            ErrorKind::ContextLength => "cannot take a conversation this long",
            ErrorKind::Refusal => "declined to answer",
            ErrorKind::Timeout => "did not answer in time",
            ErrorKind::Unreachable => "cannot be reached",
            ErrorKind::UnknownModel => "does not offer this model",
            ErrorKind::BadRequest => "rejected the request",
            ErrorKind::Protocol => "broke off its answer or sent one that makes no sense",
        }
    }

    fn remedy(&self) -> String {
        let provider = &self.provider;
        match self.kind {
            ErrorKind::Auth => {
                format!("Check models.providers.{provider}.apiKey or the provider's key variable.")
            }
            ErrorKind::Quota => "Add credit at the provider or choose another model.".into(),
            ErrorKind::RateLimit => match self.retry_after {
                Some(wait) => format!("Try again in {} s.", wait.as_secs().max(1)),
                None => "Wait a moment and try again.".into(),
            },
            ErrorKind::Overloaded => "Try again in a moment or choose another model.".into(),
            ErrorKind::ContextLength => {
                "Start a new session with /new or choose a model with a larger context.".into()
            }
            ErrorKind::Refusal => "Rephrase the message or choose another model.".into(),
            ErrorKind::Timeout => "Try again; if it persists, check the network.".into(),
            ErrorKind::Unreachable => {
                format!("Check the network and models.providers.{provider}.baseUrl.")
            }
            ErrorKind::UnknownModel => "Use /models to see what is available.".into(),
            ErrorKind::BadRequest => {
                format!("Check the settings below models.providers.{provider}.")
            }
            ErrorKind::Protocol => "Try again.".into(),
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}", self.provider, self.what_happened(), self.model)?;
        if let Some(status) = self.http_status {
            write!(f, ", HTTP {status}")?;
        }
        f.write_str(")")?;
        if !self.cause.is_empty() {
            write!(f, ": {}", self.cause.trim_end_matches('.'))?;
        }
        write!(f, ". {}", self.remedy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_provider_cause_and_remedy() {
        let error = ModelError {
            kind: ErrorKind::Auth,
            provider: "anthropic".into(),
            model: "claude-x".into(),
            http_status: Some(401),
            retry_after: None,
            cause: "invalid x-api-key.".into(),
        };
        assert_eq!(
            error.to_string(),
            "anthropic refused the credentials (claude-x, HTTP 401): invalid x-api-key. \
             Check models.providers.anthropic.apiKey or the provider's key variable."
        );
        assert_eq!((error.code(), error.wire_kind()), ("MODEL_AUTH", "unknown"));
    }
}
