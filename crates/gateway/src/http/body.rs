//! Request bodies: bounded in size, time and number.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Time a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);
/// Bodies of authenticated callers that may be arriving at once; they are large.
const MAX_BODIES: usize = 16;
/// Requests to hooks that may be looked at at once, right token or not (HOOK-06).
const MAX_HOOKS: usize = 32;

/// Room for bodies that are arriving.
pub(crate) struct Bodies {
    calls: Semaphore,
    hooks: Semaphore,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { calls: Semaphore::new(MAX_BODIES), hooks: Semaphore::new(MAX_HOOKS) }
    }
}

impl Bodies {
    pub(super) fn room_for_call(&self) -> Result<SemaphorePermit<'_>, BadBody> {
        self.calls.try_acquire().map_err(|_| BadBody::Busy)
    }

    pub(super) fn room_for_hook(&self) -> Result<SemaphorePermit<'_>, BadBody> {
        self.hooks.try_acquire().map_err(|_| BadBody::Busy)
    }
}

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadBody {
    #[error("The body is larger than {0} bytes.")]
    TooLarge(usize),
    #[error("The body did not arrive within {} seconds.", DEADLINE.as_secs())]
    TooSlow,
    #[error("Too many requests are arriving. Try again soon.")]
    Busy,
    #[error("The body has to be JSON, with Content-Type: application/json and no encoding.")]
    NotJson,
    #[error("The body is not what this route takes: {0}")]
    Malformed(String),
    #[error("The body broke off.")]
    Broken,
}

impl BadBody {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed(_) | Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a JSON body of at most `limit` bytes.
pub(super) async fn read<T: serde::de::DeserializeOwned>(
    request: Request<Incoming>,
    limit: usize,
) -> Result<T, BadBody> {
    if !is_json(request.headers()) {
        return Err(BadBody::NotJson);
    }
    let bytes = bytes(request, limit).await?;
    serde_json::from_slice(&bytes).map_err(|error| BadBody::Malformed(error.to_string()))
}

async fn bytes(request: Request<Incoming>, limit: usize) -> Result<Bytes, BadBody> {
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(BadBody::TooLarge(limit));
    }
    let collect = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(DEADLINE, collect).await {
        Err(_) => Err(BadBody::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(BadBody::TooLarge(limit))
        }
        Ok(Err(_)) => Err(BadBody::Broken),
    }
}

/// A page of another origin can send other types without asking first (WEB-03); an encoding could
/// blow up when it is undone (DOS-08).
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let plain = headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    plain && (kind == "application/json" || kind.ends_with("+json"))
}
