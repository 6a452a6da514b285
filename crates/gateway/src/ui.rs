//! The embedded WebChat bundle.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../src-ui/dist"]
struct Bundle;

/// One file of the bundle.
pub(crate) struct Asset {
    pub(crate) mime: String,
    pub(crate) bytes: Cow<'static, [u8]>,
    /// Whether the name changes with the content.
    pub(crate) immutable: bool,
    /// Whether it is the page itself.
    pub(crate) is_page: bool,
}

/// The file for a UI path. Paths without an extension are views of the single page.
pub(crate) fn asset(path: &str) -> Option<Asset> {
    let name = path.trim_start_matches('/');
    let is_view = !name.starts_with("assets/")
        && !name.rsplit('/').next().is_some_and(|last| last.contains('.') && !last.contains(':'));
    let name = if is_view { "index.html" } else { name };
    let file = Bundle::get(name)?;
    Some(Asset {
        mime: file.metadata.mimetype().to_owned(),
        bytes: file.data,
        immutable: name.starts_with("assets/"),
        is_page: name == "index.html",
    })
}
