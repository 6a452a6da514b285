use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::file::create_private_dir;
use crate::{Env, LoggingConfig};

/// The port of the default profile.
pub const DEFAULT_PORT: u16 = 18789;
/// The port of the `dev` profile.
pub const DEV_PORT: u16 = 19001;

/// Where this installation keeps its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The user's home directory, for `~` in configured paths.
    pub home: PathBuf,
    /// The profile in use; `None` is the default profile.
    pub profile: Option<String>,
    /// Everything the product owns, `~/.clawdbot` unless told otherwise.
    pub state_dir: PathBuf,
    /// The configuration document, `<state>/clawdbot.json` unless told otherwise.
    pub config: PathBuf,
    /// The workspace of agents that configure none: `~/clawd`.
    pub workspace_default: PathBuf,
    /// `<state>/clawdbot.sqlite`.
    pub database: PathBuf,
    /// Inbound and generated files: `<state>/media`.
    pub media_dir: PathBuf,
    /// `<state>/logs`.
    pub logs_dir: PathBuf,
    /// `<state>/logs/gateway.log`.
    pub log_file: PathBuf,
    /// Held by the one gateway that uses this state directory: `<state>/gateway.lock`.
    pub lock_file: PathBuf,
}

impl Paths {
    /// Works out every path from the environment and the profile (`--profile`, else
    /// `CLAWDBOT_PROFILE`). Touches nothing on disk.
    ///
    /// Characters of a profile name other than ASCII letters, digits, `-` and `_` become `-`, so a
    /// name can never lead outside the home directory.
    pub fn resolve(env: &Env, profile: Option<&str>) -> Self {
        let profile = profile.or_else(|| env.product("PROFILE")).and_then(profile_name);
        let home = env
            .product("HOME")
            .or_else(|| env.get("HOME"))
            .or_else(|| env.get("USERPROFILE"))
            .map(PathBuf::from)
            .unwrap_or_default();
        let configured = |name: &str| env.product(name).map(|text| expand_home(&home, text));
        Self::at(home.clone(), profile, configured)
    }

    /// The paths of development: always `~/.clawdbot-dev` and `~/clawd-dev`, whatever the
    /// environment says, so that starting over can never touch other data.
    pub fn dev(env: &Env) -> Self {
        let home = Self::resolve(env, None).home;
        Self::at(home, Some("dev".to_owned()), |_| None)
    }

    fn at(
        home: PathBuf,
        profile: Option<String>,
        configured: impl Fn(&str) -> Option<PathBuf>,
    ) -> Self {
        let suffix = profile.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
        let state_dir =
            configured("STATE_DIR").unwrap_or_else(|| home.join(format!(".clawdbot{suffix}")));
        let logs_dir = state_dir.join("logs");
        Self {
            config: configured("CONFIG_PATH").unwrap_or_else(|| state_dir.join("clawdbot.json")),
            workspace_default: configured("WORKSPACE_DIR")
                .unwrap_or_else(|| home.join(format!("clawd{suffix}"))),
            database: state_dir.join("clawdbot.sqlite"),
            media_dir: state_dir.join("media"),
            log_file: logs_dir.join("gateway.log"),
            lock_file: state_dir.join("gateway.lock"),
            logs_dir,
            state_dir,
            home,
            profile,
        }
    }

    /// The same with the log where `logging.file` wants it.
    #[must_use]
    pub fn with_log(mut self, logging: &LoggingConfig) -> Self {
        if let Some(file) = &logging.file {
            self.log_file = self.expand(file);
        }
        self
    }

    /// A configured path with a leading `~` replaced by the home directory.
    pub fn expand(&self, text: &str) -> PathBuf {
        expand_home(&self.home, text)
    }

    /// The port when neither a flag, nor the environment, nor the document names one.
    pub fn default_port(&self) -> u16 {
        if self.profile.as_deref() == Some("dev") { DEV_PORT } else { DEFAULT_PORT }
    }

