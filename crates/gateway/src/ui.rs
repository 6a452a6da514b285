//! The files of the web interface: the embedded WebChat bundle, or a directory of the owner's.

use std::borrow::Cow;
use std::path::PathBuf;

use clawdbot_agent::{Workspace, WorkspaceError};
use rust_embed::RustEmbed;

/// Largest file of a directory that is served, in bytes.
const MAX_FILE: u64 = 32 * 1024 * 1024;
const PAGE: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../src-ui/dist"]
struct Bundle;

/// One file.
pub(crate) struct Asset {
    pub(crate) mime: String,
    pub(crate) bytes: Cow<'static, [u8]>,
    /// Whether the name changes with the content.
    pub(crate) immutable: bool,
    /// Whether it is the page itself.
    pub(crate) is_page: bool,
}

/// The file of the bundle for a UI path.
pub(crate) fn asset(path: &str) -> Option<Asset> {
    let name = file_name(path);
    let file = Bundle::get(name)?;
    Some(Asset {
        mime: file.metadata.mimetype().to_owned(),
        bytes: file.data,
        immutable: name.starts_with("assets/"),
        is_page: name == PAGE,
    })
}

/// The file of a directory for a UI path; none outside of it is ever read (FS-03), and no hidden one:
/// a directory that a page is built in also has `.env` and `.git`.
///
/// # Errors
/// When the directory, or the page in it, cannot be read.
pub(crate) async fn asset_below(
    root: PathBuf,
    path: &str,
) -> Result<Option<Asset>, WorkspaceError> {
    let name = file_name(path).to_owned();
    if name.split('/').any(|part| part.starts_with('.')) {
        return Ok(None);
    }
    let read = {
        let name = name.clone();
        move || Workspace::open(&root)?.read(&name, MAX_FILE)
    };
    let Ok(read) = tokio::task::spawn_blocking(read).await else { return Ok(None) };
    let is_page = name == PAGE;
    let bytes = match read {
        Ok(file) if file.size <= MAX_FILE => Cow::Owned(file.bytes),
        Err(error @ WorkspaceError::Unavailable { .. }) => return Err(error),
        Err(error) if is_page => return Err(error),
        _ => return Ok(None),
    };
    let mime = mime_guess::from_path(&name).first_or_octet_stream().to_string();
    Ok(Some(Asset { mime, bytes, immutable: false, is_page }))
}

/// Paths without an extension are views of the single page.
fn file_name(path: &str) -> &str {
    let name = path.trim_start_matches('/');
    let is_view = !name.starts_with("assets/")
        && !name.rsplit('/').next().is_some_and(|last| last.contains('.') && !last.contains(':'));
    if is_view { PAGE } else { name }
}
