//! The only module that knows the JSON5 library.

mod parse;
mod rewrite;

pub(crate) use self::parse::{MAX_BYTES, MAX_DEPTH, Parsed, parse};
pub(crate) use self::rewrite::{map_comments, rewrite};

use jsonc_parser::ParseOptions;

/// JSON5 as its specification has it. Missing commas are a mistake, and the numbers that JSON
/// cannot hold would not survive the wire.
fn options() -> ParseOptions {
    ParseOptions {
        allow_missing_commas: false,
        allow_non_finite_numbers: false,
        ..ParseOptions::default()
    }
}

/// Editors on Windows put a byte order mark first; it is no part of the document.
fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
