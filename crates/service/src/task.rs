//! The Scheduled Task.

use std::path::PathBuf;

use quick_xml::escape::escape;

use crate::file::{self, MARK};
use crate::{Commands, Original, Runtime, Service, ServiceError, Spec, Status, System};

/// The gateway as a task that starts when its user logs on.
#[derive(Debug, Clone)]
pub struct ScheduledTask<C = System> {
    commands: C,
}

impl Default for ScheduledTask {
    fn default() -> Self {
        Self { commands: System }
    }
}

impl<C: Commands> ScheduledTask<C> {
    fn name(spec: &Spec) -> String {
        spec.named("Clawdbot", " ")
    }

    fn run(&self, program: &'static str, args: &[&str]) -> Result<String, ServiceError> {
        match self.commands.run(program, args) {
            Ok(done) if done.success => Ok(done.out),
            Ok(done) => Err(ServiceError::Command {
                command: format!("{program} {}", args.join(" ")),
                said: done.last_words(),
                remedy: "See the Task Scheduler and the gateway's log.".to_owned(),
            }),
            Err(error) => Err(ServiceError::NoManager {
                manager: "the Task Scheduler",
                reason: error.to_string(),
                remedy: "Run `clawdbot gateway` in the foreground.",
            }),
        }
    }

    fn schtasks(&self, args: &[&str]) -> Result<String, ServiceError> {
        self.run("schtasks", args)
    }

    /// The state in a word that does not depend on the language of the system.
    fn state(&self, name: &str) -> Result<String, ServiceError> {
        let name = name.replace('\'', "''");
        let script = format!("(Get-ScheduledTask -TaskName '{name}' -ErrorAction Stop).State");
        let out =
            self.run("powershell", &["-NoProfile", "-NonInteractive", "-Command", &script])?;
        Ok(out.trim().to_owned())
    }
}

