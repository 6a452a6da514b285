use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// One thing that is wrong with the document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The key, dotted from the root: `gateway.port`, `agents.list.0.id`; empty for the document.
    pub path: String,
    /// What was expected and what was found. Never holds a configured string.
    pub message: String,
    /// The line in the main document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in that line, in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl Issue {
    /// An issue of the whole document, with no place in it.
    pub(crate) fn of_document(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into(), line: None, column: None }
    }

    /// An issue at `path` whose place is looked up later.
    pub(crate) fn at(path: &[String], message: impl Into<String>) -> Self {
        Self { path: path.join("."), message: message.into(), line: None, column: None }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// The document cannot be used; it was left as it is.
#[derive(Clone, Debug)]
pub struct ConfigError {
    /// Every problem found, in the order of the document where that is known.
    pub issues: Vec<Issue>,
    /// The document.
    pub path: PathBuf,
    /// The copy of the last version that loaded, if there is one.
    pub last_good: Option<PathBuf>,
}

impl ConfigError {
    /// A stable name for this error.
    pub fn code(&self) -> &'static str {
        "CONFIG_INVALID"
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "{path} cannot be used; it was left unchanged.")?;
        for issue in &self.issues {
            write!(f, "\n  {issue}")?;
        }
        match &self.last_good {
            Some(copy) => {
                let copy = copy.display();
                write!(
                    f,
                    "\nFix the lines above, or go back to the last version that worked: cp '{copy}' '{path}'"
                )
            }
            None => write!(f, "\nFix the lines above and start again."),
        }
    }
}
