//! `$include`: what it merges, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::Path;

use clawdbot_config::{ConfigError, Document, Env, Loaded};
use serde_json::json;
use tempfile::TempDir;

/// A configuration directory with files in it; the first is the document.
fn dir(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn load(dir: &Path) -> Result<Loaded, ConfigError> {
    Document::load(&dir.join("c.json"), &Env::default())
}

fn problem(dir: &Path) -> String {
    load(dir).unwrap_err().to_string()
}

#[test]
fn included_files_merge_and_siblings_win() {
    let dir = dir(&[
        ("c.json", "{ ui: { $include: ['./a.json', './sub/b.json'], seamColor: '#c' } }"),
        ("a.json", "{ seamColor: '#a', x: { list: [1], keep: 1 } }"),
        ("sub/b.json", "{ x: { list: [2] }, assistant: { $include: 'name.json' } }"),
        ("sub/name.json", "{ name: '${WHO}' }"),
    ]);
    let env: Env = [("WHO", "Clawd")].into_iter().collect();
    let loaded = Document::load(&dir.path().join("c.json"), &env).unwrap();
    assert_eq!(
        loaded.value["ui"],
        json!({ "seamColor": "#c", "x": { "list": [1, 2], "keep": 1 }, "assistant": { "name": "Clawd" } })
    );
    assert_eq!(loaded.config.ui.assistant.name.as_deref(), Some("Clawd"));
    assert_eq!(loaded.included.len(), 3);
    assert!(loaded.document.raw().unwrap().contains("$include"));
}

#[test]
fn cycles_name_the_chain_and_the_line() {
    let dir = dir(&[
        ("c.json", "{\n  ui: { $include: 'a.json' } }"),
        ("a.json", "{ x: { $include: 'b.json' } }"),
        ("b.json", "{ y: { $include: './a.json' } }"),
    ]);
    let problem = problem(dir.path());
    let chain = problem.split_once("include one another: ").unwrap().1;
    let names: Vec<_> =
        chain.lines().next().unwrap().split(" → ").map(|p| p.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["c.json", "a.json", "b.json", "a.json"]);
    assert!(problem.contains("line 2, column 7: ui.x.y: "), "{problem}");
}

#[test]
fn chains_are_at_most_eight_files_deep() {
    let chain = |length: usize| {
        let dir = dir(&[("c.json", "{ ui: { $include: '1.json' } }")]);
        for n in 1..=length {
            let next =
                if n < length { format!("{{ $include: '{}.json' }}", n + 1) } else { "{}".into() };
            fs::write(dir.path().join(format!("{n}.json")), next).unwrap();
        }
        load(dir.path()).map(|loaded| loaded.included.len()).map_err(|error| error.to_string())
    };
    assert_eq!(chain(8), Ok(8));
    assert!(chain(9).unwrap_err().contains("at most 8 deep"));
}

#[test]
fn many_includes_of_one_file_end_in_an_error() {
    let many = format!("{{ $include: [{}] }}", "'leaf.json',".repeat(100));
    let dir = dir(&[
        ("c.json", "{ a: {$include: 'm.json'}, b: {$include: 'm.json'}, c: {$include: 'm.json'} }"),
        ("m.json", &many),
        ("leaf.json", "{}"),
    ]);
    assert!(problem(dir.path()).contains("at most 256 files"));
}

#[test]
fn depth_counts_across_files() {
    let deep = format!("{}{{ $include: 'b.json' }}{}", "{a:".repeat(100), "}".repeat(100));
    let more = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let dir = dir(&[("c.json", &deep), ("b.json", &more)]);
    assert!(problem(dir.path()).contains("at most 128 levels"));
}

#[test]
fn files_outside_are_refused_without_their_content() {
    let outside = dir(&[("secret.json", "{ gateway: hunter2 }")]);
    let target = outside.path().join("secret.json");
    let inside = dir(&[("sub/c.json", ""), ("secret.json", "{ x: hunter2 }")]);
    let inside = inside.path().join("sub");
    for name in
        [target.to_str().unwrap(), "../secret.json", "/etc/passwd", "../../../../../../etc/passwd"]
    {
        fs::write(inside.join("c.json"), format!("{{ ui: {{ $include: '{name}' }} }}")).unwrap();
        let problem = problem(&inside);
        assert!(problem.contains("outside the configuration directory"), "{problem}");
        assert!(!problem.contains("hunter2") && !problem.contains("root:"), "{problem}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_the_outside_and_a_pipe_are_refused() {
    let outside = dir(&[("secret.json", "{}")]);
    let inside = dir(&[(
        "c.json",
        "{ a: { $include: 'link.json' }, b: { $include: 'links/secret.json' }, c: { $include: 'pipe' } }",
    )]);
    std::os::unix::fs::symlink(outside.path().join("secret.json"), inside.path().join("link.json"))
        .unwrap();
    std::os::unix::fs::symlink(outside.path(), inside.path().join("links")).unwrap();
    let made =
        std::process::Command::new("mkfifo").arg(inside.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let error = load(inside.path()).unwrap_err();
    let found: Vec<_> = error.issues.iter().map(|issue| issue.finding.to_string()).collect();
    assert_eq!(found.len(), 3, "{error}");
    assert!(found[0].contains("outside") && found[1].contains("outside"), "{error}");
    assert!(found[2].contains("expected a regular file"), "{error}");
}

#[test]
fn roots_named_by_the_environment_are_allowed() {
    let shared = dir(&[("ui.json", "{ seamColor: '#123' }")]);
    let name = shared.path().join("ui.json");
    let inside = dir(&[("c.json", &format!("{{ ui: {{ $include: '{}' }} }}", name.display()))]);
    let env: Env =
        [("CLAWDBOT_INCLUDE_ROOTS", shared.path().to_str().unwrap())].into_iter().collect();
    let loaded = Document::load(&inside.path().join("c.json"), &env).unwrap();
    assert_eq!(loaded.config.ui.seam_color.as_deref(), Some("#123"));
}

#[test]
fn wrong_includes_are_errors() {
    for (document, included, expected) in [
        ("{ ui: { $include: 5 } }", "", "expected a file name or a list"),
        ("{ ui: { $include: [] } }", "", "expected a file name or a list"),
        ("{ ui: { $include: 'missing.json' } }", "", "no such file"),
        ("{ ui: { $include: 'a.json' } }", "{ x: hunter2 }", "line 1, column 6"),
        ("{ ui: { $include: 'a.json', x: 1 } }", "[1]", "has to hold an object"),
        ("{ ui: { $include: 'a.json' } }", "[1]", "ui: expected an object, found a list"),
    ] {
        let dir = dir(&[("c.json", document), ("a.json", included)]);
        let problem = problem(dir.path());
        assert!(
            problem.contains(expected) && !problem.contains("hunter2"),
            "{document}: {problem}"
        );
    }
}
