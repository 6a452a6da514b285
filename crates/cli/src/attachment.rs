//! Files that go with a message.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawdbot_protocol::{Attachment, HelloOk};

/// Bytes of one file when the gateway does not say what it takes.
const MAX_FILE: u64 = 20 * 1024 * 1024;

/// A file that goes with the next message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attached {
    pub(crate) name: String,
    /// Base64.
    pub(crate) content: String,
}

/// The most bytes of one file that this gateway takes.
pub(crate) fn limit(hello: &HelloOk) -> u64 {
    hello.policy.attachments.as_ref().map_or(MAX_FILE, |limits| limits.max_bytes)
}

/// Reads one of at most `max` bytes.
pub(crate) async fn read(path: &Path, max: u64) -> std::io::Result<Attached> {
    let meta = tokio::fs::metadata(path).await?;
    if !meta.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    if meta.len() > max {
        let (size, most) = (meta.len() >> 20, max >> 20);
        let why = format!("it has {size} MiB, and the gateway takes {most}");
        return Err(std::io::Error::other(why));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(Attached { name, content: STANDARD.encode(tokio::fs::read(path).await?) })
}

impl From<Attached> for Attachment {
    fn from(file: Attached) -> Self {
        Self { mime_type: None, file_name: Some(file.name), content: Some(file.content.into()) }
    }
}
