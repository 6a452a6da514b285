use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::Finding;

/// One thing that is wrong with the document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The key, dotted from the root: `gateway.port`, `agents.list.0.id`; empty for the document.
    pub path: String,
    /// What was expected and what was found. Never holds a configured string.
    #[serde(rename = "message", serialize_with = "in_english")]
    pub finding: Finding,
    /// The line in the main document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in that line, in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl Issue {
    /// An issue of the whole document, with no place in it.
    pub(crate) fn of_document(finding: Finding) -> Self {
        Self { path: String::new(), finding, line: None, column: None }
    }

    /// An issue at `path` whose place is looked up later.
    pub(crate) fn at(path: &[String], finding: Finding) -> Self {
        Self { path: path.join("."), finding, line: None, column: None }
    }
}

fn in_english<S: serde::Serializer>(finding: &Finding, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(finding)
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.finding)
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
