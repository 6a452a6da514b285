//! Which addresses the window may show: the app's own pages and nothing else. The second line
//! behind the capability, which has no remote entry.

use tauri::Url;

use crate::links;

/// Decides about a navigation; what is not ours goes to the browser instead.
pub(super) fn stays_here(url: &Url, dev_url: Option<&Url>) -> bool {
    let ours = is_bundled(url) || dev_url.is_some_and(|dev| dev.origin() == url.origin());
    if !ours {
        links::open_in_background(url.as_str());
    }
    ours
}

fn is_bundled(url: &Url) -> bool {
    let (scheme, host) =
        if cfg!(windows) { ("http", "tauri.localhost") } else { ("tauri", "localhost") };
    url.scheme() == scheme && url.host_str() == Some(host) && url.port().is_none()
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::is_bundled;

    #[test]
    fn only_the_bundled_origin_is_ours() {
        let ours = |url: &str| is_bundled(&url.parse().unwrap());
        assert!(ours("tauri://localhost/chat/main"));
        for url in [
            "tauri://localhost.evil.example/",
            "tauri://evil.example/",
            "tauri://localhost:81/",
            "https://localhost/",
            "https://tauri.localhost/",
            "http://tauri.localhost.evil.example/",
            "about:blank",
            "data:text/html,x",
            "file:///etc/passwd",
        ] {
            assert!(!ours(url), "{url}");
        }
    }
}
