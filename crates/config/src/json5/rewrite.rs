use jsonc_parser::cst::{
    CstArray, CstComment, CstContainerNode, CstInputValue, CstLeafNode, CstNode, CstObject,
    CstRootNode,
};
use serde_json::{Map, Value};

use super::{options, parse, without_bom};
use crate::EditError;

/// Changes `raw` so that it holds `target`, touching only what differs: comments, order, quotes
/// and indentation of everything else stay.
pub(crate) fn rewrite(raw: &str, target: &Map<String, Value>) -> Result<String, EditError> {
    let raw = without_bom(raw);
    let current = match parse(raw)?.value {
        None => Map::new(),
        Some(Value::Object(members)) => members,
        Some(_) => {
            return Err(EditError::NotAnObject { path: String::new() });
        }
    };
    if current == *target && !raw.trim().is_empty() {
        return Ok(raw.to_owned());
    }
    let tree = tree(raw)?;
    update_object(&tree.object_value_or_set(), &current, target);
    let text = tree.to_string();

    // The document is worth more than the time of a second parse.
    match parse(&text)?.value {
        Some(Value::Object(written)) if written == *target => Ok(text),
        _ => Err(EditError::NotFaithful),
    }
}

/// Replaces each comment for which `change` gives a new text (with its comment marks).
pub(crate) fn map_comments(
    raw: &str,
    mut change: impl FnMut(&str) -> Option<String>,
) -> Result<String, EditError> {
    let tree = tree(without_bom(raw))?;
    visit_comments(tree.children(), &mut |comment| {
        if let Some(text) = change(&comment.raw_value()) {
            comment.set_raw_value(text);
        }
    });
    Ok(tree.to_string())
}

fn tree(raw: &str) -> Result<CstRootNode, EditError> {
    // Parsing checks the depth first, so the recursive tree never sees a hostile text.
    parse(raw)?;
    CstRootNode::parse(raw, &options()).map_err(|_| EditError::NotFaithful)
}

fn visit_comments(nodes: Vec<CstNode>, visit: &mut impl FnMut(&CstComment)) {
    for node in nodes {
        match node {
            CstNode::Leaf(CstLeafNode::Comment(comment)) => visit(&comment),
            CstNode::Leaf(_) => {}
            CstNode::Container(container) => visit_comments(container.children(), visit),
        }
    }
}

fn update_object(object: &CstObject, current: &Map<String, Value>, target: &Map<String, Value>) {
    for name in current.keys().filter(|name| !target.contains_key(*name)) {
        if let Some(member) = object.get(name) {
            member.remove();
        }
    }
    for (name, wanted) in target {
        match (object.get(name), current.get(name)) {
            (Some(member), Some(found)) => {
                if !update_inside(member.value(), found, wanted) {
                    member.set_value(input(wanted));
                }
            }
            _ => {
                object.append(name, input(wanted));
            }
        }
    }
}

/// Changes a node from within; false means that it has to be replaced.
fn update_inside(node: Option<CstNode>, found: &Value, wanted: &Value) -> bool {
    if found == wanted {
        return true;
    }
    match (node, found, wanted) {
        (
            Some(CstNode::Container(CstContainerNode::Object(object))),
            Value::Object(found),
            Value::Object(wanted),
        ) => update_object(&object, found, wanted),
        (
            Some(CstNode::Container(CstContainerNode::Array(array))),
            Value::Array(found),
            Value::Array(wanted),
        ) => update_array(&array, found, wanted),
        _ => return false,
    }
    true
}

/// Leaves the equal start and end of the list alone and changes what is between them, so that
/// adding or removing one element does not disturb the comments of the others.
fn update_array(array: &CstArray, found: &[Value], wanted: &[Value]) {
    let start = found.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    let (found, wanted) = (&found[start..], &wanted[start..]);
    let end = found.iter().rev().zip(wanted.iter().rev()).take_while(|(a, b)| a == b).count();
    let (found, wanted) = (&found[..found.len() - end], &wanted[..wanted.len() - end]);
    let shared = found.len().min(wanted.len());

    let elements = array.elements();
    for (index, node) in elements.iter().enumerate().skip(start).take(shared) {
        let (found, wanted) = (&found[index - start], &wanted[index - start]);
        if !update_inside(Some(node.clone()), found, wanted) {
            replace(node.clone(), input(wanted));
        }
    }
    for node in elements.into_iter().skip(start + shared).take(found.len() - shared) {
        node.remove();
    }
    for (index, value) in wanted.iter().enumerate().skip(shared) {
        array.insert(start + index, input(value));
    }
}

fn replace(node: CstNode, value: CstInputValue) {
    match node {
        CstNode::Container(CstContainerNode::Object(node)) => node.replace_with(value),
        CstNode::Container(CstContainerNode::Array(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::StringLit(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::NumberLit(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::BooleanLit(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::NullKeyword(node)) => node.replace_with(value),
        // An array holds nothing else; the check after the rewrite would notice.
        _ => None,
    };
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(members) => CstInputValue::Object(
            members.iter().map(|(name, value)| (name.clone(), input(value))).collect(),
        ),
    }
}
