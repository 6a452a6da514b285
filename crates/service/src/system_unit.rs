//! The unit of a whole server, with a user of its own.

use std::path::{Path, PathBuf};

use crate::{Commands, Original, ServiceError, System, Text, file, systemd};

/// The one text of it, which can be copied by hand too.
const UNIT: &str = include_str!("../../../installer/clawdbot.service");
const NAME: &str = "clawdbot.service";
/// The line of it that names the program.
const START: &str = "ExecStart=/usr/local/bin/clawdbot gateway\n";
/// The user that it runs as.
const USER: &str = "clawdbot";
/// Units can be read by everybody.
const MODE: u32 = 0o644;
const REMEDY: &str =
    "Without systemd, for example in a container, run `clawdbot gateway` in the foreground.";

/// The gateway as a systemd system unit. Everything but [`SystemUnit::render`] needs the administrator.
#[derive(Debug, Clone)]
pub struct SystemUnit<C = System> {
    directory: PathBuf,
    commands: C,
}

/// The user of the system that the gateway runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Its user id.
    pub user: u32,
    /// Its group id.
    pub group: u32,
    /// Whether it was made just now.
    pub is_new: bool,
}

impl Default for SystemUnit {
    fn default() -> Self {
        Self { directory: "/etc/systemd/system".into(), commands: System }
    }
}

impl<C: Commands> SystemUnit<C> {
    /// Where the gateway lives: its home directory, and the only place where it can write.
    pub const HOME: &'static str = "/var/lib/clawdbot";
    /// Where the unit reads secrets.
    pub const SECRETS: &'static str = "/etc/clawdbot/environment";

