//! The files made from [`clawdbot_gateway::contract`]: the schema that WebChat's types come from,
//! and the page that people read.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file that is made, never written by hand.
pub struct Generated {
    /// Where it stands in the repository.
    pub path: PathBuf,
    /// What has to be in it.
    pub text: String,
}

/// Every generated file with its present content.
pub fn generated() -> Vec<Generated> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let contract = clawdbot_gateway::contract();
    vec![
        Generated { path: root.join("docs/contract.json"), text: format!("{contract:#}\n") },
        Generated { path: root.join("docs/methods.md"), text: page(&contract) },
    ]
}

fn page(contract: &Value) -> String {
    let mut page = String::from(
        "# Methods and events\n\nMade from the method table by `cargo run -p clawdbot-tests --bin \
         contract`. `?` marks what may be left out.\n\n\
         | Method | Scope | Parameters | Result |\n|---|---|---|---|\n",
    );
    for method in items(&contract["methods"]) {
        let callers = match items(&method["callers"]).last().and_then(Value::as_str) {
            Some("node") if items(&method["callers"]).len() == 1 => " (nodes only)",
            Some("node") => " (nodes too)",
            _ => "",
        };
        let _ = writeln!(
            page,
            "| `{}` | {}{callers} | {} | {} |",
            text(&method["name"]),
            text(&method["scope"]).trim_start_matches("operator."),
            members(contract, &method["params"]),
            members(contract, &method["result"]),
        );
    }
    page.push_str("\n| Event | Receivers | Since generation |\n|---|---|---|\n");
    for event in items(&contract["events"]) {
        let scope = event["scope"].as_str().unwrap_or("everybody");
        let _ = writeln!(page, "| `{}` | {scope} | {} |", text(&event["name"]), event["since"]);
    }
    page
}

/// The members of an object's schema; results without one are whatever the protocol says.
fn members(contract: &Value, schema: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
    let schema = name.map_or(schema, |name| &contract["$defs"][name]);
    let Some(properties) = schema["properties"].as_object() else {
        return "see the protocol".to_owned();
    };
    if properties.is_empty() {
        return "none".to_owned();
    }
    let required = items(&schema["required"]);
    let names: Vec<String> = properties
        .keys()
        .map(|name| {
            let optional = !required.iter().any(|required| required == name);
            format!("`{name}`{}", if optional { "?" } else { "" })
        })
        .collect();
    names.join(", ")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
