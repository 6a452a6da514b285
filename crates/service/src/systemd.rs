//! The systemd user unit.

use std::path::PathBuf;

use crate::file::{self, MARK};
use crate::{Commands, Original, Runtime, Service, ServiceError, Spec, Status, System};

const REMEDY: &str = "Log in with a session of your own (by ssh or at the console, not with su), or have an administrator run `loginctl enable-linger` for you. Without systemd, for example in a container, run `clawdbot gateway` in the foreground; for a whole server there is `clawdbot gateway install --system`.";

/// The name of the unit, for the usual profile.
pub(crate) const UNIT: &str = "clawdbot";

/// The gateway as a systemd user unit.
#[derive(Debug, Clone)]
pub struct Systemd<C = System> {
    config_home: PathBuf,
    commands: C,
}

impl Systemd {
    /// `config_home` is `$XDG_CONFIG_HOME`, or `~/.config`.
    pub fn new(config_home: PathBuf) -> Self {
        Self { config_home, commands: System }
    }
}

impl<C: Commands> Systemd<C> {
    fn name(spec: &Spec) -> String {
        format!("{}.service", spec.named(UNIT, "-"))
    }

    fn systemctl(&self, args: &[&str]) -> Result<String, ServiceError> {
        let args = [&["--user"], args].concat();
        let command = format!("systemctl {}", args.join(" "));
        let remedy = || match args.last() {
            Some(unit) if unit.ends_with(".service") => {
                format!("See journalctl --user -u {unit} -n 30, and the gateway's log.")
            }
            _ => "Run it yourself to see more.".to_owned(),
        };
        match self.commands.run("systemctl", &args) {
            Ok(done) if done.success => Ok(done.out),
            Ok(done) => {
                Err(ServiceError::Command { command, said: done.last_words(), remedy: remedy() })
            }
            Err(error) => Err(no_manager(error.to_string())),
        }
    }

    /// Whether the user's services go on without a session; `None` where nobody knows.
    fn lingering(&self) -> Option<bool> {
        let shown = self.commands.run("loginctl", &["show-user", "--property=Linger"]).ok()?;
        match shown.out.trim() {
            "Linger=yes" => Some(true),
            "Linger=no" => Some(false),
            _ => None,
        }
    }
}

fn no_manager(reason: String) -> ServiceError {
    ServiceError::NoManager { manager: "systemd --user", reason, remedy: REMEDY }
}

impl<C: Commands> Service for Systemd<C> {
    fn kind(&self) -> &'static str {
        "systemd service"
    }

    fn installed(&self) -> &'static str {
        "systemd service enabled"
    }

    fn path(&self, spec: &Spec) -> PathBuf {
        self.config_home.join("systemd/user").join(Self::name(spec))
    }

    // Nothing here may keep the assistant's own commands from working: seccomp, NoNewPrivileges and
    // a read-only home would, so a user unit goes without them.
    fn render(&self, spec: &Spec) -> String {
        let command: Vec<String> = std::iter::once(spec.program.display().to_string())
            .chain(spec.args().iter().map(ToString::to_string))
            .map(|word| argument(&word))
            .collect();
        let name = Self::name(spec);
        let unit = name.trim_end_matches(".service");
        let mut text = format!(
            "\
# {MARK}. For changes of your own: systemctl --user edit {unit}
[Unit]
Description=Clawdbot Gateway
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
ExecStart={}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={}
EnvironmentFile=-{}
",
            command.join(" "),
            specifiers(&spec.home.display().to_string()),
            specifiers(&spec.state_dir.join(".env").display().to_string()),
        );
        for (name, value) in &spec.environment {
            text.push_str(&format!("Environment={}\n", quoted(&format!("{name}={value}"))));
        }
        text.push_str(
            "\
Restart=on-failure
RestartSec=5
# Wrong usage, configuration and permissions do not mend themselves.
RestartPreventExitStatus=2 64 77
WatchdogSec=60
TimeoutStopSec=15
KillMode=mixed
OOMPolicy=continue

[Install]
WantedBy=default.target
",
        );
        text
    }

    fn available(&self) -> Result<(), ServiceError> {
        self.systemctl(&["show", "--property=Version"]).map(drop).map_err(|error| match error {
            ServiceError::Command { said, .. } => no_manager(said),
            other => other,
        })
    }

    fn install(&self, spec: &Spec, replace: bool) -> Result<(), ServiceError> {
        spec.refuse(&['\n', '\r'])?;
        self.available()?;
        file::write(&self.path(spec), &self.render(spec), replace)?;
        self.systemctl(&["daemon-reload"])?;
        self.systemctl(&["enable", "--quiet", &Self::name(spec)])?;
        Ok(())
    }

    fn enable(&self, spec: &Spec, enabled: bool) -> Result<(), ServiceError> {
        let verb = if enabled { "enable" } else { "disable" };
        self.systemctl(&[verb, "--quiet", &Self::name(spec)]).map(drop)
    }

    fn uninstall(&self, spec: &Spec) -> Result<(), ServiceError> {
        self.available()?;
        if self.path(spec).exists() {
            self.systemctl(&["disable", "--quiet", "--now", &Self::name(spec)])?;
        }
        file::remove(&self.path(spec))?;
        self.systemctl(&["daemon-reload"])?;
        Ok(())
    }

    fn start(&self, spec: &Spec) -> Result<(), ServiceError> {
        self.available()?;
        self.systemctl(&["start", &Self::name(spec)]).map(drop)
    }

    fn stop(&self, spec: &Spec) -> Result<(), ServiceError> {
        self.available()?;
        self.systemctl(&["stop", &Self::name(spec)]).map(drop)
    }

    fn restart(&self, spec: &Spec) -> Result<(), ServiceError> {
        self.available()?;
        self.systemctl(&["daemon-reload"])?;
        // After too many failures the unit refuses to be started.
        let name = Self::name(spec);
        let _ = self.systemctl(&["reset-failed", &name]);
        self.systemctl(&["restart", &name]).map(drop)
    }

    fn status(&self, spec: &Spec) -> Status {
        let path = self.path(spec);
        let name = Self::name(spec);
        let shown =
            self.systemctl(&["show", "--property=ActiveState,MainPID,UnitFileState", &name]);
        let problem = shown.as_ref().err().map(ToString::to_string);
        let shown = shown.unwrap_or_default();
        let value = |key: &str| {
            shown.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or("")
        };
        Status {
            kind: self.kind(),
            text: file::compare(&path, &self.render(spec)),
            path,
            name,
            enabled: value("UnitFileState") == "enabled",
            runtime: match value("ActiveState") {
                "active" | "reloading" => Runtime::Active,
                "activating" => Runtime::Starting,
                "inactive" | "deactivating" => Runtime::Inactive,
                "failed" => Runtime::Failed,
                _ => Runtime::Unknown,
            },
            pid: value("MainPID").parse().ok().filter(|pid| *pid != 0),
            lingering: if problem.is_none() { self.lingering() } else { None },
            problem,
        }
    }

    fn retire(&self, original: &Original) -> Result<(), ServiceError> {
        self.systemctl(&["disable", "--quiet", "--now", &original.name]).map(drop)
    }
}

