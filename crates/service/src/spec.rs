use std::collections::BTreeMap;
use std::path::PathBuf;

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

    /// `plain`, or with the profile where there is one. No name of the original has this form.
    pub(crate) fn named(&self, plain: &str, separator: &str) -> String {
        match &self.profile {
            Some(profile) => format!("{plain}{separator}profile-{profile}"),
            None => plain.to_owned(),
        }
    }
}
