//! `clawdbot-media://localhost/inbound/<id>.<ext>`: the gateway's pictures and sounds for the page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tauri::http::{Method, Request, Response, StatusCode, header};
use tauri::{Manager, UriSchemeContext, UriSchemeResponder, Wry};

use super::ORIGIN;
use super::line::Line;
use crate::wire::{FromWindow, Label, MediaAnswer};

/// The scheme's name, as the content security policy knows it.
pub(super) const SCHEME: &str = "clawdbot-media";

const MAX_NAME: usize = 128;

/// Asks the app for what a page requests.
pub(super) fn serve(
    context: UriSchemeContext<'_, Wry>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    let ours = Label::parse(context.webview_label()).is_some();
    if !ours || request.method() != Method::GET {
        return responder.respond(refusal(StatusCode::FORBIDDEN));
    }
    let Some(name) = media_name(request.uri().path()).map(str::to_owned) else {
        return responder.respond(refusal(StatusCode::NOT_FOUND));
    };
    let line = context.app_handle().state::<Line>();
    let id = line.await_file(responder);
    line.say(&FromWindow::Media { id, name });
}

/// What the page gets.
pub(super) fn response(answer: MediaAnswer) -> Response<Vec<u8>> {
    match answer {
        MediaAnswer::File { mime, bytes } => match STANDARD.decode(bytes) {
            Ok(bytes) => content(&mime, bytes),
            Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR),
        },
        MediaAnswer::Refused { status } => {
            refusal(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
}

/// The file name in `/inbound/<name>`, if it is one plain name. The page's `convertFileSrc`
/// escapes the inner slash.
fn media_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/inbound%2F").or_else(|| path.strip_prefix("/inbound/"))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = (1..=MAX_NAME).contains(&name.len());
    (fits && !name.starts_with('.') && name.bytes().all(plain)).then_some(name)
}

/// Content is never trusted: no sniffing, and a document in it gets an empty sandbox.
fn content(mime: &str, bytes: Vec<u8>) -> Response<Vec<u8>> {
    Response::builder()
        .header(header::CONTENT_TYPE, mime)
        .header(header::CONTENT_LENGTH, bytes.len())
        // The page reads a file again when its message is changed and sent once more.
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")
        .header(header::CACHE_CONTROL, "private, max-age=86400")
        .body(bytes)
        .unwrap_or_else(|_| refusal(StatusCode::INTERNAL_SERVER_ERROR))
}

fn refusal(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::{content, media_name};

    #[test]
    fn only_plain_names_are_media() {
        assert_eq!(media_name("/inbound%2F0f3a-b_1.png"), Some("0f3a-b_1.png"));
        assert_eq!(media_name("/inbound/0f3a.png"), Some("0f3a.png"));
        let refused = ["", ".", "..", "../x", "a/b", "a%2Fb", ".hidden", "a b", "a\\b"];
        for name in refused {
            assert_eq!(media_name(&format!("/inbound/{name}")), None, "{name}");
        }
        assert_eq!(media_name("/0f3a.png"), None);
        assert_eq!(media_name(&format!("/inbound/{}", "a".repeat(129))), None);
    }

    #[test]
    fn content_cannot_run() {
        let response = content("image/svg+xml", b"<svg/>".to_vec());
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_ne!(response.headers()["access-control-allow-origin"], "*");
        assert!(
            response.headers()["content-security-policy"].to_str().unwrap().starts_with("sandbox")
        );
    }

    #[test]
    fn an_impossible_type_is_an_error_and_not_a_guess() {
        assert_eq!(content("image/png\r\nx: y", Vec::new()).status(), 500);
    }
}
