//! The LaunchAgent.

use std::path::PathBuf;

use plist::{Dictionary, Value};

use crate::file::{self, MARK};
use crate::{Commands, Original, Runtime, Service, ServiceError, Spec, Status, System};

const REMEDY: &str = "Log in at the screen once, or run `clawdbot gateway` in the foreground.";

/// The gateway as a LaunchAgent of one user.
#[derive(Debug, Clone)]
pub struct LaunchAgent<C = System> {
    /// The user's numeric id, which names the domain `gui/<uid>`.
    uid: u32,
    commands: C,
}

/// The label, for the usual profile.
pub(crate) const LABEL: &str = "com.clawdbot.service";

impl LaunchAgent {
    /// The agent of the user with this numeric id.
    pub fn new(uid: u32) -> Self {
        Self { uid, commands: System }
    }
}

impl<C: Commands> LaunchAgent<C> {
    fn label(spec: &Spec) -> String {
        spec.named(LABEL, ".")
    }

    fn target(&self, spec: &Spec) -> String {
        format!("gui/{}/{}", self.uid, Self::label(spec))
    }

    fn launchctl(&self, args: &[&str]) -> Result<String, ServiceError> {
        match self.commands.run("launchctl", args) {
            Ok(done) if done.success => Ok(done.out),
            Ok(done) => Err(ServiceError::Command {
                command: format!("launchctl {}", args.join(" ")),
                said: done.last_words(),
                remedy: "See ~/.clawdbot/logs/gateway.log.".to_owned(),
            }),
            Err(error) => Err(ServiceError::NoManager {
                manager: "launchd",
                reason: error.to_string(),
                remedy: REMEDY,
            }),
        }
    }

    fn is_loaded(&self, spec: &Spec) -> bool {
        self.launchctl(&["print", &self.target(spec)]).is_ok()
    }
}

