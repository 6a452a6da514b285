use serde_json::{Map, Value};

use crate::edit::{members, rewrite_to};
use crate::json5::map_comments;
use crate::slots::{is_searched, is_secret, is_secret_name};
use crate::{EditError, Env};

/// What stands in place of a secret. Writing it back keeps the stored secret.
pub const REDACTED: &str = "__OPENCLAW_REDACTED__";

/// What is shown instead of a text whose secrets cannot be found.
const HIDDEN: &str =
    "// This document cannot be read as JSON5, so its text stays hidden: it may hold secrets.\n";

/// A secret shorter than this is not looked for in other texts; it would match by accident.
const MIN_SEARCHED: usize = 8;

/// The value with [`REDACTED`] in the place of every secret: known keys, names that end like
/// `token` or `password`, authenticating headers, addresses with credentials in them, and every
/// text that repeats a secret.
pub fn redact(value: &Value) -> Value {
    let mut secrets = Vec::new();
    collect(value, &mut Vec::new(), &mut secrets);
    hide(value, &mut Vec::new(), &secrets)
}

/// The text with [`REDACTED`] in the place of every secret, comments that seem to hold one
/// included. Everything else stays as written.
pub fn redact_raw(raw: &str) -> String {
    redact_document(raw, hide_comment)
}

/// Like [`redact_raw`] for a text that is given away: without any comment, because nobody knows
/// what a person noted there.
pub fn redact_shared(raw: &str) -> String {
    redact_document(raw, |_, _| Some(String::new()))
}

fn redact_document(raw: &str, comment: impl Fn(&str, &[String]) -> Option<String>) -> String {
    if raw.is_empty() {
        return String::new();
    }
    let hidden = members(raw).and_then(|members| {
        let source = Value::Object(members);
        let mut secrets = Vec::new();
        collect(&source, &mut Vec::new(), &mut secrets);
        let text = rewrite_to(raw, hide(&source, &mut Vec::new(), &secrets))?;
        map_comments(&text, |text| comment(text, &secrets))
    });
    hidden.unwrap_or_else(|_| HIDDEN.to_owned())
}

/// A text such as a log with [`REDACTED`] in the place of every secret of a configuration (as
/// [`crate::Loaded::value`] has it) and of the environment, wherever in the text it stands.
pub fn redact_text(text: &str, config: &Value, env: &Env) -> String {
    let mut secrets = Vec::new();
    collect(config, &mut Vec::new(), &mut secrets);
    let variables = env.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let variables = Map::from_iter([("env".to_owned(), Value::Object(variables))]);
    collect(&Value::Object(variables), &mut Vec::new(), &mut secrets);
    // A secret that contains another one goes first.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
}

/// `new` with every placeholder replaced by what `old` stores at the same place; elements of lists
/// are matched by their `id` where they have one. A placeholder with nothing to stand for is left
/// out.
///
/// `old` has to be [`crate::Document::source`], so that `${VAR}` is written back as it was.
pub fn restore_redacted(new: Value, old: &Value) -> Value {
    restore(new, Some(old)).unwrap_or(Value::Null)
}

/// Like [`restore_redacted`] for texts: `new` as written, with the secrets of `old`.
///
/// # Errors
/// [`EditError::UnknownPlaceholder`] when a placeholder has nothing to stand for, and the errors of
/// reading either text.
pub fn restore_redacted_raw(new: &str, old: &str) -> Result<String, EditError> {
    let wanted = Value::Object(members(new)?);
    let stored = Value::Object(members(old)?);
    if let Some(path) = orphan(&wanted, Some(&stored), &mut Vec::new()) {
        return Err(EditError::UnknownPlaceholder { path: path.join(".") });
    }
    let text = rewrite_to(new, restore_redacted(wanted, &stored))?;
    restore_comments(&text, old, &stored)
}

fn collect(value: &Value, at: &mut Vec<String>, secrets: &mut Vec<String>) {
    if let Value::String(text) = value
        && is_searched(at)
        && text.len() >= MIN_SEARCHED
    {
        secrets.push(text.clone());
    }
    if let Value::Array(items) = value {
        let given = items.iter().enumerate().filter(|(index, _)| gives_secret(items, *index));
        secrets.extend(
            given.filter_map(|(_, item)| item.as_str()).map(secret_part).map(str::to_owned),
        );
        secrets.retain(|secret| secret.len() >= MIN_SEARCHED);
    }
    each_member(value, at, |value, at| collect(value, at, secrets));
}

/// Whether a list of arguments gives a secret at that place: `--token`, then `SECRET`, or both in one.
fn gives_secret(items: &[Value], index: usize) -> bool {
    let text = |index: usize| items.get(index).and_then(Value::as_str).unwrap_or_default();
    let before = index.checked_sub(1).map(text).unwrap_or_default();
    let names = |flag: &str| flag.starts_with('-') && is_secret_name(flag);
    let inline = text(index).split_once('=').is_some_and(|(name, _)| names(name));
    inline || (names(before) && !text(index).starts_with('-'))
}

fn secret_part(argument: &str) -> &str {
    match argument.split_once('=') {
        Some((name, secret)) if name.starts_with('-') => secret,
        _ => argument,
    }
}

