//! What a window shows when the process behind its page has ended: a page that offers to go on.

#[cfg(target_os = "linux")]
use tauri::Manager;
use tauri::WebviewWindow;

#[cfg(target_os = "linux")]
use super::{ORIGIN, line::Line};
#[cfg(target_os = "linux")]
use crate::wire::FromWindow;
use crate::wire::Label;

/// The static page that offers to load WebChat again.
#[cfg(target_os = "linux")]
const STOPPED: &str = "/stopped.html";

/// Tells the app when the page's process ends by itself, and puts the other page in its place.
#[cfg(target_os = "linux")]
pub(super) fn watch(window: &WebviewWindow, label: Label) -> tauri::Result<()> {
    use webkit2gtk::WebViewExt;

    let ours = window.clone();
    window.with_webview(move |webview| {
        webview.inner().connect_web_process_terminated(move |_webview, reason| {
            tracing::error!(?reason, "the page's process ended");
            ours.state::<Line>().say(&FromWindow::PageCrashed { label });
            let window = ours.clone();
            // WebKit is not yet done with the process that ended.
            tauri::async_runtime::spawn(async move { offer_to_load_again(&window) });
        });
    })
}

#[cfg(target_os = "linux")]
fn offer_to_load_again(window: &WebviewWindow) {
    let shown = format!("{ORIGIN}{STOPPED}").parse().map(|url| window.navigate(url));
    if !matches!(shown, Ok(Ok(()))) {
        tracing::error!("the page that offers to load WebChat again was not shown");
    }
}

/// The system's own web view loads the page again by itself.
#[cfg(not(target_os = "linux"))]
pub(super) fn watch(_window: &WebviewWindow, _label: Label) -> tauri::Result<()> {
    Ok(())
}
