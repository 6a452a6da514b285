use serde_json::{Map, Value};

use crate::slots::takes_reference;
use crate::{Env, Finding};

/// Puts the values of environment variables where the document names them.
///
/// `${VAR}` works in every text and `$${VAR}` is its literal form; in a secret's place `$VAR` and
/// `{source: "env", id: "VAR"}` work too. Values are not looked at again, so a secret that looks
/// like a reference stays as it is.
pub(crate) struct Variables<'a> {
    env: &'a Env,
    at: Vec<String>,
    pub(crate) issues: Vec<(Vec<String>, Finding)>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(env: &'a Env) -> Self {
        Self { env, at: Vec::new(), issues: Vec::new() }
    }

    pub(crate) fn resolve(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| self.step(index.to_string(), item))
                .collect(),
            Value::Object(members) if takes_reference(&self.at) => self.reference(members),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| (name.clone(), self.step(name, value)))
                .collect(),
            other => other,
        }
    }

    fn step(&mut self, name: String, value: Value) -> Value {
        self.at.push(name);
        let value = self.resolve(value);
        self.at.pop();
        value
    }

    fn text(&mut self, text: String) -> String {
        if let Some(name) = text.strip_prefix('$').filter(|name| is_variable(name))
            && takes_reference(&self.at)
        {
            return self.lookup(name);
        }
        substitute(&text, |name| self.lookup(name))
    }

    fn reference(&mut self, members: Map<String, Value>) -> Value {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        match (text("source"), text("id")) {
            (Some("env"), Some(id)) => Value::String(self.lookup(id)),
            (Some("file" | "exec" | "store"), _) => {
                self.report(Finding::SecretSource);
                Value::String(String::new())
            }
            // Not a reference: validation says what was expected.
            _ => Value::Object(members),
        }
    }

    fn lookup(&mut self, name: &str) -> String {
        if let Some(value) = self.env.get(name) {
            return value.to_owned();
        }
        let path = self.at.join(".");
        self.report(Finding::NoVariable { name: name.to_owned(), path });
        String::new()
    }

    fn report(&mut self, finding: Finding) {
        self.issues.push((self.at.clone(), finding));
    }
}

/// The environment with the document's own `env` block added where a variable is not set.
pub(crate) fn with_document_env(env: &Env, document: &Value) -> Env {
    let mut extended = env.clone();
    let Some(block) = document.get("env").and_then(Value::as_object) else {
        return extended;
    };
    let vars = block.get("vars").and_then(Value::as_object).into_iter().flatten();
    let direct = block.iter().filter(|(name, _)| !matches!(name.as_str(), "vars" | "shellEnv"));
    for (name, value) in vars.chain(direct) {
        if let Value::String(value) = value {
            let value = substitute(value, |name| env.get(name).unwrap_or_default().to_owned());
            extended.add_if_unset(name, &value);
        }
    }
    extended
}

/// Replaces each `${NAME}`; what does not have that exact shape stays as it is.
fn substitute(text: &str, mut lookup: impl FnMut(&str) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, reference) = rest.split_at(start);
        let Some(name) = reference[2..]
            .split('}')
            .next()
            .filter(|name| is_variable(name) && reference.len() > name.len() + 2)
        else {
            result.push_str(before);
            result.push_str("${");
            rest = &reference[2..];
            continue;
        };
        match before.strip_suffix('$') {
            Some(before) => {
                result.push_str(before);
                result.push_str(&reference[..name.len() + 3]);
            }
            None => {
                result.push_str(before);
                result.push_str(&lookup(name));
            }
        }
        rest = &reference[name.len() + 3..];
    }
    result.push_str(rest);
    result
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        substitute(text, |name| format!("<{name}>"))
    }

    #[test]
    fn only_upper_case_names_in_braces_are_variables() {
        assert_eq!(filled("a ${B_1} c ${_X}"), "a <B_1> c <_X>");
        for literal in ["$A", "${a}", "${1A}", "${}", "${A", "${ A }", "${A-B}", "}$", "${${"] {
            assert_eq!(filled(literal), literal);
        }
    }

    #[test]
    fn two_dollars_make_a_literal() {
        assert_eq!(filled("$${A} ${B}"), "${A} <B>");
        assert_eq!(filled("${${A}"), "${<A>");
    }
}
