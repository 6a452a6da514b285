use serde_json::{Map, Value};

use crate::keys::{known_in, nearest};
use crate::{Expected, Finding, Found, Range};

/// Unknown keys beyond this many are not looked at: nobody reads further, and finding the nearest
/// name takes time.
const MAX_UNKNOWN: usize = 100;

/// What a value has wrong, by path.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<(Vec<String>, Finding)>,
    /// About names, so their place is the key's and not the value's.
    pub(crate) unknown: Vec<(Vec<String>, Finding)>,
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
                let expected = expected.unwrap_or(Expected::Anything);
                self.error(Finding::NoKey { name: name.to_owned(), expected });
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
            let meant = nearest(name, names).map(str::to_owned);
            let finding = Finding::UnknownKey { name: name.to_owned(), meant };
            self.found.unknown.push((self.at.clone(), finding));
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
        self.error(Finding::Mismatch { expected: describe(schema), found: found(value) });
    }

    fn error(&mut self, finding: Finding) {
        self.found.errors.push((self.at.clone(), finding));
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

/// What a schema expects.
fn describe(schema: &Value) -> Expected {
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        return Expected::Either(alternatives.iter().map(describe).collect());
    }
    let choices = choices(schema);
    if !choices.is_empty() {
        return Expected::OneOf(choices.iter().map(ToString::to_string).collect());
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") if schema.get("format").is_some() => Expected::Address,
        Some("string") if schema.get("minLength").is_some() => Expected::FilledText,
        Some("string") => Expected::Text,
        Some("boolean") => Expected::Flag,
        Some("array") => Expected::List,
        Some("object") => Expected::Object,
        Some("integer") => Expected::Whole(range(schema)),
        Some("number") => Expected::Number(range(schema)),
        _ => Expected::Anything,
    }
}

fn range(schema: &Value) -> Range {
    let bound = |key| limit(schema, key).map(|bound| bound.to_string());
    Range { least: bound("minimum"), most: bound("maximum") }
}

/// What a value is.
fn found(value: &Value) -> Found {
    match value {
        Value::Null => Found::Null,
        Value::Bool(flag) => Found::Flag(*flag),
        Value::Number(number) => Found::Number(number.to_string()),
        Value::String(text) if text.is_empty() => Found::EmptyText,
        Value::String(_) => Found::OtherText,
        Value::Array(_) => Found::List,
        Value::Object(_) => Found::Object,
    }
}
