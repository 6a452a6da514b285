//! Recorded frames and how ours compare to them.

use std::path::PathBuf;

use serde_json::Value;

/// A recording from `tests/fixtures`.
pub fn fixture(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// What `ours` lacks of `recorded`: members that are missing or of another JSON type. What is in
/// `omitted` is ours to leave out: a member of that name anywhere (`agentRuntime`), or one place
/// (`/agents/*/heartbeat`). Elements of arrays are compared with the first recorded one of the same
/// `role` and `type`.
pub fn lacks(ours: &Value, recorded: &Value, omitted: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    compare(ours, recorded, omitted, "", &mut found);
    found.dedup();
    found
}

fn compare(ours: &Value, recorded: &Value, omitted: &[&str], at: &str, found: &mut Vec<String>) {
    match (ours, recorded) {
        (Value::Object(ours), Value::Object(recorded)) => {
            for (name, theirs) in recorded {
                let path = format!("{at}/{name}");
                if omitted.contains(&path.as_str()) || omitted.contains(&name.as_str()) {
                    continue;
                }
                match ours.get(name) {
                    Some(ours) => compare(ours, theirs, omitted, &path, found),
                    None => found.push(format!("{path} is missing")),
                }
            }
        }
        (Value::Array(ours), Value::Array(recorded)) => {
            for ours in ours {
                let alike = |theirs: &&Value| {
                    ["role", "type"].iter().all(|name| theirs.get(name) == ours.get(name))
                };
                if let Some(theirs) = recorded.iter().find(alike) {
                    compare(ours, theirs, omitted, &format!("{at}/*"), found);
                }
            }
        }
        _ if kind(ours) == kind(recorded) => {}
        _ => found.push(format!("{at} is {}, recorded {}", kind(ours), kind(recorded))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