/// A value with systemd's own meaning of `%` taken away.
fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", specifiers(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// A word of a command line.
pub(crate) fn argument(text: &str) -> String {
    quoted(text).replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd() -> Spec {
        let mut spec = Spec::new(
            "/opt/100% \"mine\"/$x/claw\\dbot".into(),
            "/home/you".into(),
            "/home/you/.clawdbot-dev".into(),
        );
        spec.profile = Some("dev".to_owned());
        spec.environment.insert("CLAWDBOT_STATE_DIR".to_owned(), "/data/a b".to_owned());
        spec
    }

    #[test]
    fn unit() {
        let spec =
            Spec::new("/usr/bin/clawdbot".into(), "/home/you".into(), "/home/you/.clawdbot".into());
        insta::assert_snapshot!(Systemd::new("/home/you/.config".into()).render(&spec), @r#"
        # Written by clawdbot gateway install. For changes of your own: systemctl --user edit clawdbot
        [Unit]
        Description=Clawdbot Gateway
        StartLimitIntervalSec=60
        StartLimitBurst=5

        [Service]
        Type=notify
        ExecStart="/usr/bin/clawdbot" "gateway"
        ExecReload=/bin/kill -HUP $MAINPID
        WorkingDirectory=/home/you
        EnvironmentFile=-/home/you/.clawdbot/.env
        Restart=on-failure
        RestartSec=5
        # Wrong usage, configuration and permissions do not mend themselves.
        RestartPreventExitStatus=2 64 77
        WatchdogSec=60
        TimeoutStopSec=15
        KillMode=mixed
        OOMPolicy=continue

        [Install]
        WantedBy=default.target
        "#);
    }

    /// As far as this machine can tell.
    #[test]
    fn systemd_accepts_the_unit() {
        let dir = tempfile::tempdir().unwrap();
        let mut spec = Spec::new("/bin/true".into(), "/tmp".into(), "/tmp/a state %h".into());
        spec.environment.insert("CLAWDBOT_STATE_DIR".to_owned(), "/data/a \"b\"".to_owned());
        let path = dir.path().join("clawdbot.service");
        std::fs::write(&path, Systemd::new(dir.path().into()).render(&spec)).unwrap();
        let shown = System.run("systemd-analyze", &["--user", "verify", path.to_str().unwrap()]);
        let Ok(shown) = shown else {
            return eprintln!("skipped: there is no systemd-analyze here");
        };
        let said: Vec<&str> =
            shown.err.lines().filter(|line| line.contains("clawdbot.service")).collect();
        assert_eq!(said, Vec::<&str>::new());
    }

    #[test]
    fn hostile_paths_stay_paths_loc_05() {
        let systemd = Systemd::new("/home/you/.config".into());
        let unit = systemd.render(&odd());
        let line = unit.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
        assert_eq!(
            line,
            r#"ExecStart="/opt/100%% \"mine\"/$$x/claw\\dbot" "--profile" "dev" "gateway""#
        );
        assert!(unit.contains("Environment=\"CLAWDBOT_STATE_DIR=/data/a b\"\n"));
        assert!(systemd.path(&odd()).ends_with("systemd/user/clawdbot-profile-dev.service"));
        let mut broken = odd();
        broken.program = "/a\nExecStartPre=/bin/evil".into();
        assert_eq!(systemd.install(&broken, false).unwrap_err().code(), "SERVICE_PATH");
    }
}
