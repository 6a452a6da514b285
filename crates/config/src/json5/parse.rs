use std::collections::HashMap;

use jsonc_parser::ast::{self, ObjectProp, ObjectPropName};
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::tokens::Token;
use jsonc_parser::{CollectOptions, Scanner, ScannerOptions, parse_to_ast};
use serde_json::{Map, Number, Value};

use super::{options, without_bom};
use crate::{Finding, Issue};

/// How deeply a document may nest.
pub(crate) const MAX_DEPTH: usize = 128;
/// How large a document may be.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// Names with a meaning of their own in JavaScript clients; no setting is called that.
const FORBIDDEN_KEYS: [&str; 3] = ["__proto__", "constructor", "prototype"];

/// A parsed text: its value, and where each part of it stands.
pub(crate) struct Parsed {
    /// The value; `None` when the text holds only white space and comments.
    pub(crate) value: Option<Value>,
    spans: HashMap<Vec<String>, Span>,
    lines: Lines,
}

#[derive(Clone, Copy)]
struct Span {
    key: usize,
    value: usize,
}

impl Parsed {
    /// Line and column of the value at `path`, or of the nearest part above it that the text
    /// itself holds.
    pub(crate) fn place_of_value(&self, path: &[String]) -> Option<(usize, usize)> {
        (0..=path.len())
            .rev()
            .find_map(|len| self.spans.get(&path[..len]))
            .map(|span| self.lines.place(span.value))
    }

    /// Like [`Parsed::place_of_value`], but of the name at `path`.
    pub(crate) fn place_of_key(&self, path: &[String]) -> Option<(usize, usize)> {
        match self.spans.get(path) {
            Some(span) => Some(self.lines.place(span.key)),
            None => self.place_of_value(path),
        }
    }
}

/// Parses a JSON5 text, or says everything that is wrong with it.
///
/// Duplicate keys, forbidden keys, numbers beyond JSON's range and too much depth or length are
/// refused. Depth is checked on the token stream before any recursive code sees the text.
pub(crate) fn parse(text: &str) -> Result<Parsed, Vec<Issue>> {
    let text = without_bom(text);
    if text.len() > MAX_BYTES {
        return Err(vec![Issue::of_document(Finding::TooLarge {
            most: MAX_BYTES / (1024 * 1024),
            found: text.len(),
        })]);
    }
    let lines = Lines::of(text);
    check_depth(text, &lines)?;
    let tree = parse_to_ast(text, &CollectOptions::default(), &options())
        .map_err(|error| vec![syntax_issue(&error)])?;

    let mut reader = Reader { path: Vec::new(), spans: HashMap::new(), issues: Vec::new(), lines };
    let value = tree.value.map(|root| {
        let start = root.start();
        reader.value(root, Span { key: start, value: start })
    });
    if reader.issues.is_empty() {
        Ok(Parsed { value, spans: reader.spans, lines: reader.lines })
    } else {
        Err(reader.issues)
    }
}

fn check_depth(text: &str, lines: &Lines) -> Result<(), Vec<Issue>> {
    let mut scanner = Scanner::new(text, &ScannerOptions::default());
    let mut depth = 0usize;
    // A scan error ends the loop: the parser meets the same error and reports it.
    while let Ok(Some(token)) = scanner.scan() {
        match token {
            Token::OpenBrace | Token::OpenBracket => depth += 1,
            Token::CloseBrace | Token::CloseBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            let (line, column) = lines.place(scanner.token_start());
            return Err(vec![Issue {
                line: Some(line),
                column: Some(column),
                ..Issue::of_document(Finding::TooDeep(MAX_DEPTH))
            }]);
        }
    }
    Ok(())
}

