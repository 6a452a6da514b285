use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use thiserror::Error;

/// The shortest secret accepted when the gateway can be reached from other computers.
pub const MIN_SECRET_CHARS: usize = 24;

/// A configured token, password or key. `Debug` and `Display` never show it.
///
/// In the document it is a string, `"${VAR}"`, `"$VAR"` or `{source: "env", id: "VAR"}`; loading
/// resolves all of these to the value.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret that comes from outside the document, such as a flag or the environment.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself. Compare in constant time, and never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "source": { "type": "string", "enum": ["env"] },
                        "provider": { "type": "string" },
                        "id": { "type": "string", "minLength": 1 },
                    },
                    "required": ["source", "id"],
                },
            ],
        })
    }
}

/// Why a secret is too weak to face a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WeakSecret {
    /// Nothing but white space.
    #[error(
        "the gateway secret is blank, which is refused when other computers can connect; set gateway.auth.token to at least {MIN_SECRET_CHARS} random characters, or bind to loopback"
    )]
    Blank,
    /// A sample text from some documentation.
    #[error(
        "the gateway secret is a sample value that anyone can guess; set gateway.auth.token to at least {MIN_SECRET_CHARS} random characters, or bind to loopback"
    )]
    Placeholder,
    /// Short enough to be guessed over a network.
    #[error(
        "the gateway secret has {found} characters and needs at least {MIN_SECRET_CHARS} when other computers can connect; set a longer gateway.auth.token or gateway.auth.password, or bind to loopback"
    )]
    TooShort {
        /// How many characters it has.
        found: usize,
    },
}

impl WeakSecret {
    /// A stable name for the kind of weakness.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Blank => "SECRET_BLANK",
            Self::Placeholder => "SECRET_PLACEHOLDER",
            Self::TooShort { .. } => "SECRET_TOO_SHORT",
        }
    }
}

/// Checks the gateway secret before listening; `loopback` says that only this computer can connect.
///
/// # Errors
/// [`WeakSecret`] when the gateway would be reachable and the secret is blank, a well-known sample
/// or shorter than [`MIN_SECRET_CHARS`].
pub fn check_secret(secret: &Secret, loopback: bool) -> Result<(), WeakSecret> {
    if loopback {
        return Ok(());
    }
    let text = secret.0.trim();
    if text.is_empty() {
        return Err(WeakSecret::Blank);
    }
    if is_sample(text) {
        return Err(WeakSecret::Placeholder);
    }
    match text.chars().count() {
        found if found < MIN_SECRET_CHARS => Err(WeakSecret::TooShort { found }),
        _ => Ok(()),
    }
}

/// Sample texts are compared by their letters and digits alone, so that `<Your_Token>` and
/// `your-token` are the same sample.
fn is_sample(text: &str) -> bool {
    const SAMPLES: [&str; 16] = [
        "changeme",
        "changethis",
        "yourtoken",
        "yourtokenhere",
        "yourpassword",
        "yourpasswordhere",
        "yoursecret",
        "yoursecrethere",
        "yoursecuretoken",
        "yoursecuretokenhere",
        "yourgatewaytoken",
        "replaceme",
        "placeholder",
        "undefined",
        "null",
        "openclawredacted",
    ];
    let letters: String =
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let one_char = text.chars().all(|c| text.starts_with(c));
    one_char || SAMPLES.contains(&letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), WeakSecret> {
        check_secret(&Secret::new(text), false)
    }

    #[test]
    fn weak_secrets_are_refused_off_loopback() {
        assert_eq!(check("  \t"), Err(WeakSecret::Blank));
        for sample in [
            "change-me",
            "your-token",
            "<your-secure-token-here>",
            "undefined",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ] {
            assert_eq!(check(sample), Err(WeakSecret::Placeholder), "{sample}");
        }
        assert_eq!(check("abcdefghijklmnopqrstuvw"), Err(WeakSecret::TooShort { found: 23 }));
        assert_eq!(check("abcdefghijklmnopqrstuvwx"), Ok(()));
    }

    #[test]
    fn loopback_accepts_any_secret() {
        assert_eq!(check_secret(&Secret::new("x"), true), Ok(()));
    }

    #[test]
    fn secrets_never_print() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret:?} {secret}").contains("hunter2"));
    }
}
