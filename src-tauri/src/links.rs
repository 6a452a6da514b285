//! Links that leave the app: checked here, opened by the desktop.

use tauri::Url;

use crate::error::CommandError;
use crate::platform::{Here, Platform as _};

/// Longer addresses are refused; browsers stop well before this.
const MAX_LINK: usize = 8 * 1024;

/// The `mailto:` fields a page may fill in. Others, such as `attach`, can make
/// a mail program pick up local files.
const MAIL_FIELDS: [&str; 4] = ["subject", "body", "cc", "bcc"];

/// Why a link was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("This link was not opened, because it is not a complete web or mail address.")]
    Malformed,
    #[error("This link was not opened, because only http, https and mailto links leave the app.")]
    Scheme,
    #[error("This link was not opened, because it carries a user name or password.")]
    Credentials,
    #[error("This link was not opened, because it fills in mail fields other than the text.")]
    MailField,
    #[error("The desktop could not open this link: {0}. Copy it into your browser instead.")]
    Open(#[source] std::io::Error),
}

impl LinkError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "LINK_MALFORMED",
            Self::Scheme => "LINK_SCHEME",
            Self::Credentials => "LINK_CREDENTIALS",
            Self::MailField => "LINK_MAIL_FIELD",
            Self::Open(_) => "LINK_OPEN",
        }
    }
}

/// Accepts a link only if it is safe to hand to another program.
pub(crate) fn check(link: &str) -> Result<Url, LinkError> {
    if link.len() > MAX_LINK || link.chars().any(char::is_control) {
        return Err(LinkError::Malformed);
    }
    let url = Url::parse(link).map_err(|_| LinkError::Malformed)?;
    match url.scheme() {
        "http" | "https" => {
            let bare = url.username().is_empty() && url.password().is_none();
            bare.then_some(url).ok_or(LinkError::Credentials)
        }
        "mailto" => {
            let known = url
                .query_pairs()
                .all(|(name, _)| MAIL_FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field)));
            known.then_some(url).ok_or(LinkError::MailField)
        }
        _ => Err(LinkError::Scheme),
    }
}

/// Opens a checked link with the desktop's own program for it.
pub(crate) async fn open(url: Url) -> Result<(), LinkError> {
    let opened = tauri::async_runtime::spawn_blocking(move || Here::open(url.as_str().as_ref()));
    match opened.await {
        Ok(result) => result.map_err(LinkError::Open),
        Err(error) => Err(LinkError::Open(std::io::Error::other(error))),
    }
}

/// Opens a link that the page tried to follow by itself.
pub(crate) fn open_in_background(link: &str) {
    match check(link) {
        Ok(url) => {
            tauri::async_runtime::spawn(async move {
                if let Err(error) = open(url).await {
                    tracing::warn!(code = error.code(), %error, "link not opened");
                }
            });
        }
        Err(error) => tracing::warn!(code = error.code(), "navigation refused"),
    }
}

/// The page's request to open a link outside the app.
pub(crate) async fn open_external(url: String) -> Result<(), CommandError> {
    Ok(open(check(&url)?).await?)
}

#[cfg(test)]
mod tests {
    use super::{LinkError, check};

    #[test]
    fn web_and_mail_addresses_pass() {
        for link in [
            "https://example.org/a?b=c#d",
            "http://127.0.0.1:18789/",
            "mailto:someone@example.org?subject=Hello&body=Text",
        ] {
            assert!(check(link).is_ok(), "{link}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let long = format!("https://example.org/{}", "a".repeat(9000));
        let refused: [(&str, &str); 11] = [
            ("file:///etc/passwd", "LINK_SCHEME"),
            ("javascript:alert(1)", "LINK_SCHEME"),
            ("data:text/html,x", "LINK_SCHEME"),
            ("smb://host/share", "LINK_SCHEME"),
            ("tauri://localhost/", "LINK_SCHEME"),
            ("--version", "LINK_MALFORMED"),
            ("/etc/passwd", "LINK_MALFORMED"),
            ("https://exa\nmple.org", "LINK_MALFORMED"),
            ("https://bank.example@evil.example/", "LINK_CREDENTIALS"),
            ("mailto:a@example.org?ATTACH=/etc/passwd", "LINK_MAIL_FIELD"),
            (&long, "LINK_MALFORMED"),
        ];
        for (link, code) in refused {
            assert_eq!(check(link).err().as_ref().map(LinkError::code), Some(code), "{link}");
        }
    }
}
