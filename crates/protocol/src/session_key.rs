use std::fmt;

use serde::Serialize;

/// Longest session key, in bytes (generation 4).
const MAX_KEY: usize = 512;

/// How this gateway reads short keys.
#[derive(Debug, Clone)]
pub struct KeyRules {
    /// Agent that unprefixed keys belong to.
    pub default_agent: String,
    /// Last part of the main conversation's key.
    pub main_key: String,
    /// Whether every main alias means the single `global` conversation.
    pub global_scope: bool,
}

impl Default for KeyRules {
    fn default() -> Self {
        Self { default_agent: "main".into(), main_key: "main".into(), global_scope: false }
    }
}

/// The canonical name of a conversation, for example `agent:main:main` (protocol §12).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SessionKey(String);

/// Why a session key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid session key: {0}")]
pub struct KeyError(&'static str);

impl SessionKey {
    /// Resolves aliases and refuses what could never be a key.
    pub fn resolve(raw: &str, rules: &KeyRules) -> Result<Self, KeyError> {
        let raw = raw.trim();
        check_grammar(raw)?;
        if rules.global_scope && (raw == "main" || raw == rules.main_key || raw == "global") {
            return Ok(Self("global".into()));
        }
        if raw == "global" || raw == "unknown" {
            return Ok(Self(raw.into()));
        }
        let mut parts = raw.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("agent"), Some(agent), Some(rest)) if !rest.is_empty() => {
                let agent = agent.to_ascii_lowercase();
                check_agent(&agent)?;
                Self::of_agent(&agent, rest, rules)
            }
            _ => Self::of_agent(&rules.default_agent, raw, rules),
        }
    }

    /// The whole key has to fit, or nobody could send it back.
    fn of_agent(agent: &str, rest: &str, rules: &KeyRules) -> Result<Self, KeyError> {
        let rest = if rest == "main" { &rules.main_key } else { rest };
        let key = format!("agent:{agent}:{rest}");
        check_length(&key)?;
        Ok(Self(key))
    }

    /// The main conversation of an agent.
    pub fn main(agent: &str, rules: &KeyRules) -> Self {
        if rules.global_scope {
            return Self("global".into());
        }
        Self(format!("agent:{agent}:{}", rules.main_key))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The agent this conversation belongs to.
    pub fn agent<'a>(&'a self, rules: &'a KeyRules) -> &'a str {
        self.0
            .strip_prefix("agent:")
            .and_then(|rest| rest.split(':').next())
            .unwrap_or(&rules.default_agent)
    }

    /// The `kind` of a session row: `global`, `unknown`, `group` or `direct`.
    pub fn kind(&self) -> &'static str {
        match self.as_str() {
            "global" => "global",
            "unknown" => "unknown",
            key if key.contains(":group:") || key.contains(":channel:") => "group",
            _ => "direct",
        }
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_grammar(key: &str) -> Result<(), KeyError> {
    if key.is_empty() {
        return Err(KeyError("it is empty"));
    }
    check_length(key)?;
    if key.chars().any(|c| c.is_control() || c == '\\') {
        return Err(KeyError("it contains a control character or backslash"));
    }
    if key.starts_with('/') || key.split(['/', ':']).any(|part| part == ".." || part == ".") {
        return Err(KeyError("it looks like a path"));
    }
    Ok(())
}

fn check_length(key: &str) -> Result<(), KeyError> {
    if key.len() > MAX_KEY { Err(KeyError("it is longer than 512 bytes")) } else { Ok(()) }
}

fn check_agent(agent: &str) -> Result<(), KeyError> {
    let mut chars = agent.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let rest = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if first && rest && agent.len() <= 64 {
        Ok(())
    } else {
        Err(KeyError("the agent id may hold only a-z, 0-9, _ and -, at most 64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(raw: &str) -> Result<String, KeyError> {
        SessionKey::resolve(raw, &KeyRules::default()).map(|key| key.0)
    }

    #[test]
    fn aliases_resolve_to_the_main_conversation() {
        for alias in ["main", "agent:main:main", "agent:MAIN:main", " main "] {
            assert_eq!(key(alias).unwrap(), "agent:main:main");
        }
        let rules = KeyRules { main_key: "home".into(), ..KeyRules::default() };
        assert_eq!(SessionKey::resolve("agent:a:main", &rules).unwrap().0, "agent:a:home");
    }

    #[test]
    fn short_keys_belong_to_the_default_agent() {
        assert_eq!(key("cron:42").unwrap(), "agent:main:cron:42");
        assert_eq!(key("agent:x").unwrap(), "agent:main:agent:x");
        assert_eq!(key("global").unwrap(), "global");
    }

    #[test]
    fn paths_and_controls_are_refused_fs_01() {
        for hostile in [
            "../../x",
            "/etc/passwd",
            "C:\\x",
            "a\0b",
            "",
            "agent:../x:y",
            "agent:main:../..",
            "a/../b",
        ] {
            assert!(key(hostile).is_err(), "{hostile:?}");
        }
        assert!(key(&"x".repeat(600)).is_err());
        // Found by fuzzing: its canonical form would be too long to be sent back.
        assert!(key(&"x".repeat(505)).is_err());
        assert!(key(&"x".repeat(501)).is_ok_and(|key| key.len() == 512));
        assert!(key("agent:main:whatsapp:dm:+33612345678").is_ok());
    }
}