impl<C: Commands> Service for LaunchAgent<C> {
    fn kind(&self) -> &'static str {
        "LaunchAgent"
    }

    fn installed(&self) -> &'static str {
        "LaunchAgent loaded"
    }

    fn path(&self, spec: &Spec) -> PathBuf {
        spec.home.join("Library/LaunchAgents").join(format!("{}.plist", Self::label(spec)))
    }

    fn render(&self, spec: &Spec) -> String {
        let text = |text: &str| Value::String(text.to_owned());
        let program = spec.program.display().to_string();
        let command = std::iter::once(program.as_str()).chain(spec.args()).map(text).collect();
        let environment: Dictionary =
            spec.environment.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let mut only_failures = Dictionary::new();
        only_failures.insert("SuccessfulExit".to_owned(), Value::Boolean(false));
        let mut agent = Dictionary::new();
        agent.insert("Label".to_owned(), text(&Self::label(spec)));
        agent.insert("ProgramArguments".to_owned(), Value::Array(command));
        agent.insert("RunAtLoad".to_owned(), Value::Boolean(true));
        agent.insert("KeepAlive".to_owned(), Value::Dictionary(only_failures));
        agent.insert("ThrottleInterval".to_owned(), Value::Integer(5.into()));
        agent.insert("ProcessType".to_owned(), text("Interactive"));
        agent.insert("WorkingDirectory".to_owned(), text(&spec.home.display().to_string()));
        if !environment.is_empty() {
            agent.insert("EnvironmentVariables".to_owned(), Value::Dictionary(environment));
        }
        agent.insert("ClawdbotNote".to_owned(), text(MARK));
        let mut xml = Vec::new();
        // Writing into memory has no way to fail.
        let _ = plist::to_writer_xml(&mut xml, &Value::Dictionary(agent));
        String::from_utf8(xml).unwrap_or_default() + "\n"
    }

    fn available(&self) -> Result<(), ServiceError> {
        self.launchctl(&["print", &format!("gui/{}", self.uid)]).map(drop).map_err(|error| {
            match error {
                ServiceError::Command { said, .. } => {
                    ServiceError::NoManager { manager: "launchd", reason: said, remedy: REMEDY }
                }
                other => other,
            }
        })
    }

    fn install(&self, spec: &Spec, replace: bool) -> Result<(), ServiceError> {
        spec.refuse(&['\n', '\r'])?;
        self.available()?;
        file::write(&self.path(spec), &self.render(spec), replace)?;
        self.launchctl(&["enable", &self.target(spec)]).map(drop)
    }

    fn enable(&self, spec: &Spec, enabled: bool) -> Result<(), ServiceError> {
        let verb = if enabled { "enable" } else { "disable" };
        self.launchctl(&[verb, &self.target(spec)]).map(drop)
    }

    fn uninstall(&self, spec: &Spec) -> Result<(), ServiceError> {
        if self.is_loaded(spec) {
            self.launchctl(&["bootout", &self.target(spec)])?;
        }
        file::remove(&self.path(spec))
    }

    fn start(&self, spec: &Spec) -> Result<(), ServiceError> {
        if self.is_loaded(spec) {
            return self.launchctl(&["kickstart", &self.target(spec)]).map(drop);
        }
        let path = self.path(spec).display().to_string();
        self.launchctl(&["bootstrap", &format!("gui/{}", self.uid), &path]).map(drop)
    }

    fn stop(&self, spec: &Spec) -> Result<(), ServiceError> {
        if self.is_loaded(spec) {
            self.launchctl(&["bootout", &self.target(spec)])?;
        }
        Ok(())
    }

    fn restart(&self, spec: &Spec) -> Result<(), ServiceError> {
        // A loaded agent keeps the text it was loaded with.
        self.stop(spec)?;
        self.start(spec)
    }

    fn status(&self, spec: &Spec) -> Status {
        let path = self.path(spec);
        let printed = self.launchctl(&["print", &self.target(spec)]);
        let problem = match &printed {
            Err(error @ ServiceError::NoManager { .. }) => Some(error.to_string()),
            _ => None,
        };
        let loaded = printed.is_ok();
        let printed = printed.unwrap_or_default();
        let pid = printed.lines().find_map(|line| line.trim().strip_prefix("pid = ")?.parse().ok());
        Status {
            kind: self.kind(),
            name: Self::label(spec),
            text: file::compare(&path, &self.render(spec)),
            path,
            enabled: loaded,
            runtime: match (pid, loaded, &problem) {
                (Some(_), ..) => Runtime::Active,
                (None, _, Some(_)) => Runtime::Unknown,
                _ => Runtime::Inactive,
            },
            pid,
            lingering: None,
            problem,
        }
    }

    fn retire(&self, original: &Original) -> Result<(), ServiceError> {
        let target = format!("gui/{}/{}", self.uid, original.name);
        let _ = self.launchctl(&["bootout", &target]);
        self.launchctl(&["disable", &target]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent() {
        let mut spec = Spec::new(
            "/Applications/A & B/clawdbot".into(),
            "/Users/you".into(),
            "/Users/you/.clawdbot".into(),
        );
        spec.environment.insert("CLAWDBOT_STATE_DIR".to_owned(), "/data/<x>".to_owned());
        insta::assert_snapshot!(LaunchAgent::new(501).render(&spec), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
        <plist version="1.0">
        <dict>
        	<key>Label</key>
        	<string>com.clawdbot.service</string>
        	<key>ProgramArguments</key>
        	<array>
        		<string>/Applications/A &amp; B/clawdbot</string>
        		<string>gateway</string>
        	</array>
        	<key>RunAtLoad</key>
        	<true/>
        	<key>KeepAlive</key>
        	<dict>
        		<key>SuccessfulExit</key>
        		<false/>
        	</dict>
        	<key>ThrottleInterval</key>
        	<integer>5</integer>
        	<key>ProcessType</key>
        	<string>Interactive</string>
        	<key>WorkingDirectory</key>
        	<string>/Users/you</string>
        	<key>EnvironmentVariables</key>
        	<dict>
        		<key>CLAWDBOT_STATE_DIR</key>
        		<string>/data/&lt;x&gt;</string>
        	</dict>
        	<key>ClawdbotNote</key>
        	<string>Written by clawdbot gateway install</string>
        </dict>
        </plist>
        "#);
    }

    #[test]
    fn hostile_values_stay_values_loc_05() {
        let home = tempfile::tempdir().unwrap();
        let odd = "/A & B</string><key>Program</key>\"%n\"";
        let mut spec = Spec::new(odd.into(), home.path().into(), home.path().join(".clawdbot"));
        spec.environment.insert("CLAWDBOT_STATE_DIR".to_owned(), odd.to_owned());
        let agent = LaunchAgent::new(501);
        let read = Value::from_reader_xml(agent.render(&spec).as_bytes()).unwrap();
        let read = read.as_dictionary().unwrap();
        let command = read["ProgramArguments"].as_array().unwrap();
        assert_eq!(command[0].as_string(), Some(odd));
        let environment = read["EnvironmentVariables"].as_dictionary().unwrap();
        assert_eq!(environment["CLAWDBOT_STATE_DIR"].as_string(), Some(odd));
        assert!(!read.contains_key("Program"));
        spec.program = "/a\nb".into();
        assert_eq!(agent.install(&spec, false).unwrap_err().code(), "SERVICE_PATH");
        assert!(!agent.path(&spec).exists());
    }
}
