//! The desktop's clipboard.

use std::sync::{Mutex, PoisonError};

/// Writes text to the clipboard. On X11 the writer also serves the text to other
/// programs, so it lives as long as the app.
#[derive(Default)]
pub(crate) struct Clipboard {
    inner: Mutex<Option<arboard::Clipboard>>,
}

impl Clipboard {
    /// Replaces what is on the clipboard. May wait for the display server.
    pub(crate) fn copy(&self, text: String) -> Result<(), arboard::Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let clipboard = match inner.take() {
            Some(clipboard) => clipboard,
            None => arboard::Clipboard::new()?,
        };
        inner.insert(clipboard).set_text(text)
    }
}
