//! JSON in columns. What does not parse was not written by this crate, hence damage.

use rusqlite::Row;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::StoreError;

/// A text column. Bytes that damage has made no text are replaced, so that one of them does not hide
/// a whole conversation.
pub(crate) fn text(row: &Row<'_>, column: usize) -> Result<String, StoreError> {
    let bytes = row.get_ref(column)?.as_bytes().map_err(StoreError::corrupt)?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// The same for a column that may be empty.
pub(crate) fn optional_text(row: &Row<'_>, column: usize) -> Result<Option<String>, StoreError> {
    let bytes = row.get_ref(column)?.as_bytes_or_null().map_err(StoreError::corrupt)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

pub(crate) fn to_text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Internal(std::sync::Arc::new(error)))
}

pub(crate) fn value(text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt)
}

pub(crate) fn map(text: &str) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt)
}

pub(crate) fn raw(text: String) -> Result<Box<RawValue>, StoreError> {
    RawValue::from_string(text).map_err(StoreError::corrupt)
}
