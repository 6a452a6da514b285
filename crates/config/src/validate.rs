use serde_json::{Map, Value};

use crate::keys::{known_in, nearest};

/// Unknown keys beyond this many are not looked at: nobody reads further, and finding the nearest
/// name takes time.
const MAX_UNKNOWN: usize = 100;

/// What a value has wrong, by path.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<(Vec<String>, String)>,
    /// About names, so their place is the key's and not the value's.
    pub(crate) unknown: Vec<(Vec<String>, String)>,
}

/// Checks `value` against the JSON Schema of [`crate::Config`] and collects every problem.
///
/// It understands what that schema uses: `type`, `const`, `enum`, `oneOf` of constants, `anyOf`,
/// `minimum`, `maximum`, `minLength`, `items`, `properties`, `required`, `additionalProperties` and
/// the format `ipv4`. A test holds the schema to these.
pub(crate) fn validate(schema: &Value, value: &Value) -> Findings {
    let mut walk = Walk { at: Vec::new(), found: Findings::default() };
    walk.check(schema, value);
    walk.found
}

struct Walk {
    at: Vec<String>,
    found: Findings,
}

impl Walk {
    fn check(&mut self, schema: &Value, value: &Value) {
        let Some(schema) = alternative(schema, value) else {
            return self.mismatch(schema, value);
        };
        if !accepts(schema, value) {
            return self.mismatch(schema, value);
        }
        match value {
            Value::Array(items) => self.items(schema, items),
            Value::Object(members) => self.members(schema, members),
            _ => {}
        }
    }

    fn items(&mut self, schema: &Value, items: &[Value]) {
        let Some(item_schema) = schema.get("items") else {
            return;
        };
        for (index, item) in items.iter().enumerate() {
            self.step(&index.to_string(), item_schema, item);
        }
    }

    fn members(&mut self, schema: &Value, members: &Map<String, Value>) {
        let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
        for (name, value) in members {
            if let Some(member) = schema.get("properties").and_then(|known| known.get(name)) {
                self.step(name, member, value);
            } else if let Some(rest) = rest {
                self.step(name, rest, value);
            } else {
                self.unlisted(schema, name, value);
            }
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = name.as_str().filter(|name| !members.contains_key(*name)) {
                let expected = schema.pointer(&format!("/properties/{name}")).map(describe);
                let expected = expected.unwrap_or_else(|| "a value".into());
                self.error(format!("expected the key \"{name}\" with {expected}"));
            }
        }
    }

    fn step(&mut self, name: &str, schema: &Value, value: &Value) {
        self.at.push(name.to_owned());
        self.check(schema, value);
        self.at.pop();
    }

    /// A name the schema does not have: known and accepted, or a slip of the pen.
    fn unlisted(&mut self, schema: &Value, name: &str, value: &Value) {
        let listed = known_in(&self.at);
        let typed = schema.get("properties").and_then(Value::as_object);
        if listed.is_none() && typed.is_none() {
            return;
        }
        let listed = listed.unwrap_or_default();
        self.at.push(name.to_owned());
        if listed.contains(&name) || listed.contains(&"*") {
            self.check_names_below(value);
        } else if self.found.unknown.len() < MAX_UNKNOWN {
            let names = listed
                .iter()
                .copied()
                .chain(typed.into_iter().flatten().map(|(name, _)| name.as_str()));
            let hint = match nearest(name, names) {
                Some(close) => format!("; did you mean \"{close}\"?"),
                None => String::new(),
            };
            self.found
                .unknown
                .push((self.at.clone(), format!("unknown key \"{name}\" is ignored{hint}")));
        }
        self.at.pop();
    }

    /// In blocks that nothing reads yet only the names are checked.
    fn check_names_below(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    self.unlisted(&Value::Null, name, value);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.at.push(index.to_string());
                    self.check_names_below(item);
                    self.at.pop();
                }
            }
            _ => {}
        }
    }

    fn mismatch(&mut self, schema: &Value, value: &Value) {
        self.error(format!("expected {}, found {}", describe(schema), found(value)));
    }

    fn error(&mut self, message: String) {
        self.found.errors.push((self.at.clone(), message));
    }
}

/// The part of an `anyOf` that fits the value, or the schema itself when it has none.
fn alternative<'a>(schema: &'a Value, value: &Value) -> Option<&'a Value> {
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(choices) => choices.iter().find(|choice| has_type(choice, value)),
        None => Some(schema),
    }
}

fn has_type(schema: &Value, value: &Value) -> bool {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    }
}

fn accepts(schema: &Value, value: &Value) -> bool {
    if !has_type(schema, value) {
        return false;
    }
    let choices = choices(schema);
    if !choices.is_empty() {
        return choices.contains(&value);
    }
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            number >= limit(schema, "minimum").unwrap_or(f64::MIN)
                && number <= limit(schema, "maximum").unwrap_or(f64::MAX)
        }
        Value::String(text) => {
            let shortest = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
            let is_address = schema.get("format").and_then(Value::as_str) == Some("ipv4");
            text.chars().count() as u64 >= shortest
                && (!is_address || text.parse::<std::net::Ipv4Addr>().is_ok())
        }
        _ => true,
    }
}

/// The constants a schema allows, if it is a list of them.
fn choices(schema: &Value) -> Vec<&Value> {
    let listed = |key| schema.get(key).and_then(Value::as_array).into_iter().flatten();
    let own = schema.get("const").into_iter();
    own.chain(listed("enum")).chain(listed("oneOf").flat_map(choices)).collect()
}

/// The bound a schema sets; an unsigned 32-bit number has one that the schema leaves out.
fn limit(schema: &Value, key: &str) -> Option<f64> {
    let implied = match (key, schema.get("format").and_then(Value::as_str)) {
        ("maximum", Some("uint32")) => Some(f64::from(u32::MAX)),
        _ => None,
    };
    schema.get(key).and_then(Value::as_f64).or(implied)
}

/// What a schema expects, in words.
fn describe(schema: &Value) -> String {
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        return alternatives.iter().map(describe).collect::<Vec<_>>().join(" or ");
    }
    let choices = choices(schema);
    if !choices.is_empty() {
        let names: Vec<_> = choices.iter().map(ToString::to_string).collect();
        return if names.len() == 1 {
            names.concat()
        } else {
            format!("one of {}", names.join(", "))
        };
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") if schema.get("format").is_some() => "an IPv4 address".into(),
        Some("string") if schema.get("minLength").is_some() => "a text that is not empty".into(),
        Some("string") => "a text".into(),
        Some("boolean") => "true or false".into(),
        Some("array") => "a list".into(),
        Some("object") => "an object".into(),
        Some("integer") => format!("a whole number{}", range(schema)),
        Some("number") => format!("a number{}", range(schema)),
        _ => "a value".into(),
    }
}

fn range(schema: &Value) -> String {
    match (limit(schema, "minimum"), limit(schema, "maximum")) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" of at least {min}"),
        (None, Some(max)) => format!(" of at most {max}"),
        (None, None) => String::new(),
    }
}

/// What a value is, in words. Texts are not quoted, because any of them may be a secret.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "null; remove the key to use the default".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => "an empty text".into(),
        Value::String(_) => "another text".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}
