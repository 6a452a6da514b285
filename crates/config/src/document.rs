use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::file::{last_good_path, read_text};
use crate::include::Includes;
use crate::json5::{Parsed, parse};
use crate::rules::check_rules;
use crate::schema::json_schema;
use crate::slots::takes_reference;
use crate::validate::validate;
use crate::variables::{Variables, with_document_env};
use crate::{Config, ConfigError, Env, Finding, Issue, Reason};

/// At most this many issues are reported, so that a hostile document cannot fill a log.
const MAX_ISSUES: usize = 100;

/// The document as it was written: its text, and the value of that text before includes and
/// variables.
pub struct Document {
    raw: Option<String>,
    source: Value,
    parsed: Option<Parsed>,
}

/// A document that may be used.
pub struct Loaded {
    /// What was written.
    pub document: Document,
    /// The settings.
    pub config: Config,
    /// The whole document after includes and variables, with the keys that nothing reads. Holds
    /// secrets: show only what [`crate::redact`] makes of it.
    pub value: Value,
    /// The text; `None` when there is no file.
    pub raw: Option<String>,
    /// What is odd but not wrong, unknown keys first.
    pub warnings: Vec<Issue>,
    /// How many of the warnings are about keys that nothing knows.
    unknown: usize,
    /// The environment with the document's `env` block added where a variable was not set.
    pub env: Env,
    /// The files the document includes.
    pub included: Vec<PathBuf>,
}

impl Loaded {
    /// Whether there is a file.
    pub fn exists(&self) -> bool {
        self.raw.is_some()
    }

    /// The warnings about keys that nothing knows.
    pub fn unknown_keys(&self) -> &[Issue] {
        self.warnings.get(..self.unknown).unwrap_or_default()
    }
}

impl Document {
    /// Reads and checks the document. A missing file is an empty document: all defaults.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem found. Nothing on disk is changed.
    pub fn load(path: &Path, env: &Env) -> Result<Loaded, ConfigError> {
        match read_text(path) {
            Ok(text) => Self::check(text, path, env),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::finish(None, path, env).map_err(|issues| failure(path, issues))
            }
            Err(error) => {
                let finding = Finding::Unreadable(Reason::from(&error));
                Err(failure(path, vec![Issue::of_document(finding)]))
            }
        }
    }

    /// Checks a text as if it stood at `path`, for example before it is written there.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem found.
    pub fn check(text: impl Into<String>, path: &Path, env: &Env) -> Result<Loaded, ConfigError> {
        Self::finish(Some(text.into()), path, env).map_err(|issues| failure(path, issues))
    }

    /// The text; `None` when there is no file.
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }

    /// The value of the text itself, before includes and variables. Placeholders of secrets are
    /// restored from this one, so that `${VAR}` stays `${VAR}` in the file.
    pub fn source(&self) -> &Value {
        &self.source
    }

    fn read(raw: Option<String>) -> Result<Self, Vec<Issue>> {
        let Some(text) = raw else {
            return Ok(Self { raw: None, source: Value::Object(Map::new()), parsed: None });
        };
        let mut parsed = parse(&text)?;
        match parsed.value.take() {
            Some(source @ Value::Object(_)) => {
                Ok(Self { raw: Some(text), source, parsed: Some(parsed) })
            }
            _ => Err(vec![Issue {
                line: Some(1),
                column: Some(1),
                ..Issue::of_document(Finding::NoObject)
            }]),
        }
    }

    fn finish(raw: Option<String>, path: &Path, env: &Env) -> Result<Loaded, Vec<Issue>> {
        let document = Self::read(raw)?;

        let mut includes = Includes::new(path, env);
        let value = includes.resolve(document.source.clone());
        if !includes.issues.is_empty() {
            return Err(document.issues(includes.issues, Place::Value));
        }

        let env = with_document_env(env, &value);
        let mut variables = Variables::new(&env);
        let mut value = variables.resolve(value);
        let blank = drop_blank_secrets(&mut value);

        let found = validate(json_schema(), &value);
        let mut errors = variables.issues;
        let reported: HashSet<_> = errors.iter().map(|(path, _)| path.clone()).collect();
        errors.extend(found.errors.into_iter().filter(|(path, _)| !reported.contains(path)));
        if !errors.is_empty() {
            return Err(document.issues(errors, Place::Value));
        }

        // The schema already holds; the deserializer's own text would quote values.
        let config: Config = serde_json::from_value(value.clone())
            .map_err(|_| vec![Issue::of_document(Finding::WrongType)])?;
        let rules = check_rules(&config);
        if !rules.errors.is_empty() {
            return Err(document.issues(rules.errors, Place::Value));
        }

        let mut warnings = document.issues(found.unknown, Place::Key);
        let unknown = warnings.len();
        warnings.extend(document.issues(blank, Place::Value));
        warnings.extend(document.issues(rules.warnings, Place::Value));
        let raw = document.raw.clone();
        Ok(Loaded {
            document,
            config,
            value,
            raw,
            warnings,
            unknown,
            env,
            included: includes.files,
        })
    }

    /// Gives each finding its place, in the order of the document.
    fn issues(&self, found: Vec<(Vec<String>, Finding)>, place: Place) -> Vec<Issue> {
        let mut issues: Vec<_> = found
            .into_iter()
            .map(|(path, finding)| {
                let place = self.parsed.as_ref().and_then(|parsed| match place {
                    Place::Key => parsed.place_of_key(&path),
                    Place::Value => parsed.place_of_value(&path),
                });
                Issue {
                    line: place.map(|(line, _)| line),
                    column: place.map(|(_, column)| column),
                    ..Issue::at(&path, finding)
                }
            })
            .collect();
        issues.sort_by_key(|issue| (issue.line, issue.column));
        issues
    }
}

/// Shows no text and no value, because they hold secrets.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("exists", &self.raw.is_some()).finish_non_exhaustive()
    }
}

/// Shows no text and no value, because they hold secrets.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("warnings", &self.warnings)
            .field("included", &self.included)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Place {
    Key,
    Value,
}

fn failure(path: &Path, mut issues: Vec<Issue>) -> ConfigError {
    let more = issues.len().saturating_sub(MAX_ISSUES);
    if more > 0 {
        issues.truncate(MAX_ISSUES);
        issues.push(Issue::of_document(Finding::More(more)));
    }
    let last_good = Some(last_good_path(path)).filter(|copy| copy.is_file());
    ConfigError { issues, path: path.to_owned(), last_good }
}

/// A blank secret is no secret: comparing with it would let everyone in.
fn drop_blank_secrets(value: &mut Value) -> Vec<(Vec<String>, Finding)> {
    let mut dropped = Vec::new();
    visit(value, &mut Vec::new(), &mut dropped);
    return dropped;

    fn visit(value: &mut Value, at: &mut Vec<String>, dropped: &mut Vec<(Vec<String>, Finding)>) {
        let Value::Object(members) = value else {
            return;
        };
        members.retain(|name, value| {
            at.push(name.clone());
            let blank =
                takes_reference(at) && value.as_str().is_some_and(|text| text.trim().is_empty());
            if blank {
                dropped.push((at.clone(), Finding::BlankSecret));
            } else {
                visit(value, at, dropped);
            }
            at.pop();
            !blank
        });
    }
}
