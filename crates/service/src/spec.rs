use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::ServiceError;

/// What the service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// The profile, if not the usual one.
    pub profile: Option<String>,
    /// The home directory, where it runs.
    pub home: PathBuf,
    /// Where it keeps its state; `.env` in it is read where the manager can.
    pub state_dir: PathBuf,
    /// Variables that say where things are. Never a secret: a unit can be read by others.
    pub environment: BTreeMap<String, String>,
}

impl Spec {
    /// The gateway of the usual profile.
    pub fn new(program: PathBuf, home: PathBuf, state_dir: PathBuf) -> Self {
        Self { program, profile: None, home, state_dir, environment: BTreeMap::new() }
    }

    /// What follows the program on its command line.
    pub fn args(&self) -> Vec<&str> {
        match &self.profile {
            Some(profile) => vec!["--profile", profile, "gateway"],
            None => vec!["gateway"],
        }
    }

    /// Refuses values with signs that would end their place in the text of a service (LOC-05).
    pub(crate) fn refuse(&self, signs: &[char]) -> Result<(), ServiceError> {
        let paths = [self.program.as_path(), &self.home, &self.state_dir];
        let values = self.environment.values().map(Path::new);
        let profile = self.profile.iter().map(Path::new);
        let mut all = paths.into_iter().chain(values).chain(profile);
        match all.find(|value| value.to_string_lossy().contains(signs)) {
            Some(value) => Err(ServiceError::Path { path: value.to_owned() }),
            None => Ok(()),
        }
    }

    /// `plain`, or with the profile where there is one. No name of the original has this form.
    pub(crate) fn named(&self, plain: &str, separator: &str) -> String {
        match &self.profile {
            Some(profile) => format!("{plain}{separator}profile-{profile}"),
            None => plain.to_owned(),
        }
    }
}
