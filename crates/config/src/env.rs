use std::collections::BTreeMap;
use std::fmt;

/// A snapshot of the environment, taken once by a binary and passed down.
///
/// Nothing else in the workspace reads the process environment. `Debug` lists names only, because
/// values are often secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// Takes the variables of this process; names and values that are not Unicode are left out.
    pub fn from_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of `name`, exactly as set; a blank value counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// The product's own variable: `CLAWDBOT_<name>`, else its alias `OPENCLAW_<name>`.
    pub fn product(&self, name: &str) -> Option<&str> {
        self.get(&format!("CLAWDBOT_{name}")).or_else(|| self.get(&format!("OPENCLAW_{name}")))
    }

    /// Every variable with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// This environment plus `name`, unless `name` already has a value: an existing variable
    /// always wins over the configuration file.
    pub(crate) fn add_if_unset(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(vars: I) -> Self {
        Self(vars.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Env").field(&self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_name_wins_over_alias_and_blank_is_unset() {
        let env: Env = [
            ("CLAWDBOT_A", " "),
            ("OPENCLAW_A", "alias"),
            ("CLAWDBOT_B", "own"),
            ("OPENCLAW_B", "x"),
        ]
        .into_iter()
        .collect();
        assert_eq!(env.product("A"), Some("alias"));
        assert_eq!(env.product("B"), Some("own"));
        assert_eq!(env.product("C"), None);
    }

    #[test]
    fn debug_shows_names_only() {
        let env: Env = [("API_KEY", "sk-very-secret")].into_iter().collect();
        assert_eq!(format!("{env:?}"), r#"Env(["API_KEY"])"#);
    }
}
