//! The gateway as a service of the system: a systemd user unit, a LaunchAgent or a Scheduled Task; and
//! as one of a whole server, see [`SystemUnit`].
//!
//! One trait, [`Service`], with a thin module per system. What is installed is rendered by a pure
//! function from a [`Spec`], so that an installed text that differs is noticed. Outside programs
//! (`systemctl`, `launchctl`, `schtasks`) are reached through [`Commands`].
//!
//! Invariants:
//! - the crate reads no environment variable;
//! - no secret goes into a unit;
//! - a file that this product has not written is never replaced unless that was asked for, and then
//!   it is kept beside the new one.
//!
//! ```
//! use clawdbot_service::{Service as _, Spec, Systemd};
//!
//! let spec = Spec::new("/usr/bin/clawdbot".into(), "/home/you".into(), "/home/you/.clawdbot".into());
//! let unit = Systemd::new("/home/you/.config".into()).render(&spec);
//! assert!(unit.contains("ExecStart=\"/usr/bin/clawdbot\" \"gateway\""));
//! ```

mod commands;
mod error;
mod file;
mod launchd;
mod original;
mod spec;
mod system_unit;
mod systemd;
mod task;

pub use commands::{Commands, Output, System};
pub use error::ServiceError;
pub use launchd::LaunchAgent;
pub use original::{Original, originals, starts_by_itself};
pub use spec::Spec;
pub use system_unit::{Account, SystemUnit};
pub use systemd::Systemd;
pub use task::ScheduledTask;

use std::path::PathBuf;

use serde::Serialize;

/// How a system runs something in the background.
pub trait Service {
    /// The system's own word for it: `systemd service`, `LaunchAgent`, `Scheduled Task`.
    fn kind(&self) -> &'static str;

    /// What has happened when it was installed, in the words of the start-up guide.
    fn installed(&self) -> &'static str;

    /// The system's own word for how it runs.
    fn word(&self, runtime: Runtime) -> &'static str {
        runtime.as_str()
    }

    /// Where the text of the service is kept.
    fn path(&self, spec: &Spec) -> PathBuf;

    /// The text that is installed. Does no I/O.
    fn render(&self, spec: &Spec) -> String;

    /// Whether the service manager answers at all.
    ///
    /// # Errors
    /// [`ServiceError::NoManager`] with the reason and the way out.
    fn available(&self) -> Result<(), ServiceError>;

    /// Writes the text and makes it start with the system or the login; does not start it.
    ///
    /// # Errors
    /// [`ServiceError`]; a foreign file in its place is [`ServiceError::Foreign`] unless `replace`.
    fn install(&self, spec: &Spec, replace: bool) -> Result<(), ServiceError>;

    /// Makes it start with the system or the login, or no longer; whether it runs now stays as it is.
    ///
    /// # Errors
    /// [`ServiceError::Command`] with what the manager said.
    fn enable(&self, spec: &Spec, enabled: bool) -> Result<(), ServiceError>;

    /// Stops it and removes the text.
    ///
    /// # Errors
    /// [`ServiceError`]; that it was not installed is none.
    fn uninstall(&self, spec: &Spec) -> Result<(), ServiceError>;

    /// Starts it and waits until it runs.
    ///
    /// # Errors
    /// [`ServiceError::Command`] with what the manager said.
    fn start(&self, spec: &Spec) -> Result<(), ServiceError>;

    /// Stops it and waits until it has ended.
    ///
    /// # Errors
    /// [`ServiceError::Command`] with what the manager said.
    fn stop(&self, spec: &Spec) -> Result<(), ServiceError>;

    /// Starts it anew with the text that is installed now.
    ///
    /// # Errors
    /// [`ServiceError::Command`] with what the manager said.
    fn restart(&self, spec: &Spec) -> Result<(), ServiceError>;

    /// How it is. Never fails: what cannot be found out is said in the status.
    fn status(&self, spec: &Spec) -> Status;

    /// Takes a service of the original out of use; its file stays.
    ///
    /// # Errors
    /// [`ServiceError::Command`] with what the manager said.
    fn retire(&self, original: &Original) -> Result<(), ServiceError>;
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The system's own word for it.
    pub kind: &'static str,
    /// Its name there.
    pub name: String,
    /// Where its text is kept.
    pub path: PathBuf,
    /// How what is installed compares with what would be installed now.
    pub text: Text,
    /// Whether it starts by itself.
    pub enabled: bool,
    /// Whether it runs.
    pub runtime: Runtime,
    /// Its process.
    pub pid: Option<u32>,
    /// Whether it goes on when its user logs out, where that is a question.
    pub lingering: Option<bool>,
    /// Why the service manager could not be asked.
    pub problem: Option<String>,
}

impl Status {
    /// Whether there is anything installed, whoever wrote it.
    pub fn is_installed(&self) -> bool {
        self.text != Text::Missing
    }
}

/// How what is installed compares with what would be installed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Text {
    /// Nothing is installed.
    Missing,
    /// The same.
    Current,
    /// Written by this product, for another place of the program or by another version.
    Drifted,
    /// Written by somebody else.
    Foreign,
}

/// Whether a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Runtime {
    /// It runs.
    Active,
    /// It is on its way up, or waits before it tries again.
    Starting,
    /// It does not run.
    Inactive,
    /// It has ended with an error and is not tried again.
    Failed,
    /// The service manager does not say.
    Unknown,
}

impl Runtime {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Starting => "starting",
            Self::Inactive => "inactive",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}
