//! Translates the client library's errors into ours.

use std::time::Duration;

use genai::webc::StreamTimeout;
use http::HeaderMap;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::Connection;
use crate::error::{ErrorKind, ModelError};

/// Longest cause shown to the user, in characters.
const CAUSE_LIMIT: usize = 300;

/// Shorter header values are no secrets, and cutting them out would garble the sentence.
const SHORTEST_SECRET: usize = 6;

/// What is known about a failure before it is put in our words.
struct Failure {
    kind: ErrorKind,
    status: Option<u16>,
    retry_after: Option<Duration>,
    cause: String,
}

/// The error in our terms; the connection's key is cut out of whatever the provider said.
pub(super) fn model_error(error: genai::Error, connection: &Connection, model: &str) -> ModelError {
    let failure = failure(error);
    ModelError {
        kind: failure.kind,
        provider: connection.provider.clone(),
        model: model.to_owned(),
        http_status: failure.status,
        retry_after: failure.retry_after,
        cause: presentable(&failure.cause, connection),
    }
}

fn failure(error: genai::Error) -> Failure {
    match error {
        genai::Error::HttpError { status, body, headers, .. } => {
            from_status(status.as_u16(), &body, &headers)
        }
        genai::Error::ChatResponse { body, .. } => from_body(&body),
        genai::Error::WebStream { error, .. } => from_transport(error),
        genai::Error::StreamParse { serde_error, .. } => {
            Failure::new(ErrorKind::Protocol, serde_error.to_string())
        }
        genai::Error::WebModelCall { webc_error, .. } => {
            Failure::new(ErrorKind::BadRequest, webc_error.to_string())
        }
        other => Failure::new(ErrorKind::Protocol, other.to_string()),
    }
}

impl Failure {
    fn new(kind: ErrorKind, cause: impl Into<String>) -> Self {
        Self { kind, status: None, retry_after: None, cause: cause.into() }
    }
}

fn from_transport(error: genai::BoxError) -> Failure {
    let error = match error.downcast::<genai::Error>() {
        Ok(inner) => return failure(*inner),
        Err(error) => error,
    };
    if let Some(timeout) = error.downcast_ref::<StreamTimeout>() {
        return Failure::new(ErrorKind::Timeout, timeout.to_string());
    }
    let kind = match error.downcast_ref::<reqwest::Error>() {
        Some(error) if error.is_timeout() => ErrorKind::Timeout,
        Some(error) if error.is_connect() || error.is_request() => ErrorKind::Unreachable,
        Some(error) if error.is_builder() => ErrorKind::BadRequest,
        _ => ErrorKind::Protocol,
    };
    Failure::new(kind, innermost(error.as_ref()))
}

/// The outer errors of the transport repeat the URL; the innermost one has the reason.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn from_status(status: u16, body: &str, headers: &HeaderMap) -> Failure {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let (code, message) = parsed.as_ref().map(code_and_message).unwrap_or_default();
    let cause = match message {
        Some(message) => message,
        None if body.trim_start().starts_with('<') => "the server answered with a web page".into(),
        None => body.to_owned(),
    };
    Failure {
        kind: kind_of_text(&code, &cause).unwrap_or_else(|| kind_of_status(status)),
        status: Some(status),
        retry_after: retry_after(headers),
        cause,
    }
}

fn from_body(body: &Value) -> Failure {
    let (code, message) = code_and_message(body);
    let cause = message.unwrap_or_else(|| body.to_string());
    let kind = kind_of_text(&code, &cause).unwrap_or(ErrorKind::Protocol);
    Failure::new(kind, cause)
}

/// Finds the error's names and its sentence in the shapes the providers use:
/// `{error:{type,code,status,message}}`, the inner object alone, `{error:"…"}`, or a list of one.
fn code_and_message(body: &Value) -> (String, Option<String>) {
    let body = body.get(0).unwrap_or(body);
    let error = body.get("error").unwrap_or(body);
    if let Some(message) = error.as_str() {
        return (String::new(), Some(message.to_owned()));
    }
    let names: Vec<&str> =
        ["type", "code", "status"].iter().filter_map(|name| error.get(name)?.as_str()).collect();
    let message = error.get("message").or_else(|| error.get("detail")).and_then(Value::as_str);
    (names.join(" "), message.map(str::to_owned))
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Auth,
        402 => ErrorKind::Quota,
        404 => ErrorKind::UnknownModel,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::ContextLength,
        429 => ErrorKind::RateLimit,
        500.. => ErrorKind::Overloaded,
        _ => ErrorKind::BadRequest,
    }
}