impl<C: Commands> Service for ScheduledTask<C> {
    fn kind(&self) -> &'static str {
        "Scheduled Task"
    }

    fn installed(&self) -> &'static str {
        "Scheduled Task registered"
    }

    fn word(&self, runtime: Runtime) -> &'static str {
        match runtime {
            Runtime::Active => "running",
            other => other.as_str(),
        }
    }

    /// The definition that was registered; the Task Scheduler keeps its own copy.
    fn path(&self, spec: &Spec) -> PathBuf {
        spec.state_dir.join("task.xml")
    }

    fn render(&self, spec: &Spec) -> String {
        let args: Vec<String> = spec
            .args()
            .iter()
            .map(|arg| if arg.contains(' ') { format!("\"{arg}\"") } else { (*arg).to_owned() })
            .collect();
        let (program, arguments) = (spec.program.display().to_string(), args.join(" "));
        // A task has no environment of its own; a shell in between sets what differs.
        let (command, arguments) = if spec.environment.is_empty() {
            (program, arguments)
        } else {
            let sets: String = spec
                .environment
                .iter()
                .map(|(name, value)| format!("set \"{name}={value}\"&& "))
                .collect();
            ("cmd.exe".to_owned(), format!("/d /s /c \"{sets}\"{program}\" {arguments}\""))
        };
        format!(
            r#"<?xml version="1.0"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Clawdbot Gateway. {MARK}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger />
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>5</Count>
    </RestartOnFailure>
  </Settings>
  <Actions>
    <Exec>
      <Command>{}</Command>
      <Arguments>{}</Arguments>
      <WorkingDirectory>{}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"#,
            escape(&command),
            escape(&arguments),
            escape(spec.home.display().to_string()),
        )
    }

    fn available(&self) -> Result<(), ServiceError> {
        self.schtasks(&["/Query", "/FO", "CSV", "/NH"]).map(drop)
    }

    fn install(&self, spec: &Spec, replace: bool) -> Result<(), ServiceError> {
        // The shell in between would take quotation and per cent signs for its own.
        let shell = !spec.environment.is_empty();
        spec.refuse(if shell { &['\n', '\r', '"', '%'] } else { &['\n', '\r', '"'] })?;
        file::write(&self.path(spec), &self.render(spec), replace)?;
        let path = self.path(spec).display().to_string();
        self.schtasks(&["/Create", "/F", "/TN", &Self::name(spec), "/XML", &path]).map(drop)
    }

    fn enable(&self, spec: &Spec, enabled: bool) -> Result<(), ServiceError> {
        let change = if enabled { "/ENABLE" } else { "/DISABLE" };
        self.schtasks(&["/Change", "/TN", &Self::name(spec), change]).map(drop)
    }

    fn uninstall(&self, spec: &Spec) -> Result<(), ServiceError> {
        if self.path(spec).exists() {
            let name = Self::name(spec);
            let _ = self.schtasks(&["/End", "/TN", &name]);
            self.schtasks(&["/Delete", "/F", "/TN", &name])?;
        }
        file::remove(&self.path(spec))
    }

    fn start(&self, spec: &Spec) -> Result<(), ServiceError> {
        self.schtasks(&["/Run", "/TN", &Self::name(spec)]).map(drop)
    }

    fn stop(&self, spec: &Spec) -> Result<(), ServiceError> {
        self.schtasks(&["/End", "/TN", &Self::name(spec)]).map(drop)
    }

    fn restart(&self, spec: &Spec) -> Result<(), ServiceError> {
        let _ = self.stop(spec);
        self.start(spec)
    }

    fn status(&self, spec: &Spec) -> Status {
        let (path, name) = (self.path(spec), Self::name(spec));
        let state = self.state(&name);
        Status {
            kind: self.kind(),
            text: file::compare(&path, &self.render(spec)),
            path,
            enabled: state.as_ref().is_ok_and(|state| state != "Disabled"),
            runtime: match state.as_deref() {
                Ok("Running") => Runtime::Active,
                Ok("Queued") => Runtime::Starting,
                Ok("Ready" | "Disabled") => Runtime::Inactive,
                _ => Runtime::Unknown,
            },
            name,
            pid: None,
            lingering: None,
            problem: match state {
                Err(error @ ServiceError::NoManager { .. }) => Some(error.to_string()),
                _ => None,
            },
        }
    }

    fn retire(&self, original: &Original) -> Result<(), ServiceError> {
        let _ = self.schtasks(&["/End", "/TN", &original.name]);
        self.schtasks(&["/Change", "/TN", &original.name, "/DISABLE"]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task() {
        let mut spec = Spec::new(
            r"C:\Program Files\A & B\clawdbot.exe".into(),
            r"C:\Users\you".into(),
            r"C:\Users\you\.clawdbot".into(),
        );
        insta::assert_snapshot!(ScheduledTask::default().render(&spec), @r#"
        <?xml version="1.0"?>
        <Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
          <RegistrationInfo>
            <Description>Clawdbot Gateway. Written by clawdbot gateway install</Description>
          </RegistrationInfo>
          <Triggers>
            <LogonTrigger />
          </Triggers>
          <Settings>
            <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
            <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
            <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
            <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
            <RestartOnFailure>
              <Interval>PT1M</Interval>
              <Count>5</Count>
            </RestartOnFailure>
          </Settings>
          <Actions>
            <Exec>
              <Command>C:\Program Files\A &amp; B\clawdbot.exe</Command>
              <Arguments>gateway</Arguments>
              <WorkingDirectory>C:\Users\you</WorkingDirectory>
            </Exec>
          </Actions>
        </Task>
        "#);
        spec.environment.insert("CLAWDBOT_STATE_DIR".to_owned(), r"D:\a b".to_owned());
        let text = ScheduledTask::default().render(&spec);
        let line = text.lines().find(|line| line.contains("<Arguments>")).unwrap();
        insta::assert_snapshot!(line.trim(), @r"<Arguments>/d /s /c &quot;set &quot;CLAWDBOT_STATE_DIR=D:\a b&quot;&amp;&amp; &quot;C:\Program Files\A &amp; B\clawdbot.exe&quot; gateway&quot;</Arguments>");
    }

    #[test]
    fn hostile_values_stay_values_loc_05() {
        let dir = tempfile::tempdir().unwrap();
        let task = ScheduledTask::default();
        let mut spec = Spec::new(
            r"C:\A & B</Command><Command>evil".into(),
            r"C:\Users\you".into(),
            dir.path().into(),
        );
        let text = task.render(&spec);
        assert_eq!(text.matches("<Command>").count(), 1, "{text}");
        assert!(text.contains(r"C:\A &amp; B&lt;/Command&gt;&lt;Command&gt;evil"), "{text}");
        for evil in [r#"D:\a"&calc&""#, r"D:\%PATH%", "D:\\a\nb"] {
            spec.environment.insert("CLAWDBOT_STATE_DIR".to_owned(), evil.to_owned());
            assert_eq!(task.install(&spec, false).unwrap_err().code(), "SERVICE_PATH", "{evil}");
            assert!(!task.path(&spec).exists());
        }
    }
}
