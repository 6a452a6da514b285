//! Stored attachments, read back by id.

use std::io;

use crate::shared::Shared;

/// An attachment's bytes.
#[derive(Debug, Clone)]
pub struct Media {
    /// Type found in the bytes when it was received.
    pub mime: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Why an attachment could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The record could not be looked up.
    #[error("cannot look up the attachment: {0}")]
    Store(#[from] clawdbot_store::StoreError),
    /// The file is there and unreadable.
    #[error("cannot read the attachment: {0}")]
    Io(#[from] io::Error),
}

/// Reads `<id>.<extension>`. Only registered ids are ever opened, never a caller's path.
pub(crate) async fn read(shared: &Shared, name: &str) -> Result<Option<Media>, MediaError> {
    let Some((id, extension)) = name.split_once('.') else {
        return Ok(None);
    };
    if uuid::Uuid::try_parse(id).is_err() || !extension.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(None);
    }
    let Some(record) = shared.store.media(id).await? else {
        return Ok(None);
    };
    match tokio::fs::read(shared.inbound_dir().join(name)).await {
        Ok(bytes) => Ok(Some(Media { mime: record.mime, bytes })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
