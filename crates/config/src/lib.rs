//! The configuration document `~/.clawdbot/clawdbot.json`: read, check, edit, write.
//!
//! The document is JSON5. Loading it resolves `$include` and `${VAR}`, checks every key against the
//! schema of [`Config`] and reports every problem with its line and column. Editing touches only
//! what changes, so comments and layout stay.
//!
//! Invariants:
//! - The environment comes in as an [`Env`]; nothing here reads the process environment but
//!   [`Env::from_process`].
//! - A document that does not load is never overwritten, and never half applied.
//! - Secrets are [`Secret`]s; no error, warning or `Debug` output quotes a configured text.
//! - Every file written is private (0600) from its first moment and replaced atomically.
//!
//! ```
//! use clawdbot_config::{Document, Env, edit, redact_raw, write};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let path = dir.path().join("clawdbot.json");
//! write(&path, "{\n  // behind the house\n  gateway: { port: 18789, auth: { token: '${TOKEN}' } },\n}\n")?;
//!
//! let env: Env = [("TOKEN", "a-secret-of-some-length")].into_iter().collect();
//! let loaded = Document::load(&path, &env)?;
//! assert_eq!(loaded.config.gateway.port, Some(18789));
//!
//! let raw = loaded.raw.unwrap_or_default();
//! let edited = edit(&raw, &["gateway", "port"], Some(json!(19000)))?;
//! assert!(edited.contains("// behind the house"));
//! assert!(edited.contains("port: 19000, auth: { token: '${TOKEN}' }"));
//! assert!(!redact_raw(&edited).contains("TOKEN"));
//!
//! let error = Document::check("{ gateway: { port: 0 } }", &path, &env).unwrap_err();
//! assert_eq!(
//!     error.issues[0].to_string(),
//!     "line 1, column 20: gateway.port: expected a whole number from 1 to 65535, found 0"
//! );
//! # Ok(())
//! # }
//! ```

mod document;
mod edit;
mod env;
mod env_file;
mod file;
mod finding;
mod include;
mod issue;
mod json5;
mod keys;
mod model;
mod paths;
mod redact;
mod rules;
mod schema;
mod secret;
mod slots;
mod validate;
mod variables;

pub use self::document::{Document, Loaded};
pub use self::edit::{EditError, edit, merge_patch, parse_object, replace};
pub use self::env::Env;
pub use self::env_file::{EnvFileError, env_file};
pub use self::file::{keep_last_good, last_good_path, read_text, write};
pub use self::finding::{Expected, Finding, Found, Range, Reason};
pub use self::issue::{ConfigError, Issue};
pub use self::model::*;
pub use self::paths::{DEFAULT_PORT, DEV_PORT, Paths, PathsError};
pub use self::redact::{
    REDACTED, redact, redact_raw, redact_shared, redact_text, restore_redacted,
    restore_redacted_raw,
};
pub use self::schema::json_schema;
pub use self::secret::{MIN_SECRET_CHARS, Secret, WeakSecret, check_secret};
pub use self::slots::is_secret;
