use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::file::read_text;
use crate::json5::{MAX_DEPTH, parse};
use crate::{Env, Finding, Reason};

/// How many files may include one another in a chain.
const MAX_CHAIN: usize = 8;
/// How many files one document may include altogether.
const MAX_FILES: usize = 256;

/// Replaces every `$include` of a document by what it names.
///
/// Only regular files below the document's directory, or below a directory of
/// `CLAWDBOT_INCLUDE_ROOTS`, are read; errors never quote what a file holds.
pub(crate) struct Includes {
    roots: Vec<PathBuf>,
    chain: Vec<PathBuf>,
    at: Vec<String>,
    /// Every file read, for whoever watches the document.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) issues: Vec<(Vec<String>, Finding)>,
}

impl Includes {
    pub(crate) fn new(document: &Path, env: &Env) -> Self {
        let document = fs::canonicalize(document).unwrap_or_else(|_| document.to_owned());
        let extra = env.product("INCLUDE_ROOTS").map(std::env::split_paths);
        let roots = document
            .parent()
            .map(Path::to_owned)
            .into_iter()
            .chain(extra.into_iter().flatten().filter(|root| root.is_absolute()))
            .filter_map(|root| fs::canonicalize(root).ok())
            .collect();
        Self { roots, chain: vec![document], at: Vec::new(), files: Vec::new(), issues: Vec::new() }
    }

    pub(crate) fn resolve(&mut self, value: Value) -> Value {
        if self.at.len() > MAX_DEPTH {
            self.report(Finding::TooDeep(MAX_DEPTH));
            return Value::Null;
        }
        match value {
            Value::Object(members) => self.object(members),
            Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| self.step(index.to_string(), item))
                .collect(),
            other => other,
        }
    }

    fn step(&mut self, name: String, value: Value) -> Value {
        self.at.push(name);
        let value = self.resolve(value);
        self.at.pop();
        value
    }

    fn object(&mut self, mut members: Map<String, Value>) -> Value {
        let include = members.shift_remove("$include");
        let siblings: Map<String, Value> = members
            .into_iter()
            .map(|(name, value)| (name.clone(), self.step(name, value)))
            .collect();
        let Some(include) = include else {
            return Value::Object(siblings);
        };
        let Some(included) = self.named(include) else {
            return Value::Object(siblings);
        };
        if siblings.is_empty() {
            return included;
        }
        if !included.is_object() {
            self.report(Finding::IncludedNoObject);
            return Value::Object(siblings);
        }
        deep_merge(included, Value::Object(siblings))
    }

    fn named(&mut self, include: Value) -> Option<Value> {
        match include {
            Value::String(name) => self.file(&name),
            Value::Array(names) if !names.is_empty() => {
                let mut merged = None;
                for name in names {
                    let Value::String(name) = name else {
                        return self.wrong_type();
                    };
                    let value = self.file(&name)?;
                    merged = Some(match merged {
                        None => value,
                        Some(before) => deep_merge(before, value),
                    });
                }
                merged
            }
            _ => self.wrong_type(),
        }
    }

    fn wrong_type(&mut self) -> Option<Value> {
        self.report(Finding::IncludeType);
        None
    }

    fn file(&mut self, name: &str) -> Option<Value> {
        let path = self.locate(name)?;
        if self.chain.contains(&path) {
            let chain: Vec<_> =
                self.chain.iter().chain([&path]).map(|p| p.display().to_string()).collect();
            self.report(Finding::IncludeLoop(chain.join(" → ")));
            return None;
        }
        if self.chain.len() > MAX_CHAIN {
            self.report(Finding::IncludesTooDeep(MAX_CHAIN));
            return None;
        }
        if self.files.len() >= MAX_FILES {
            self.report(Finding::TooManyIncludes(MAX_FILES));
            return None;
        }
        let value = self.read(&path)?;
        self.files.push(path.clone());
        self.chain.push(path);
        let value = self.resolve(value);
        self.chain.pop();
        Some(value)
    }

    fn locate(&mut self, name: &str) -> Option<PathBuf> {
        let including = self.chain.last().and_then(|file| file.parent()).unwrap_or(Path::new(""));
        // Joining an absolute name gives that name, which the check of the roots then judges.
        let wanted = including.join(name);
        // The target decides, so that neither ".." nor a symbolic link leads elsewhere.
        let found = match fs::canonicalize(&wanted) {
            Ok(found) => found,
            Err(error) => {
                self.report(Finding::NotIncluded { path: wanted, reason: Reason::from(&error) });
                return None;
            }
        };
        if self.roots.iter().any(|root| found.starts_with(root)) {
            return Some(found);
        }
        self.report(Finding::IncludeOutside(wanted));
        None
    }

    fn read(&mut self, path: &Path) -> Option<Value> {
        if let Err(finding) = check_owner(path) {
            self.report(finding);
            return None;
        }
        let text = match read_text(path) {
            Ok(text) => text,
            Err(error) => {
                let reason = Reason::from(&error);
                self.report(Finding::NotIncluded { path: path.to_owned(), reason });
                return None;
            }
        };
        match parse(&text) {
            Ok(parsed) => Some(parsed.value.unwrap_or_else(|| Value::Object(Map::new()))),
            Err(issues) => {
                for issue in issues {
                    let issue = Box::new(issue);
                    self.report(Finding::Included { path: path.to_owned(), issue });
                }
                None
            }
        }
    }

    fn report(&mut self, finding: Finding) {
        self.issues.push((self.at.clone(), finding));
    }
}

/// A file of another user could change what this user's gateway does.
#[cfg(unix)]
fn check_owner(path: &Path) -> Result<(), Finding> {
    use std::os::unix::fs::MetadataExt;

    let me = rustix::process::geteuid().as_raw();
    match fs::metadata(path) {
        Ok(found) if found.uid() != me && found.uid() != 0 => {
            Err(Finding::IncludeForeign { path: path.to_owned(), owner: found.uid() })
        }
        Ok(_) => Ok(()),
        Err(error) => {
            let reason = Reason::from(&error);
            Err(Finding::NotIncluded { path: path.to_owned(), reason })
        }
    }
}

#[cfg(not(unix))]
fn check_owner(_path: &Path) -> Result<(), Finding> {
    Ok(())
}

/// Objects merge, lists are joined, anything else of `over` wins.
fn deep_merge(under: Value, over: Value) -> Value {
    match (under, over) {
        (Value::Object(mut under), Value::Object(over)) => {
            for (name, value) in over {
                let merged = match under.shift_remove(&name) {
                    Some(before) => deep_merge(before, value),
                    None => value,
                };
                under.insert(name, merged);
            }
            Value::Object(under)
        }
        (Value::Array(mut under), Value::Array(over)) => {
            under.extend(over);
            Value::Array(under)
        }
        (_, over) => over,
    }
}
