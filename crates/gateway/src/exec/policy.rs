//! Which commands run, which are asked about and which are refused.

use std::path::Path;

use clawdbot_agent::ExecCall;
use clawdbot_config::ExecConfig;
use clawdbot_protocol::{ExecApprovalsFile, ExecAsk, ExecRules, ExecSecurity};
use serde_json::{Map, Value};

use super::Kept;

/// The rules for the commands of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) security: ExecSecurity,
    pub(crate) ask: ExecAsk,
    pub(crate) fallback: ExecSecurity,
    allowed: Vec<String>,
}

/// What they say of one command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Run,
    Ask,
    /// Refused, with the reason.
    Deny(&'static str),
}

impl Policy {
    /// What the file says for the agent, else for all, else the configuration, else what is safe:
    /// every unknown command is asked about, and none runs when nobody can be asked.
    pub(crate) fn of(kept: &Kept, config: &ExecConfig, agent: Option<&str>) -> Self {
        let Ok(file) = &kept.file else {
            return Self {
                security: ExecSecurity::Deny,
                ask: ExecAsk::Always,
                fallback: ExecSecurity::Deny,
                allowed: Vec::new(),
            };
        };
        let own = agent.and_then(|agent| file.agents.get(agent));
        let every = file.agents.get("*");
        let rules: Vec<&ExecRules> = own
            .into_iter()
            .chain(every)
            .map(|agent| &agent.rules)
            .chain([&file.defaults])
            .collect();
        let first =
            |pick: fn(&ExecRules) -> Option<ExecSecurity>| rules.iter().find_map(|r| pick(r));
        Self {
            security: first(|rules| rules.security)
                .or(config.security().map(security))
                .unwrap_or(ExecSecurity::Allowlist),
            ask: rules
                .iter()
                .find_map(|rules| rules.ask)
                .or(config.ask().map(ask))
                .unwrap_or(ExecAsk::OnMiss),
            fallback: first(|rules| rules.ask_fallback).unwrap_or(ExecSecurity::Deny),
            allowed: patterns(file, agent),
        }
    }

    /// The same, narrowed by what one conversation asks for; it can never widen anything.
    pub(crate) fn narrowed(mut self, session: &Map<String, Value>) -> Self {
        if let Some(wanted) = field(session, "execSecurity") {
            self.security = self.security.min(wanted);
        }
        if let Some(wanted) = field(session, "execAsk") {
            self.ask = self.ask.max(wanted);
        }
        self
    }

    /// The member by which one conversation asks for more than these rules allow.
    pub(crate) fn wider(&self, session: &Map<String, Value>) -> Option<&'static str> {
        let more = |wanted: ExecSecurity| wanted > self.security;
        let fewer = |wanted: ExecAsk| wanted < self.ask;
        let security = field(session, "execSecurity").is_some_and(more);
        let ask = field(session, "execAsk").is_some_and(fewer);
        security.then_some("execSecurity").or(ask.then_some("execAsk"))
    }

    /// What happens to a command.
    pub(crate) fn verdict(&self, call: &ExecCall) -> Verdict {
        let known = self.allows(call);
        match (self.security, self.ask) {
            (ExecSecurity::Deny, _) => Verdict::Deny("exec approvals forbid every command"),
            (_, ExecAsk::Always) => Verdict::Ask,
            (ExecSecurity::Full, _) => Verdict::Run,
            (ExecSecurity::Allowlist, _) if known => Verdict::Run,
            (ExecSecurity::Allowlist, ExecAsk::OnMiss) => Verdict::Ask,
            (ExecSecurity::Allowlist, _) => {
                Verdict::Deny("the command is not in the allowlist and nobody is to be asked")
            }
        }
    }

    /// Whether a command runs although nobody could be asked.
    pub(crate) fn falls_back(&self, call: &ExecCall) -> bool {
        match self.fallback.min(self.security) {
            ExecSecurity::Deny => false,
            ExecSecurity::Allowlist => self.allows(call),
            ExecSecurity::Full => true,
        }
    }

    fn allows(&self, call: &ExecCall) -> bool {
        let program = call.program.as_deref().filter(|_| call.guarded);
        program.is_some_and(|program| self.allowed.iter().any(|entry| means(entry, program)))
    }
}

/// The programs an agent may run.
fn patterns(file: &ExecApprovalsFile, agent: Option<&str>) -> Vec<String> {
    let lists = ["*"].into_iter().chain(agent).filter_map(|name| file.agents.get(name));
    lists.flat_map(|agent| &agent.allowlist).map(|entry| entry.pattern.clone()).collect()
}

