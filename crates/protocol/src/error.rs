use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The stable `error.code` values of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The request itself is wrong: validation, precondition, unknown method, refused credential.
    InvalidRequest,
    /// The gateway or something behind it cannot do it now.
    Unavailable,
    /// The device is unknown or asks for more than was approved.
    NotPaired,
    /// The caller's scopes do not cover the method (generation 4; 3 says `INVALID_REQUEST`).
    Forbidden,
    /// A code of a newer gateway that this build does not know.
    #[serde(other)]
    Other,
}

/// The `error` member of a refused response.
///
/// `message` says what happened and, where there is one, the remedy; clients show it as is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct RpcError {
    /// What kind of refusal this is.
    pub code: ErrorCode,
    /// One sentence for people.
    pub message: String,
    /// Machine-readable particulars; `details.code` is stable where present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether the same request may succeed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// How long to wait before trying again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl RpcError {
    /// A refusal that blames the request.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// A refusal that blames the gateway or what is behind it.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// The answer to a method nobody declared (protocol §3.4).
    pub fn unknown_method(method: &str) -> Self {
        Self::invalid(format!("unknown method: {method}"))
    }

    /// A refusal for a caller without `scope` (protocol §6.3, generation 4 shape).
    pub fn missing_scope(scope: &str) -> Self {
        Self::new(ErrorCode::Forbidden, format!("missing scope: {scope}")).with_details(json!({
            "code": "MISSING_SCOPE",
            "missingScope": scope,
            "requiredScopes": [scope],
        }))
    }

    /// A refusal with any code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retryable: None, retry_after_ms: None }
    }

    /// Adds machine-readable particulars.
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Marks the refusal as temporary and says when to come back.
    pub fn retry_after(mut self, millis: u64) -> Self {
        self.retryable = Some(true);
        self.retry_after_ms = Some(millis);
        self
    }

    /// The stable `details.code`, if there is one.
    pub fn detail_code(&self) -> Option<&str> {
        self.details.as_ref()?.get("code")?.as_str()
    }
}