    /// Creates the state directory and its own subdirectories for the owner alone (0700 from the
    /// first moment, whatever the umask), and refuses a state directory that others could change.
    ///
    /// # Errors
    /// Every variant of [`PathsError`]; each names the exact path and the fix.
    pub fn prepare(&self) -> Result<(), PathsError> {
        for dir in [&self.state_dir, &self.media_dir, &self.logs_dir] {
            prepare_dir(dir)?;
        }
        // A log elsewhere may be in a directory of the system.
        match self.log_file.parent() {
            Some(dir) if !dir.exists() => prepare_dir(dir),
            _ => Ok(()),
        }
    }
}

/// Why the state directory cannot be used.
#[derive(Debug, Error)]
pub enum PathsError {
    /// No home directory is known, or a configured directory is relative.
    #[error(
        "the state directory {0:?} is not an absolute path; set HOME, or set CLAWDBOT_STATE_DIR to a full path"
    )]
    NotAbsolute(PathBuf),
    /// The directory is a symbolic link, so someone else may decide where data goes.
    #[error(
        "{0:?} is a symbolic link, which is refused because its target can be swapped; set CLAWDBOT_STATE_DIR to the real directory"
    )]
    Symlink(PathBuf),
    /// A file or device stands where the directory should be.
    #[error("{0:?} is not a directory; move it away and start again")]
    NotADirectory(PathBuf),
    /// Any user of this computer could change the state.
    #[error("{path:?} can be written by every user (mode {mode:o}); run: chmod 700 {path:?}")]
    WorldWritable {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The directory belongs to another user.
    #[error(
        "{path:?} belongs to user id {owner}, not to you (user id {me}); run: sudo chown -R {me} {path:?}, or set CLAWDBOT_STATE_DIR to a directory of your own"
    )]
    ForeignOwner {
        /// The directory.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who runs this process.
        me: u32,
    },
    /// The operating system refused.
    #[error("cannot prepare {path:?}: {source}; check that you may write there")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl PathsError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAbsolute(_) => "STATE_DIR_NOT_ABSOLUTE",
            Self::Symlink(_) => "STATE_DIR_SYMLINK",
            Self::NotADirectory(_) => "STATE_DIR_NOT_A_DIRECTORY",
            Self::WorldWritable { .. } => "STATE_DIR_WORLD_WRITABLE",
            Self::ForeignOwner { .. } => "STATE_DIR_FOREIGN_OWNER",
            Self::Io { .. } => "STATE_DIR_IO",
        }
    }
}

fn prepare_dir(dir: &Path) -> Result<(), PathsError> {
    if !dir.is_absolute() {
        return Err(PathsError::NotAbsolute(dir.to_owned()));
    }
    let io_error = |source| PathsError::Io { path: dir.to_owned(), source };
    let found = match fs::symlink_metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_private_dir(dir).map_err(io_error)?;
            fs::symlink_metadata(dir).map_err(io_error)?
        }
        other => other.map_err(io_error)?,
    };
    if found.is_symlink() {
        return Err(PathsError::Symlink(dir.to_owned()));
    }
    if !found.is_dir() {
        return Err(PathsError::NotADirectory(dir.to_owned()));
    }
    check_access(dir, &found)
}

#[cfg(unix)]
fn check_access(dir: &Path, found: &fs::Metadata) -> Result<(), PathsError> {
    use std::os::unix::fs::MetadataExt;

    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me {
        return Err(PathsError::ForeignOwner { path: dir.to_owned(), owner: found.uid(), me });
    }
    let mode = found.mode() & 0o7777;
    if mode & 0o002 != 0 {
        return Err(PathsError::WorldWritable { path: dir.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_access(_dir: &Path, _found: &fs::Metadata) -> Result<(), PathsError> {
    Ok(())
}

fn profile_name(text: &str) -> Option<String> {
    let name: String = text
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .take(64)
        .collect();
    (!name.is_empty() && name != "default").then_some(name)
}

fn expand_home(home: &Path, text: &str) -> PathBuf {
    match text.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
        _ => PathBuf::from(text),
    }
}
