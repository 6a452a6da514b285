use serde_json::{Map, Value};
use thiserror::Error;

use crate::Issue;
use crate::json5::{parse, rewrite};

/// Why a document could not be edited. The text was not changed.
#[derive(Debug, Error)]
pub enum EditError {
    /// The text is not valid JSON5.
    #[error("the document cannot be edited before this is fixed: {}", join(.0))]
    Invalid(Vec<Issue>),
    /// A member was to be set inside something that has no members.
    #[error("{}expected an object there; set the whole value instead", place(path))]
    NotAnObject {
        /// The dotted path of what is no object; empty for the document.
        path: String,
    },
    /// No path was given.
    #[error("no key was named; name one, such as gateway.port")]
    NoPath,
    /// The placeholder of a secret stands where no secret is stored.
    #[error(
        "{path}: the placeholder of a hidden secret stands here, but no secret is stored under this key; enter the secret itself"
    )]
    UnknownPlaceholder {
        /// The dotted path.
        path: String,
    },
    /// The edited text would not have held exactly the wanted values.
    #[error(
        "the document's layout could not be kept; simplify the text around this key and try again"
    )]
    NotFaithful,
}

impl EditError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "CONFIG_INVALID",
            Self::NotAnObject { .. } => "CONFIG_NOT_AN_OBJECT",
            Self::NoPath => "CONFIG_NO_PATH",
            Self::UnknownPlaceholder { .. } => "CONFIG_UNKNOWN_PLACEHOLDER",
            Self::NotFaithful => "CONFIG_EDIT_NOT_FAITHFUL",
        }
    }
}

impl From<Vec<Issue>> for EditError {
    fn from(issues: Vec<Issue>) -> Self {
        Self::Invalid(issues)
    }
}

fn join(issues: &[Issue]) -> String {
    issues.iter().map(Issue::to_string).collect::<Vec<_>>().join("; ")
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

/// The value of a JSON5 object, such as the patch of `config.patch`, without any check of its keys.
///
/// # Errors
/// [`EditError::Invalid`] with line and column, or [`EditError::NotAnObject`].
pub fn parse_object(text: &str) -> Result<Value, EditError> {
    members(text).map(Value::Object)
}

/// Sets the value at `path`, or deletes it with `None`. Missing parents are created, deleting what
/// is not there changes nothing, and a number names an element of a list.
///
/// Comments and layout of everything else stay. An empty `raw` is an empty document.
///
/// # Errors
/// See [`EditError`].
pub fn edit(raw: &str, path: &[&str], value: Option<Value>) -> Result<String, EditError> {
    if path.is_empty() {
        return Err(EditError::NoPath);
    }
    let mut root = Value::Object(members(raw)?);
    match value {
        Some(value) => set(&mut root, path, value)?,
        None => delete(&mut root, path),
    }
    rewrite_to(raw, root)
}

/// Applies a JSON merge patch (RFC 7396): objects merge, `null` deletes, everything else replaces.
///
/// # Errors
/// See [`EditError`].
pub fn merge_patch(raw: &str, patch: &Value) -> Result<String, EditError> {
    let mut root = Value::Object(members(raw)?);
    merge(&mut root, patch);
    rewrite_to(raw, root)
}

/// Replaces the whole document by `value`, keeping the comments and layout of what stays.
///
/// # Errors
/// See [`EditError`].
pub fn replace(raw: &str, value: &Value) -> Result<String, EditError> {
    rewrite_to(raw, value.clone())
}

pub(crate) fn rewrite_to(raw: &str, root: Value) -> Result<String, EditError> {
    match root {
        Value::Object(target) => rewrite(raw, &target),
        _ => Err(EditError::NotAnObject { path: String::new() }),
    }
}

/// The members of the document that `raw` holds.
pub(crate) fn members(raw: &str) -> Result<Map<String, Value>, EditError> {
    match parse(raw)?.value {
        None => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members),
        Some(_) => Err(EditError::NotAnObject { path: String::new() }),
    }
}

fn set(root: &mut Value, path: &[&str], value: Value) -> Result<(), EditError> {
    let mut slot = root;
    for (depth, name) in path.iter().enumerate() {
        let not_an_object = || EditError::NotAnObject { path: path[..depth].join(".") };
        slot = match slot {
            Value::Object(members) => {
                members.entry(*name).or_insert_with(|| Value::Object(Map::new()))
            }
            Value::Array(items) => name
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
                .ok_or_else(not_an_object)?,
            _ => return Err(not_an_object()),
        };
    }
    *slot = value;
    Ok(())
}

fn delete(root: &mut Value, path: &[&str]) {
    let Some((name, parents)) = path.split_last() else {
        return;
    };
    let parent = parents.iter().try_fold(root, |slot, name| match slot {
        Value::Object(members) => members.get_mut(*name),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        _ => None,
    });
    match parent {
        Some(Value::Object(members)) => {
            members.shift_remove(*name);
        }
        Some(Value::Array(items)) => {
            if let Some(index) = name.parse::<usize>().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            members.shift_remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
