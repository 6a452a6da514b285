//! Attachments of a remote gateway, fetched with the secrets added on this side.

use clawdbot_client::{ConnectError, ConnectOptions};
use clawdbot_gateway::Media;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;

use super::vault::Credential;

/// Larger ones are not shown.
const MAX_BYTES: usize = 64 * 1024 * 1024;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Why an attachment could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the remote gateway broke off: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the remote gateway answered with HTTP {0}")]
    Status(StatusCode),
    #[error("the attachment is too large or broken off: {0}")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the remote gateway did not answer in time")]
    Timeout,
}

/// Fetches `<id>.<extension>`; the caller has checked the name.
pub(crate) async fn fetch(
    base: &ConnectOptions,
    credential: &Credential,
    name: &str,
) -> Result<Option<Media>, FetchError> {
    let fetching = fetch_now(base, credential, name);
    tokio::time::timeout(PATIENCE, fetching).await.map_err(|_| FetchError::Timeout)?
}

async fn fetch_now(
    base: &ConnectOptions,
    credential: &Credential,
    name: &str,
) -> Result<Option<Media>, FetchError> {
    let stream = clawdbot_client::dial(base).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let host = base.url.split("://").nth(1).unwrap_or_default().split('/').next();
    let mut request = Request::get(format!("/media/inbound/{name}"))
        .header(header::HOST, host.unwrap_or_default());
    let secret = credential.password.as_ref().or(credential.token.as_ref());
    if let Some(secret) = secret.or(credential.device_token.as_ref()) {
        request = request.header(header::AUTHORIZATION, format!("Bearer {secret}"));
    }
    let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if status != StatusCode::OK {
        return Err(FetchError::Status(status));
    }
    let mime = response.headers().get(header::CONTENT_TYPE);
    let mime = mime.and_then(|mime| mime.to_str().ok()).unwrap_or("application/octet-stream");
    let mime = mime.to_owned();
    let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
    let bytes = body.map_err(FetchError::Body)?.to_bytes().to_vec();
    connection.abort();
    Ok(Some(Media { mime, bytes }))
}