    /// Where the text is kept.
    pub fn path(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// The text for a program, which is an absolute path. Does no I/O.
    pub fn render(program: &Path) -> String {
        let command = systemd::argument(&program.display().to_string());
        match program.to_str() {
            Some("/usr/local/bin/clawdbot") => UNIT.to_owned(),
            _ => UNIT.replacen(START, &format!("ExecStart={command} gateway\n"), 1),
        }
    }

    /// How what is installed compares with what would be installed.
    pub fn text(&self, program: &Path) -> Text {
        file::compare(&self.path(), &Self::render(program))
    }

    /// Whether systemd runs this system.
    ///
    /// # Errors
    /// [`ServiceError::NoManager`] with the reason and the way out.
    pub fn available(&self) -> Result<(), ServiceError> {
        self.systemctl(&["show", "--property=Version"]).map(drop).map_err(|error| match error {
            ServiceError::Command { said, .. } => no_manager(said),
            other => other,
        })
    }

    /// The user that it runs as, who is made where there is none.
    ///
    /// # Errors
    /// [`ServiceError::Command`].
    pub fn account(&self) -> Result<Account, ServiceError> {
        if let Some((user, group)) = self.ids() {
            return Ok(Account { user, group, is_new: false });
        }
        let shell = "/usr/sbin/nologin";
        let args = ["--system", "--user-group", "--home-dir", Self::HOME, "--shell", shell, USER];
        let remedy = format!("Make a user {USER} yourself, then run this again.");
        self.command("useradd", &args, &remedy)?;
        match self.ids() {
            Some((user, group)) => Ok(Account { user, group, is_new: true }),
            None => Err(ServiceError::Command {
                command: "getent passwd".to_owned(),
                said: format!("there is no user {USER}"),
                remedy,
            }),
        }
    }

    /// Writes the text and makes it start with the system; does not start it.
    ///
    /// # Errors
    /// [`ServiceError`]; a foreign file in its place is [`ServiceError::Foreign`] unless `replace`.
    pub fn install(&self, program: &Path, replace: bool) -> Result<(), ServiceError> {
        if program.to_string_lossy().contains(['\n', '\r']) {
            return Err(ServiceError::Path { path: program.to_owned() });
        }
        file::write_with(&self.path(), &Self::render(program), replace, MODE)?;
        self.systemctl(&["daemon-reload"])?;
        self.systemctl(&["enable", "--quiet", NAME]).map(drop)
    }

    /// Starts it anew and waits until it runs.
    ///
    /// # Errors
    /// [`ServiceError::Command`] with what systemd said.
    pub fn restart(&self) -> Result<(), ServiceError> {
        // After too many failures it refuses to be started.
        let _ = self.systemctl(&["reset-failed", NAME]);
        self.systemctl(&["restart", NAME]).map(drop)
    }

    /// Stops it and removes the text.
    ///
    /// # Errors
    /// [`ServiceError`]; that it was not installed is none.
    pub fn uninstall(&self) -> Result<(), ServiceError> {
        if self.path().exists() {
            self.systemctl(&["disable", "--quiet", "--now", NAME])?;
        }
        file::remove(&self.path())?;
        self.systemctl(&["daemon-reload"]).map(drop)
    }

    /// Takes a service of the original out of use; its file stays.
    ///
    /// # Errors
    /// [`ServiceError::Command`] with what systemd said.
    pub fn retire(&self, original: &Original) -> Result<(), ServiceError> {
        self.systemctl(&["disable", "--quiet", "--now", &original.name]).map(drop)
    }

    fn ids(&self) -> Option<(u32, u32)> {
        let entry = self.commands.run("getent", &["passwd", USER]).ok()?;
        let mut fields = entry.out.trim().split(':').skip(2).map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    }

    fn systemctl(&self, args: &[&str]) -> Result<String, ServiceError> {
        self.command("systemctl", args, &format!("See journalctl -u {NAME} -n 30."))
    }

    fn command(&self, program: &str, args: &[&str], remedy: &str) -> Result<String, ServiceError> {
        let command = format!("{program} {}", args.join(" "));
        match self.commands.run(program, args) {
            Ok(done) if done.success => Ok(done.out),
            Ok(done) => {
                let said = done.last_words();
                Err(ServiceError::Command { command, said, remedy: remedy.to_owned() })
            }
            Err(error) if program == "systemctl" => Err(no_manager(error.to_string())),
            Err(error) => {
                let said = error.to_string();
                Err(ServiceError::Command { command, said, remedy: remedy.to_owned() })
            }
        }
    }
}

fn no_manager(reason: String) -> ServiceError {
    ServiceError::NoManager { manager: "systemd", reason, remedy: REMEDY }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Unit = SystemUnit<System>;

    #[test]
    fn the_text_is_the_one_that_can_be_copied() {
        assert_eq!(Unit::render(Path::new("/usr/local/bin/clawdbot")), UNIT);
        let elsewhere = Unit::render(Path::new("/opt/100% \"mine\"/clawdbot"));
        let line = "ExecStart=\"/opt/100%% \\\"mine\\\"/clawdbot\" gateway\n";
        assert_eq!(elsewhere.replace(line, START), UNIT);
        for must in ["User=clawdbot", "ProtectSystem=strict", "NoNewPrivileges=yes", file::MARK] {
            assert!(UNIT.contains(must), "{must}");
        }
        let home = Unit::HOME;
        assert!(UNIT.contains(&format!("WorkingDirectory={home}\nEnvironment=HOME={home}\n")));
        assert!(UNIT.contains(&format!("EnvironmentFile=-{}\n", Unit::SECRETS)));
    }

    /// As far as this machine can tell.
    #[test]
    fn systemd_accepts_it() {
        let dir = tempfile::tempdir().unwrap();
        for program in ["/bin/true", "/usr/local/bin/clawdbot"] {
            let path = dir.path().join(NAME);
            let text = Unit::render(Path::new(program));
            std::fs::write(&path, text.replace("/usr/local/bin/clawdbot", "/bin/true")).unwrap();
            let shown = System.run("systemd-analyze", &["verify", path.to_str().unwrap()]);
            let Ok(shown) = shown else {
                return eprintln!("skipped: there is no systemd-analyze here");
            };
            let said: Vec<&str> = shown.err.lines().filter(|line| line.contains(NAME)).collect();
            assert_eq!(said, Vec::<&str>::new());
        }
    }
}