fn each_member(
    value: &Value,
    at: &mut Vec<String>,
    mut visit: impl FnMut(&Value, &mut Vec<String>),
) {
    let mut step = |name: String, value: &Value| {
        at.push(name);
        visit(value, at);
        at.pop();
    };
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| step(index.to_string(), item));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| step(name.clone(), value));
        }
        _ => {}
    }
}

fn hide(value: &Value, at: &mut Vec<String>, secrets: &[String]) -> Value {
    if is_secret(at) && holds_secret(value) {
        return Value::String(REDACTED.into());
    }
    match value {
        Value::String(text) if repeats(text, secrets) || is_url_with_credentials(text) => {
            Value::String(REDACTED.into())
        }
        Value::Array(items) => {
            let mut hidden = Vec::with_capacity(items.len());
            each_member(value, at, |item, at| {
                let given = gives_secret(items, hidden.len());
                hidden.push(if given { REDACTED.into() } else { hide(item, at, secrets) });
            });
            Value::Array(hidden)
        }
        Value::Object(members) => {
            let mut hidden = Map::new();
            let mut names = members.keys();
            each_member(value, at, |member, at| {
                if let Some(name) = names.next() {
                    hidden.insert(name.clone(), hide(member, at, secrets));
                }
            });
            Value::Object(hidden)
        }
        other => other.clone(),
    }
}

/// Flags and empty texts say nothing; everything else in a secret's place is hidden whole.
fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

fn repeats(text: &str, secrets: &[String]) -> bool {
    secrets.iter().any(|secret| text.contains(secret.as_str()))
}

fn is_url_with_credentials(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let query = rest.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let names_secret = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        name == "key" || name == "sig" || name == "auth" || is_secret_name(name)
    };
    authority.contains('@') || query.split(['&', '#']).any(names_secret)
}

fn hide_comment(comment: &str, secrets: &[String]) -> Option<String> {
    const SIGNS: [&str; 7] = ["token", "password", "secret", "key", "credential", "bearer", "sk-"];
    let lower = comment.to_lowercase();
    let assigns = lower.contains([':', '=']) && SIGNS.iter().any(|sign| lower.contains(sign));
    (assigns || lower.contains("sk-") || repeats(comment, secrets))
        .then(|| placeholder_like(comment))
}

/// The placeholder as a comment of the same kind.
fn placeholder_like(comment: &str) -> String {
    if comment.starts_with("/*") { format!("/* {REDACTED} */") } else { format!("// {REDACTED}") }
}

/// Hidden comments carry no path, so they are put back in their order, and only if all are there.
fn restore_comments(text: &str, old: &str, stored: &Value) -> Result<String, EditError> {
    let mut secrets = Vec::new();
    collect(stored, &mut Vec::new(), &mut secrets);
    let mut hidden = Vec::new();
    map_comments(old, |comment| {
        hidden.extend(hide_comment(comment, &secrets).map(|_| comment.to_owned()));
        None
    })?;
    let mut placeholders = 0;
    map_comments(text, |comment| {
        placeholders += usize::from(comment == placeholder_like(comment));
        None
    })?;
    if placeholders != hidden.len() {
        return Ok(text.to_owned());
    }
    let mut hidden = hidden.into_iter();
    map_comments(text, |comment| {
        (comment == placeholder_like(comment)).then(|| hidden.next()).flatten()
    })
}

fn restore(new: Value, old: Option<&Value>) -> Option<Value> {
    match new {
        Value::String(text) if text == REDACTED => old.cloned(),
        Value::Object(members) => Some(Value::Object(
            members
                .into_iter()
                .filter_map(|(name, value)| {
                    let value = restore(value, old.and_then(|old| old.get(&name)))?;
                    Some((name, value))
                })
                .collect(),
        )),
        Value::Array(items) => Some(Value::Array(
            items
                .into_iter()
                .enumerate()
                .filter_map(|(index, item)| {
                    let before = counterpart(&item, index, old);
                    restore(item, before)
                })
                .collect(),
        )),
        other => Some(other),
    }
}

/// The element of the old list that `item` stands for.
fn counterpart<'a>(item: &Value, index: usize, old: Option<&'a Value>) -> Option<&'a Value> {
    let old = old?.as_array()?;
    match item.get("id") {
        Some(id) => old.iter().find(|before| before.get("id") == Some(id)),
        None => old.get(index),
    }
}

/// The first placeholder in `new` that has nothing in `old`.
fn orphan(new: &Value, old: Option<&Value>, at: &mut Vec<String>) -> Option<Vec<String>> {
    if new == REDACTED && old.is_none() {
        return Some(at.clone());
    }
    let mut found = None;
    each_member(new, at, |value, at| {
        let before = match (old, at.last()) {
            (Some(Value::Object(members)), Some(name)) => members.get(name),
            (Some(Value::Array(_)), Some(index)) => {
                index.parse().ok().and_then(|index| counterpart(value, index, old))
            }
            _ => None,
        };
        found = found.take().or_else(|| orphan(value, before, at));
    });
    found
}
