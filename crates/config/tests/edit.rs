//! Editing: only what changes may change.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::Path;

use clawdbot_config::{
    Document, Env, edit, merge_patch, parse_object, redact_raw, replace, restore_redacted_raw,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn source(text: &str) -> Value {
    parse_object(text).unwrap()
}

#[test]
fn an_empty_text_becomes_a_document() {
    let text = edit("", &["gateway", "port"], Some(json!(1))).unwrap();
    assert_eq!(text, "{\n  \"gateway\": {\n    \"port\": 1\n  }\n}\n");
}

#[test]
fn setting_and_deleting_leave_the_rest_as_written() {
    let raw = "// top\n{\n  gateway: { // g\n    port: 0x10, // p\n    mode: 'local',\n  },\n  /* ui */ ui: {},\n}\n";
    assert_eq!(
        edit(raw, &["gateway", "mode"], Some(json!("remote"))).unwrap(),
        raw.replace("'local'", "\"remote\"")
    );
    assert_eq!(
        edit(raw, &["gateway", "mode"], None).unwrap(),
        raw.replace("    mode: 'local',\n", "")
    );
    assert_eq!(edit(raw, &["gateway", "absent", "deep"], None).unwrap(), raw);
    assert_eq!(
        edit(raw, &["gateway", "bind"], Some(json!("lan"))).unwrap(),
        raw.replace("'local',\n", "'local',\n    \"bind\": \"lan\",\n")
    );
}

#[test]
fn windows_line_ends_stay() {
    let raw = "{\r\n  // a\r\n  a: 1,\r\n}\r\n";
    let text = edit(raw, &["b"], Some(json!({ "c": 2 }))).unwrap();
    assert_eq!(text, raw.replace("1,\r\n", "1,\r\n  \"b\": {\r\n    \"c\": 2,\r\n  },\r\n"));
}

#[test]
fn replacing_an_object_keeps_comments_of_what_stays() {
    let raw = "{\n  ui: {\n    // colour\n    seamColor: '#fff',\n    old: 1,\n  },\n}\n";
    let text = edit(raw, &["ui"], Some(json!({ "seamColor": "#000", "new": [1] }))).unwrap();
    assert_eq!(
        text,
        "{\n  ui: {\n    // colour\n    seamColor: \"#000\",\n    \"new\": [1],\n  },\n}\n"
    );
}

#[test]
fn one_element_of_a_list_can_be_set_added_and_removed() {
    let raw = "{\n  l: [\n    // a\n    { id: 'a' },\n    // b\n    { id: 'b' },\n  ],\n}\n";
    assert_eq!(
        edit(raw, &["l", "1", "id"], Some(json!("x"))).unwrap(),
        raw.replace("'b'", "\"x\"")
    );
    let added = edit(raw, &["l"], Some(json!([{"id": "a"}, {"id": "new"}, {"id": "b"}]))).unwrap();
    assert!(
        added.contains("// a\n    { id: 'a' }")
            && added.contains("{ id: 'b' }")
            && added.contains("// b"),
        "{added}"
    );
    let removed = edit(raw, &["l", "0"], None).unwrap();
    assert!(removed.contains("// b\n    { id: 'b' }") && !removed.contains("'a'"), "{removed}");
}

#[test]
fn merge_patch_follows_rfc_7396() {
    for (raw, patch, expected) in [
        ("{a: 'b'}", json!({"a": "c"}), json!({"a": "c"})),
        ("{a: 'b'}", json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        ("{a: 'b'}", json!({"a": null}), json!({})),
        ("{a: 'b', b: 'c'}", json!({"a": null}), json!({"b": "c"})),
        ("{a: ['b']}", json!({"a": "c"}), json!({"a": "c"})),
        ("{a: 'c'}", json!({"a": ["b"]}), json!({"a": ["b"]})),
        ("{a: {b: 'c'}}", json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        ("{a: [{b: 'c'}]}", json!({"a": [1]}), json!({"a": [1]})),
        ("{e: null}", json!({"a": 1}), json!({"e": null, "a": 1})),
        ("{}", json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ] {
        assert_eq!(source(&merge_patch(raw, &patch).unwrap()), expected, "{raw} + {patch}");
    }
}

#[test]
fn what_cannot_be_edited_is_refused_with_a_code() {
    let code = |result: Result<String, clawdbot_config::EditError>| result.unwrap_err().code();
    assert_eq!(code(edit("{", &["a"], None)), "CONFIG_INVALID");
    assert_eq!(code(edit("[]", &["a"], None)), "CONFIG_NOT_AN_OBJECT");
    assert_eq!(code(edit("{a: 1}", &["a", "b"], Some(json!(1)))), "CONFIG_NOT_AN_OBJECT");
    assert_eq!(code(edit("{a: [1]}", &["a", "7"], Some(json!(1)))), "CONFIG_NOT_AN_OBJECT");
    assert_eq!(code(edit("{}", &[], None)), "CONFIG_NO_PATH");
    assert_eq!(code(edit("{}", &["__proto__", "x"], Some(json!(1)))), "CONFIG_INVALID");
    assert_eq!(code(merge_patch("{}", &json!({"a": {"constructor": 1}}))), "CONFIG_INVALID");
    assert_eq!(code(merge_patch("{}", &json!([]))), "CONFIG_NOT_AN_OBJECT");
}

/// A generated document: members with a comment line above, and maybe one behind.
#[derive(Clone, Debug)]
enum Node {
    Leaf(&'static str),
    List(Vec<Node>),
    Object(Vec<(usize, bool, Node)>),
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop::sample::select(vec![
        "1",
        "-0x1F",
        "'a'",
        "\"\\u00e9 // no comment\"",
        "true",
        "null",
        "+.5",
        "{}",
        "[]",
    ]);
    leaf.prop_map(Node::Leaf).prop_recursive(4, 40, 5, |inner| {
        let member = (0usize..6, any::<bool>(), inner.clone());
        prop_oneof![vec(inner, 0..4).prop_map(Node::List), members(member)]
    })
}

fn members(member: impl Strategy<Value = (usize, bool, Node)> + 'static) -> BoxedStrategy<Node> {
    vec(member, 1..5)
        .prop_map(|mut members| {
            members.sort_by_key(|(name, ..)| *name);
            members.dedup_by_key(|(name, ..)| *name);
            Node::Object(members)
        })
        .boxed()
}

fn document() -> impl Strategy<Value = Node> {
    members((0usize..6, any::<bool>(), node()))
}

/// Writes a document; each comment is `@` and the path of what it belongs to.
fn print(node: &Node, path: &str, indent: &str, commas: bool, out: &mut String) {
    match node {
        Node::Leaf(text) => out.push_str(text),
        Node::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                let separator = if index > 0 { ", " } else { "" };
                out.push_str(separator);
                print(item, &format!("{path}/{index}"), indent, commas, out);
            }
            out.push(']');
        }
        Node::Object(members) => {
            out.push_str("{\n");
            for (index, (name, behind, member)) in members.iter().enumerate() {
                let path = format!("{path}/k{name}");
                out.push_str(&format!("{indent}  // @{path}@above\n{indent}  k{name}: "));
                print(member, &path, &format!("{indent}  "), commas, out);
                out.push_str(if commas || index + 1 < members.len() { "," } else { "" });
                out.push_str(&if *behind {
                    format!(" /* @{path}@behind */\n")
                } else {
                    "\n".into()
                });
            }
            out.push_str(&format!("{indent}}}"));
        }
    }
}

fn text_of(node: &Node, commas: bool) -> String {
    let mut text = String::new();
    print(node, "", "", commas, &mut text);
    text + "\n"
}

/// The comments of a text, by their own marks.
fn comments(text: &str) -> Vec<String> {
    let marks = text.split("// @").flat_map(|part| part.split("/* @")).skip(1);
    marks.filter_map(|part| part.split_once([' ', '\n']).map(|(mark, _)| mark.to_owned())).collect()
}

fn set(root: &mut Value, path: &[String], value: Option<&Value>) {
    let Value::Object(members) = root else { panic!("no object at {path:?}") };
    match (path, value) {
        ([name], Some(value)) => drop(members.insert(name.clone(), value.clone())),
        ([name], None) => drop(members.remove(name)),
        ([name, rest @ ..], Some(_)) => {
            set(
                members.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())),
                rest,
                value,
            );
        }
        ([name, rest @ ..], None) => {
            if let Some(member) = members.get_mut(name) {
                set(member, rest, value);
            }
        }
        _ => {}
    }
}

fn passes_only_objects(root: &Value, path: &[String]) -> bool {
    let (Some((name, rest)), Value::Object(members)) = (path.split_first(), root) else {
        return path.is_empty();
    };
    rest.is_empty() || members.get(name).is_none_or(|member| passes_only_objects(member, rest))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_keeps_all_other_values_and_all_comments(
        node in document(),
        commas in any::<bool>(),
        path in vec((0usize..7).prop_map(|n| format!("k{n}")), 1..4),
        value in prop::option::of(prop::sample::select(vec![json!(7), json!("x \"y\" \u{7f}\n"), json!({"n": [1, {"m": null}]}), json!([]), json!(1.5)])),
    ) {
        let raw = text_of(&node, commas);
        let mut expected = source(&raw);
        let names: Vec<_> = path.iter().map(String::as_str).collect();
        let edited = edit(&raw, &names, value.clone());
        if !passes_only_objects(&expected, &path) {
            match value {
                Some(_) => prop_assert_eq!(edited.unwrap_err().code(), "CONFIG_NOT_AN_OBJECT"),
                None => prop_assert_eq!(edited.unwrap(), raw),
            }
            return Ok(());
        }
        let edited = edited.unwrap();
        set(&mut expected, &path, value.as_ref());
        prop_assert_eq!(source(&edited), expected);

        let kept = comments(&edited);
        let edited_path = format!("/{}", path.join("/"));
        for comment in comments(&raw) {
            let owner = comment.split('@').next().unwrap_or_default();
            let inside = owner.starts_with(&format!("{edited_path}/"));
            let deleted = value.is_none() && owner == edited_path;
            prop_assert!(inside || deleted || kept.contains(&comment), "{} is gone from\n{}", comment, edited);
        }
    }

    #[test]
    fn any_document_can_become_any_other(from in document(), to in document(), commas in any::<bool>()) {
        let wanted = source(&text_of(&to, true));
        let text = replace(&text_of(&from, commas), &wanted).unwrap();
        prop_assert_eq!(source(&text), wanted);
    }

    #[test]
    fn no_text_panics(text in "[ \\n{}\\[\\]:,'\"/*a1.$\\\\x-]{0,60}") {
        let _ = Document::check(text.as_str(), Path::new("/nowhere/c.json"), &Env::default());
        let _ = edit(&text, &["a", "b"], Some(json!({"c": 1})));
        let _ = merge_patch(&text, &json!({"a": null, "a1": [1]}));
        let _ = restore_redacted_raw(&redact_raw(&text), &text);
    }
}