/// Whether an entry is the full path of `program`, also by way of a linked directory. Nothing else
/// counts: a bare name says nothing about where it is found (EXE-04).
fn means(entry: &str, program: &Path) -> bool {
    let entry = Path::new(entry);
    let real =
        |path: &Path| Some(std::fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
    entry.is_absolute() && (entry == program || real(entry).is_some_and(|entry| entry == program))
}

fn field<T: serde::de::DeserializeOwned>(session: &Map<String, Value>, name: &str) -> Option<T> {
    serde_json::from_value(session.get(name)?.clone()).ok()
}

/// The configuration's word in the protocol's.
fn security(configured: clawdbot_config::ExecSecurity) -> ExecSecurity {
    match configured {
        clawdbot_config::ExecSecurity::Deny => ExecSecurity::Deny,
        clawdbot_config::ExecSecurity::Allowlist => ExecSecurity::Allowlist,
        clawdbot_config::ExecSecurity::Full => ExecSecurity::Full,
    }
}

/// The configuration's word in the protocol's.
fn ask(configured: clawdbot_config::ExecAsk) -> ExecAsk {
    match configured {
        clawdbot_config::ExecAsk::Off => ExecAsk::Off,
        clawdbot_config::ExecAsk::OnMiss => ExecAsk::OnMiss,
        clawdbot_config::ExecAsk::Always => ExecAsk::Always,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(file: Value, agent: &str) -> Policy {
        let file = serde_json::from_value(file).map_err(|error| error.to_string());
        let kept = Kept { exists: true, hash: String::new(), file };
        Policy::of(&kept, &ExecConfig::default(), Some(agent))
    }

    fn call(program: Option<&str>, guarded: bool) -> ExecCall {
        ExecCall {
            call_id: "1".into(),
            command: "x".into(),
            cwd: "/".into(),
            program: program.map(Into::into),
            guarded,
            standing: false,
        }
    }

    #[test]
    fn by_default_everything_is_asked_and_nothing_runs_unasked() {
        let safe = policy(json!({"version": 1}), "main");
        assert_eq!(safe.verdict(&call(Some("/usr/bin/ls"), true)), Verdict::Ask);
        assert!(!safe.falls_back(&call(Some("/usr/bin/ls"), true)));
    }

    #[test]
    fn the_file_counts_before_the_configuration() {
        let of = |file: Value| {
            let file = serde_json::from_value(file).map_err(|error| error.to_string());
            let kept = Kept { exists: true, hash: String::new(), file };
            let mode = Some(clawdbot_config::ExecMode::Full);
            let policy =
                Policy::of(&kept, &ExecConfig { mode, ..ExecConfig::default() }, Some("m"));
            (policy.security, policy.ask)
        };
        assert_eq!(of(json!({"version": 1})), (ExecSecurity::Full, ExecAsk::Off));
        let every = json!({"version": 1, "defaults": {"security": "allowlist", "ask": "always"}});
        assert_eq!(of(every.clone()), (ExecSecurity::Allowlist, ExecAsk::Always));
        let mut own = every;
        own["agents"]["m"]["security"] = json!("deny");
        assert_eq!(of(own), (ExecSecurity::Deny, ExecAsk::Always));
    }

    #[test]
    fn only_guarded_programs_of_the_agents_own_list_run_exe_04() {
        let list = json!([{"pattern": "/usr/bin/ls"}, {"pattern": "cat"}]);
        let file = json!({"version": 1, "agents": {"main": {"allowlist": list}}});
        let main = policy(file.clone(), "main");
        assert_eq!(main.verdict(&call(Some("/usr/bin/ls"), true)), Verdict::Run);
        for (program, guarded) in [
            (Some("/usr/bin/ls"), false),
            (Some("/tmp/ls"), true),
            (Some("/usr/bin/cat"), true),
            (None, false),
        ] {
            assert_eq!(main.verdict(&call(program, guarded)), Verdict::Ask, "{program:?}");
        }
        assert_eq!(policy(file, "other").verdict(&call(Some("/usr/bin/ls"), true)), Verdict::Ask);
    }

    #[test]
    fn a_conversation_narrows_and_never_widens() {
        let of = |security: &str, ask: &str| {
            policy(json!({"version": 1, "defaults": {"security": security, "ask": ask}}), "main")
        };
        let wish = json!({"execSecurity": "full", "execAsk": "off"});
        let wide = of("allowlist", "always").narrowed(wish.as_object().unwrap());
        assert_eq!((wide.security, wide.ask), (ExecSecurity::Allowlist, ExecAsk::Always));
        let wish = json!({"execSecurity": "deny", "execAsk": "always"});
        let narrow = of("full", "off").narrowed(wish.as_object().unwrap());
        assert!(matches!(narrow.verdict(&call(None, false)), Verdict::Deny(_)));
    }

    #[test]
    fn a_file_that_cannot_be_read_forbids_everything() {
        let broken = policy(json!({"version": 1, "defaults": {"security": "everything"}}), "main");
        assert!(matches!(broken.verdict(&call(Some("/usr/bin/ls"), true)), Verdict::Deny(_)));
    }
}
