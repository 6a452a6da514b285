use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::Config;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    forbid_null(&mut schema);
    schema
});

/// The JSON Schema of what the product honours.
///
/// Keys that are accepted but not read are not part of it, and no key may be `null`.
pub fn json_schema() -> &'static Value {
    &SCHEMA
}

/// An optional setting is left out; the generator would also let it be `null`.
fn forbid_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    members.shift_remove("anyOf");
                    for (name, value) in only {
                        members.entry(name).or_insert(value);
                    }
                }
            }
            members.values_mut().for_each(forbid_null);
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The validator ignores what it does not know, so the schema must not use anything else.
    #[test]
    fn schema_uses_only_what_the_validator_understands() {
        const UNDERSTOOD: [&str; 17] = [
            "$schema",
            "title",
            "description",
            "type",
            "const",
            "enum",
            "oneOf",
            "anyOf",
            "minimum",
            "maximum",
            "minLength",
            "items",
            "properties",
            "required",
            "additionalProperties",
            "format",
            "default",
        ];
        let mut used = BTreeSet::new();
        keywords(json_schema(), &mut used);
        used.retain(|keyword| !UNDERSTOOD.contains(&keyword.as_str()));
        assert_eq!(used, BTreeSet::new());
    }

    #[test]
    fn schema_knows_no_null() {
        assert!(!json_schema().to_string().contains("\"null\""));
    }

    fn keywords(schema: &Value, used: &mut BTreeSet<String>) {
        let Value::Object(members) = schema else {
            return;
        };
        for (keyword, value) in members {
            used.insert(keyword.clone());
            match (keyword.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    properties.values().for_each(|schema| keywords(schema, used));
                }
                ("oneOf" | "anyOf", Value::Array(choices)) => {
                    choices.iter().for_each(|schema| keywords(schema, used));
                }
                ("items" | "additionalProperties", schema) => keywords(schema, used),
                _ => {}
            }
        }
    }
}