fn syntax_issue(error: &ParseError) -> Issue {
    use ParseErrorKind as Kind;

    let finding = match error.kind() {
        Kind::UnterminatedObject => Finding::NotClosed("}"),
        Kind::UnterminatedArray => Finding::NotClosed("]"),
        Kind::UnterminatedCommentBlock => Finding::NotClosed("*/"),
        Kind::MultipleRootJsonValues => Finding::SecondValue,
        Kind::ExpectedComma => Finding::NoComma,
        Kind::ExpectedColonAfterObjectKey => Finding::NoColon,
        Kind::ExpectedObjectValue => Finding::NoValue,
        Kind::UnexpectedWord | Kind::UnexpectedToken => Finding::NoQuotes,
        // The library's text quotes the offending escape, which may be part of a secret.
        Kind::String(_) => Finding::BrokenText,
        other => Finding::NotJson5(other.to_string().to_lowercase()),
    };
    Issue {
        line: Some(error.line_display()),
        column: Some(error.column_display()),
        ..Issue::of_document(finding)
    }
}

struct Reader {
    path: Vec<String>,
    spans: HashMap<Vec<String>, Span>,
    issues: Vec<Issue>,
    lines: Lines,
}

impl Reader {
    fn value(&mut self, node: ast::Value<'_>, span: Span) -> Value {
        self.spans.insert(self.path.clone(), span);
        match node {
            ast::Value::StringLit(text) => Value::String(text.value.into_owned()),
            ast::Value::BooleanLit(flag) => Value::Bool(flag.value),
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::NumberLit(number) => self.number(&number),
            ast::Value::Array(array) => self.array(array),
            ast::Value::Object(object) => self.object(object),
        }
    }

    fn array(&mut self, array: ast::Array<'_>) -> Value {
        let mut items = Vec::with_capacity(array.elements.len());
        for (index, element) in array.elements.into_iter().enumerate() {
            let start = element.start();
            self.path.push(index.to_string());
            items.push(self.value(element, Span { key: start, value: start }));
            self.path.pop();
        }
        Value::Array(items)
    }

    fn object(&mut self, object: ast::Object<'_>) -> Value {
        let mut members = Map::new();
        for ObjectProp { range, name, value } in object.properties {
            let name = match name {
                ObjectPropName::String(text) => text.value.into_owned(),
                ObjectPropName::Word(word) => word.value.to_owned(),
            };
            self.path.push(name.clone());
            if FORBIDDEN_KEYS.contains(&name.as_str()) {
                self.report(range.start, Finding::ReservedName);
            } else if members.contains_key(&name) {
                self.report(range.start, Finding::KeyTwice);
            }
            let span = Span { key: range.start, value: value.start() };
            let value = self.value(value, span);
            self.path.pop();
            members.insert(name, value);
        }
        Value::Object(members)
    }

    fn number(&mut self, number: &ast::NumberLit<'_>) -> Value {
        match parse_number(number.value) {
            Some(number) => Value::Number(number),
            None => {
                self.report(number.range.start, Finding::NumberTooLarge);
                Value::Null
            }
        }
    }

    fn report(&mut self, offset: usize, finding: Finding) {
        let (line, column) = self.lines.place(offset);
        self.issues.push(Issue {
            line: Some(line),
            column: Some(column),
            ..Issue::at(&self.path, finding)
        });
    }
}

/// JSON5 adds a plus sign, hexadecimal and bare decimal points to JSON's numbers.
fn parse_number(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let whole = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => Some(i128::from(u64::from_str_radix(hex, 16).ok()?)),
        None => digits.parse::<i128>().ok(),
    };
    if let Some(magnitude) = whole {
        let exact = if negative { -magnitude } else { magnitude };
        if let Some(number) = Number::from_i128(exact).filter(|_| !(negative && magnitude == 0)) {
            return Some(number);
        }
    }
    let float: f64 = digits.parse().ok()?;
    Number::from_f64(if negative { -float } else { float })
}

/// Where each line starts, to turn a byte offset into line and column.
struct Lines {
    text: String,
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text: text.to_owned(), starts }
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        (line, self.text[start..offset].chars().count() + 1)
    }
}
