//! As much YAML as front matter needs, as JSON. Anchors and aliases are refused: nobody writes them
//! there, and a few of them can describe gigabytes.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Levels of lists and mappings in one another.
const MAX_DEPTH: usize = 32;

/// Why a text is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum YamlError {
    /// It is no YAML.
    #[error("{0}")]
    Syntax(#[from] saphyr_parser::ScanError),
    /// It refers to itself.
    #[error("anchors and aliases are not supported")]
    Alias,
    /// It is nested too deep.
    #[error("more than {MAX_DEPTH} levels in one another")]
    TooDeep,
    /// Something other than a text is the name of a member.
    #[error("the name of a member is not a text")]
    BadKey,
}

/// A list or mapping that is being read.
enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

/// The first document of `text`; null when there is none.
pub(super) fn parse(text: &str) -> Result<Value, YamlError> {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let done = match event?.0 {
            Event::Alias(_)
            | Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(1.., _)
            | Event::MappingStart(1.., _) => return Err(YamlError::Alias),
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::SequenceStart(..) => {
                begin(&mut open, Open::List(Vec::new()))?;
                continue;
            }
            Event::MappingStart(..) => {
                begin(&mut open, Open::Map(Map::new(), None))?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Value::Array(items),
                Some(Open::Map(members, _)) => Value::Object(members),
                None => continue,
            },
            Event::DocumentEnd => return Ok(Value::Null),
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(done),
            Some(Open::List(items)) => items.push(done),
            Some(Open::Map(members, name)) => match (name.take(), done) {
                (Some(name), value) => drop(members.insert(name, value)),
                (None, Value::String(key)) => *name = Some(key),
                (None, Value::Null | Value::Array(_) | Value::Object(_)) => {
                    return Err(YamlError::BadKey);
                }
                (None, other) => *name = Some(other.to_string()),
            },
        }
    }
    Ok(Value::Null)
}

fn begin(open: &mut Vec<Open>, new: Open) -> Result<(), YamlError> {
    open.push(new);
    if open.len() > MAX_DEPTH { Err(YamlError::TooDeep) } else { Ok(()) }
}

/// Plain words may mean something; quoted ones are texts.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::from(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => text.parse().map(Value::Number).unwrap_or_else(|_| Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn block_flow_and_scalars() {
        let text = "a: 1\nb: [x, \"2\", true]\nc:\n  - d: |\n      two\n      lines\n  - ~\n'e': {f: 'g',}\n";
        let value = json!({"a": 1, "b": ["x", "2", true], "c": [{"d": "two\nlines\n"}, null],
            "e": {"f": "g"}});
        assert_eq!(parse(text).unwrap(), value);
        assert_eq!(parse("").unwrap(), Value::Null);
        assert_eq!(parse("version: 1.2.3\n").unwrap(), json!({"version": "1.2.3"}));
    }

    #[test]
    fn what_could_grow_or_nest_without_end_is_refused() {
        assert!(matches!(parse("a: &x 1\nb: *x\n"), Err(YamlError::Alias)));
        assert!(matches!(parse("a: &x [1]\n"), Err(YamlError::Alias)));
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(matches!(parse("[a]: 1\n"), Err(YamlError::BadKey)));
        assert!(matches!(parse("a: [\n"), Err(YamlError::Syntax(_))));
    }
}