/// Providers reuse 400 and 429 for different things; their own words are more exact.
fn kind_of_text(code: &str, message: &str) -> Option<ErrorKind> {
    let code = code.to_lowercase();
    let message = message.to_lowercase();
    let code_has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let message_has = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    let too_long = [
        "prompt is too long",
        "maximum context length",
        "context window",
        "context length",
        "exceeds the maximum number of tokens",
    ];
    if code_has(&["context_length"]) || message_has(&too_long) {
        return Some(ErrorKind::ContextLength);
    }
    if code_has(&["insufficient_quota", "billing"]) || message_has(&["credit balance is too low"]) {
        return Some(ErrorKind::Quota);
    }
    if code_has(&["overloaded", "server_error", "unavailable", "api_error", "internal"]) {
        return Some(ErrorKind::Overloaded);
    }
    if code_has(&["rate_limit", "resource_exhausted"]) {
        return Some(ErrorKind::RateLimit);
    }
    if code_has(&["authentication", "permission", "invalid_api_key"])
        || message_has(&["api key not valid"])
    {
        return Some(ErrorKind::Auth);
    }
    if code_has(&["content_policy", "content_filter"]) {
        return Some(ErrorKind::Refusal);
    }
    code_has(&["model_not_found"]).then_some(ErrorKind::UnknownModel)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(millis) = text("retry-after-ms").and_then(|value| value.trim().parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let value = text("retry-after")?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = jiff::fmt::rfc2822::parse(value).ok()?;
    let wait = until.timestamp().duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

/// One line, short, without control characters and without the key.
fn presentable(cause: &str, connection: &Connection) -> String {
    let mut text = cause.to_owned();
    for secret in connection.secrets() {
        let secret = secret.expose_secret();
        if secret.len() >= SHORTEST_SECRET {
            text = text.replace(secret, "…");
        }
    }
    let line: String = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(CAUSE_LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use serde_json::json;

    fn kind(status: u16, body: &Value) -> ErrorKind {
        from_status(status, &body.to_string(), &HeaderMap::new()).kind
    }

    #[test]
    fn recorded_error_bodies_are_told_apart() {
        let anthropic = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
        let openai = |code: &str| json!({"error": {"message": "m", "type": "x", "code": code}});
        for (status, body, expected) in [
            (401, anthropic("authentication_error", "invalid x-api-key"), ErrorKind::Auth),
            (529, anthropic("overloaded_error", "Overloaded"), ErrorKind::Overloaded),
            (
                400,
                anthropic(
                    "invalid_request_error",
                    "prompt is too long: 210000 tokens > 200000 maximum",
                ),
                ErrorKind::ContextLength,
            ),
            (
                400,
                anthropic("invalid_request_error", "Your credit balance is too low"),
                ErrorKind::Quota,
            ),
            (429, anthropic("rate_limit_error", "slow down"), ErrorKind::RateLimit),
            (429, openai("insufficient_quota"), ErrorKind::Quota),
            (429, openai("rate_limit_exceeded"), ErrorKind::RateLimit),
            (400, openai("context_length_exceeded"), ErrorKind::ContextLength),
            (404, openai("model_not_found"), ErrorKind::UnknownModel),
            (
                400,
                json!([{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}]),
                ErrorKind::Auth,
            ),
            (
                503,
                json!({"error": {"code": 503, "message": "try later", "status": "UNAVAILABLE"}}),
                ErrorKind::Overloaded,
            ),
            (400, json!({"error": "gemma does not support tools"}), ErrorKind::BadRequest),
            (302, json!(null), ErrorKind::BadRequest),
        ] {
            assert_eq!(kind(status, &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn retry_after_comes_in_three_forms() {
        let parsed = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            retry_after(&headers)
        };
        assert_eq!(parsed("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(parsed("retry-after", "1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(parsed("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parsed("retry-after", "-3"), None);
        assert_eq!(parsed("retry-after", "soon"), None);
    }
}
