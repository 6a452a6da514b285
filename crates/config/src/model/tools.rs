use schemars::JsonSchema;
use serde::Deserialize;

/// The `tools` block: what models may use; also that of one agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolsConfig {
    /// Which ones.
    #[serde(flatten)]
    pub rules: ToolRules,
    /// How commands run.
    pub exec: ExecConfig,
}

/// Which tools a model is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolRules {
    /// A named selection to start from; everything when unset.
    pub profile: Option<ToolProfile>,
    /// Only these, when there are any. `*` and `group:<name>` stand for several.
    pub allow: Vec<String>,
    /// These beside those of the profile.
    pub also_allow: Vec<String>,
    /// Never these.
    pub deny: Vec<String>,
}

/// A named selection of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolProfile {
    /// Only `session_status`.
    Minimal,
    /// Files, commands and `session_status`.
    Coding,
    /// Conversations: no files, no commands.
    Messaging,
    /// All of them.
    Full,
}

impl ToolRules {
    /// Whether these rules leave a model the tool `name`.
    pub fn offer(&self, name: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|entry| names(entry, name));
        let in_profile = match self.profile {
            None | Some(ToolProfile::Full | ToolProfile::Coding) => true,
            Some(ToolProfile::Minimal | ToolProfile::Messaging) => names("group:status", name),
        };
        let chosen = (self.allow.is_empty() && in_profile) || listed(&self.allow);
        (chosen || listed(&self.also_allow)) && !listed(&self.deny)
    }
}

/// Whether an entry of a list means the tool `name`.
fn names(entry: &str, name: &str) -> bool {
    match entry.trim().to_lowercase().as_str() {
        "*" => true,
        "group:runtime" | "bash" => name == "exec",
        "group:fs" => name == "read",
        "group:sessions" | "group:status" => name == "session_status",
        entry => entry == name,
    }
}

/// The `tools.exec` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecConfig {
    /// Where commands run; with a host that does not exist here the tool is taken away.
    pub host: ExecHost,
    /// Generation 4's word for `security` and `ask` together; those two come first.
    pub mode: Option<ExecMode>,
    /// Which commands may run, where `exec-approvals.json` does not say; `deny` takes the tool away.
    pub security: Option<ExecSecurity>,
    /// When a person is asked, where `exec-approvals.json` does not say.
    pub ask: Option<ExecAsk>,
    /// Seconds a command may take; 1800 when unset.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u32>,
    /// Generation 3's name of `timeoutSeconds`.
    #[schemars(range(min = 1))]
    pub timeout_sec: Option<u32>,
}

impl ExecConfig {
    /// Which commands may run, by `security` or `mode`.
    pub fn security(&self) -> Option<ExecSecurity> {
        self.security.or(self.mode.map(|mode| mode.rules().0))
    }

    /// When a person is asked, by `ask` or `mode`.
    pub fn ask(&self) -> Option<ExecAsk> {
        self.ask.or(self.mode.map(|mode| mode.rules().1))
    }

    /// These settings, completed by more general ones.
    #[must_use]
    pub fn over(&self, general: &Self) -> Self {
        let (security, ask) = (self.security(), self.ask());
        Self {
            host: if self.host == ExecHost::Auto { general.host } else { self.host },
            mode: None,
            security: security.or(general.security()),
            ask: ask.or(general.ask()),
            timeout_seconds: self.timeout_seconds.or(self.timeout_sec).or(Some(general.timeout())),
            timeout_sec: None,
        }
    }

    /// Seconds a command may take.
    pub fn timeout(&self) -> u32 {
        self.timeout_seconds.or(self.timeout_sec).unwrap_or(1_800)
    }
}

/// `security` and `ask` in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecMode {
    /// No commands.
    Deny,
    /// Those that were allowed before, without asking about others.
    Allowlist,
    /// Those that were allowed before; a person is asked about others.
    Ask,
    /// The same: no model decides in a person's place here.
    Auto,
    /// All, without asking.
    Full,
}

impl ExecMode {
    fn rules(self) -> (ExecSecurity, ExecAsk) {
        match self {
            Self::Deny => (ExecSecurity::Deny, ExecAsk::Always),
            Self::Allowlist => (ExecSecurity::Allowlist, ExecAsk::Off),
            Self::Ask | Self::Auto => (ExecSecurity::Allowlist, ExecAsk::OnMiss),
            Self::Full => (ExecSecurity::Full, ExecAsk::Off),
        }
    }
}

/// Where commands run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecHost {
    /// Wherever they can: on this computer.
    #[default]
    Auto,
    /// On this computer.
    Gateway,
    /// In a sandbox; there is none here.
    Sandbox,
    /// On a paired node.
    Node,
}

/// Which commands may run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ExecSecurity {
    /// None.
    Deny,
    /// Those that were allowed before.
    Allowlist,
    /// All.
    Full,
}

/// When a person is asked before a command runs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ExecAsk {
    /// Never.
    Off,
    /// When the command was not allowed before.
    OnMiss,
    /// Every time.
    Always,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> ToolRules {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn members_are_checked_by_name_and_value() {
        let check = |tools: &str| {
            let text =
                format!("{{tools: {tools}, agents: {{list: [{{id: 'a', tools: {tools}}}]}}}}");
            crate::Document::check(text, std::path::Path::new("c.json"), &crate::Env::default())
        };
        let loaded =
            check("{deny: ['exec'], exec: {host: 'gateway', node: 'n'}, web: {}}").unwrap();
        assert_eq!(loaded.config.tools.exec.host, ExecHost::Gateway);
        assert!(!loaded.config.agents.all()[0].tools.rules.offer("exec"));
        assert_eq!(loaded.warnings.len(), 0, "{:?}", loaded.warnings);
        assert_eq!(check("{denny: ['exec']}").unwrap().warnings.len(), 2);
        assert!(check("{profile: 'everything'}").is_err());
        assert!(check("{exec: {security: 'allow-list'}}").is_err());
    }

    #[test]
    fn everything_is_offered_unless_something_says_otherwise() {
        let offered = |json: &str| -> Vec<&str> {
            let rules = rules(json);
            ["read", "exec", "session_status"]
                .into_iter()
                .filter(|name| rules.offer(name))
                .collect()
        };
        assert_eq!(offered("{}"), ["read", "exec", "session_status"]);
        assert_eq!(offered(r#"{"deny": ["exec"]}"#), ["read", "session_status"]);
        assert_eq!(offered(r#"{"deny": ["group:runtime"]}"#), ["read", "session_status"]);
        assert_eq!(offered(r#"{"deny": ["*"]}"#), [""; 0]);
        assert_eq!(offered(r#"{"allow": ["group:fs"]}"#), ["read"]);
        assert_eq!(offered(r#"{"profile": "minimal"}"#), ["session_status"]);
        assert_eq!(
            offered(r#"{"profile": "messaging", "alsoAllow": ["exec"]}"#),
            ["exec", "session_status"]
        );
    }
}
